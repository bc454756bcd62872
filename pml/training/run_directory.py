"""The run directory: what one run (experiment x method x fold x seed) leaves behind. Nothing here needs PyTorch."""

import hashlib
import json
import platform
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.files import read_arrays, read_json, replacing, write_text
from pml.json_schema import check_json
from pml.suite.settings import Crop, schema_of
from pml.tables import load_schema, read_table, write_table
from pml.task import Task

REDO = "run snakemake with --forcerun train_folds look_up_folds: trained runs that are whole are kept"


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
    rows = [row | {"of": len(rows)} for row in rows]
    write_table(pd.DataFrame(rows), task.outputs["jobs"], "runs")


def read_runs(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Return the finished runs that tables of them list, as their schema has it, in the order of the tables.

    Raises:
        InputError: a table cannot be read or has lost rows, or a run is listed twice.
    """
    tables = []
    for path in paths:
        table = read_table(path, "runs")
        if table.empty or ("of" in table and (table["of"] != len(table)).any()):
            raise InputError(f"{path}: {len(table)} rows, which are not all runs of the job; {REDO}")
        tables.append(table.drop(columns="of", errors="ignore"))
    runs = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["method", "seed", "fold", "run"])
    twice = runs[runs.duplicated(["method", "seed", "fold"])]
    if len(twice):
        listed = ", ".join(map(str, paths))
        raise InputError(f"{listed}: run {twice['run'].iloc[0]} repeats a method, seed and fold; list each once")
    return runs


def is_finished(directory: Path, run_fingerprint: str, needs_model: bool) -> bool:
    """Tell whether the run is complete, was made from the same settings and data, and has its files as it left them."""
    if needs_model and not (directory / "model.pt").exists():
        return False
    try:
        facts = read_run(directory)
        check_run(directory, *facts.get("files", {}))
    except InputError:
        return False
    return facts.get("fingerprint") == run_fingerprint


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
    path = directory / "predictions.npz"
    if distribution is None:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as temporary:
        np.savez(temporary, ages=np.array(ages), distribution=distribution.astype(np.float32))


def write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    """Write a table of numbers, if there is anything to write."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, lineterminator="\n")


def write_run(directory: Path, *packages: str, **facts: object) -> None:
    """Write run.json, last of all: its presence says that the run is complete. It tells the versions of the `packages`."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    facts |= {"commit": _commit(), "versions": versions, "files": {path.name: _digest(path) for path in _products(directory)}}
    write_text(json.dumps(facts, indent=2) + "\n", directory / "run.json")


def read_run(directory: Path, *needed: str) -> dict:
    """Return the facts of run.json (`pml/schemas/run.schema.yaml`); those that are `needed` are there.

    Raises:
        InputError: the directory holds no finished run, or one whose run.json is damaged or lacks a fact.
    """
    path = directory / "run.json"
    if not path.exists():
        raise InputError(f"{directory}: not a finished run; name a directory that holds run.json")
    facts, schema = read_json(path), load_schema("run")
    schema["properties"]["crop"] |= schema_of(Crop)
    try:
        check_json(facts, schema, str(path))
    except InputError as error:
        raise InputError(f"{error}; {REDO}") from None
    if missing := [name for name in needed if name not in facts]:
        raise InputError(f"{path}: keys missing: {missing}; name the run of a method that is trained")
    return facts


def read_distribution(run: Path, rows: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the (K,) ages in years and the (rows, K) float32 distributions that a run predicts, or None if it left none.

    Raises:
        InputError: predictions.npz is damaged, or has not a row for each of the `rows` of predictions.csv.
    """
    path = run / "predictions.npz"
    if not path.exists():
        return None
    arrays = read_arrays(path, ages=1, distribution=2)
    ages, distribution = arrays["ages"], arrays["distribution"]
    if distribution.shape != (rows, len(ages)):
        raise InputError(
            f"{path}: 'distribution' is {' x '.join(map(str, distribution.shape))}, but there are {rows} predictions "
            f"and {len(ages)} ages; {REDO}"
        )
    return ages, distribution


def check_run(directory: Path, *names: str) -> None:
    """Check that files of a finished run are as it left them, by the checksums in run.json; an older run has none.

    Raises:
        InputError: one was changed or is gone, or run.json is damaged.
    """
    digests = read_run(directory).get("files", {})
    for name in names:
        path = directory / name
        if name in digests and not (path.is_file() and _digest(path) == digests[name]):
            raise InputError(f"{path}: not as the run left it, by the checksum in run.json; {REDO}")


def _products(directory: Path) -> list[Path]:
    """Return the files of a run but for run.json and its checkpoints."""
    return sorted(path for path in directory.iterdir() if path.suffix in (".csv", ".npz") or path.name == "model.pt")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
