"""The run directory: what one run (experiment x method x fold x seed) leaves behind. Nothing here needs PyTorch."""

import json
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.files import replacing, write_table, write_text
from pml.task import Task


def of_fold(task: Task, fold: int) -> Path:
    """Return the run directory of one of a job's folds."""
    return Path(task.settings["runs"]) / f"fold{fold:03d}"


def write_jobs(task: Task) -> None:
    """Write the table of a job's finished runs."""
    settings = task.settings
    rows = [
        {"method": settings["method"], "seed": settings["seed"], "fold": fold, "run": str(of_fold(task, fold))}
        for fold in settings["folds"]
    ]
    write_table(pd.DataFrame(rows), task.outputs["jobs"], "runs")


def is_finished(directory: Path, run_fingerprint: str, needs_model: bool) -> bool:
    """Tell whether the run is complete and was made from the same settings and data."""
    if needs_model and not (directory / "model.pt").exists():
        return False
    try:
        return json.loads((directory / "run.json").read_text())["fingerprint"] == run_fingerprint
    except (FileNotFoundError, KeyError, ValueError):
        return False


def clear(directory: Path, checkpoint: Path) -> None:
    """Make the directory if it is missing; remove all that tells of another run than the one that `checkpoint` belongs to.

    The courses and epochs that a run has behind it are its own only together with its checkpoint, so they stay or go together.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stale = [directory / "run.json", directory / "model.pt"]
    stale += [path for path in directory.glob("checkpoint-*.pt") if path != checkpoint]
    if not checkpoint.exists():
        stale += [directory / "history.csv", *directory.glob("predictions_course*.csv")]
        shutil.rmtree(directory / "tensorboard", ignore_errors=True)
    for path in stale:
        path.unlink(missing_ok=True)


def write_predictions(directory: Path, index: pd.DataFrame, predicted_ages: np.ndarray, course: int | None = None) -> None:
    """Write predictions.csv, or predictions_course<n>.csv, what a run predicts when a course of its curriculum has ended."""
    predictions = pd.DataFrame({"image": index["image"], "age": index["age"], "predicted_age": predicted_ages})
    write_table(predictions, directory / f"predictions{'' if course is None else f'_course{course}'}.csv", "predictions")


def write_distribution(directory: Path, ages: range, distribution: np.ndarray | None) -> None:
    """Write predictions.npz if the method has a distribution."""
    (directory / "predictions.npz").unlink(missing_ok=True)
    if distribution is not None:
        with replacing(directory / "predictions.npz") as temporary:
            np.savez(temporary, ages=np.array(ages), distribution=distribution.astype(np.float32))


def write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    """Write a table of numbers, if there is anything to write."""
    path.unlink(missing_ok=True)
    if rows:
        with replacing(path) as temporary:
            pd.DataFrame(rows).to_csv(temporary, index=False, lineterminator="\n")


def write_run(directory: Path, *packages: str, **facts: object) -> None:
    """Write run.json, last of all: its presence says that the run is complete. It tells the versions of the `packages`."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    facts |= {"commit": _commit(), "versions": versions}
    write_text(json.dumps(facts, indent=2) + "\n", directory / "run.json")


def read_run(directory: Path) -> dict:
    """Return the facts of run.json.

    Raises:
        InputError: the directory holds no finished run.
    """
    try:
        return json.loads((directory / "run.json").read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{directory}: not a finished run: {error}; name a directory that holds run.json") from None


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
