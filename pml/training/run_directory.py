"""The run directory: what one run (experiment x method x fold x seed) leaves behind."""

import dataclasses
import json
import platform
import resource
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pml.errors import InputError
from pml.files import replacing, write_table
from pml.method import Method, method_class, method_options
from pml.training.backbone import build_backbone
from pml.training.batch_norm import batch_norm
from pml.training.loop import Model
from pml.training.settings import Settings, build_settings


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

    The courses that a run has behind it are its own only together with its checkpoint, so the two stay or go together.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stale = [directory / "run.json", directory / "model.pt"]
    stale += [path for path in directory.glob("checkpoint-*.pt") if path != checkpoint]
    if not checkpoint.exists():
        stale += directory.glob("predictions_course*.csv")
    for path in stale:
        path.unlink(missing_ok=True)


def write_predictions(
    directory: Path, index: pd.DataFrame, predicted_ages: np.ndarray, ages: range, distribution: np.ndarray | None
) -> None:
    """Write predictions.csv and, if the method has a distribution, predictions.npz."""
    _write_ages(directory / "predictions.csv", index, predicted_ages)
    (directory / "predictions.npz").unlink(missing_ok=True)
    if distribution is not None:
        with replacing(directory / "predictions.npz") as temporary:
            np.savez(temporary, ages=np.array(ages), distribution=distribution.astype(np.float32))


def write_course(directory: Path, course: int, index: pd.DataFrame, predicted_ages: np.ndarray) -> None:
    """Write predictions_course<n>.csv, what a run predicts when a course of its curriculum has ended."""
    _write_ages(directory / f"predictions_course{course}.csv", index, predicted_ages)


def _write_ages(path: Path, index: pd.DataFrame, predicted_ages: np.ndarray) -> None:
    predictions = pd.DataFrame({"image": index["image"], "age": index["age"], "predicted_age": predicted_ages})
    write_table(predictions, path, "predictions")


def write_history(directory: Path, model: Model) -> None:
    """Write history.csv and, if the method has margins, margins.csv, one row per epoch each."""
    (directory / "margins.csv").unlink(missing_ok=True)
    for name, rows in (("history.csv", model.history), ("margins.csv", model.margins)):
        if rows:
            with replacing(directory / name) as temporary:
                pd.DataFrame(rows).to_csv(temporary, index=False, lineterminator="\n")


def write_model(directory: Path, model: Model) -> None:
    """Write model.pt: weights only."""
    # torch.save writes the name of a path into the file, and the temporary name is another in every process.
    with replacing(directory / "model.pt") as temporary, temporary.open("wb") as file:
        torch.save(model.weights(), file)


def write_run(directory: Path, settings: Settings, **facts: object) -> None:
    """Write run.json, last of all: its presence says that the run is complete."""
    facts |= {
        "settings": settings.as_dict(),
        "commit": _commit(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        # Of the process, the first of several, so of this fold and those it trained before.
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated() / 2**20) if torch.cuda.is_available() else None,
    }
    with replacing(directory / "run.json") as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")


def read_run(directory: Path) -> dict:
    """Return the facts of run.json.

    Raises:
        InputError: the directory holds no finished run.
    """
    try:
        return json.loads((directory / "run.json").read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{directory}: not a finished run: {error}; name a directory that holds run.json") from None


def build_model(settings: Settings, device: torch.device) -> Model:
    """Return the untrained backbone and method of `settings`; the caller seeds torch."""
    backbone, feature_dim = build_backbone(settings.backbone, settings.initialisation, batch_norm(device))
    kind = method_class(settings.method)
    if not issubclass(kind, Method):
        raise InputError(f"method '{settings.method}' looks at no pixels, so it has no model")
    method = kind(feature_dim, settings.age_classes, method_options(settings.method, settings.options))
    # The layout in which convolutions are fastest, on CPUs as on GPUs.
    return Model(backbone.to(device, memory_format=torch.channels_last), method.to(device), device)


def load_model(directory: Path, device: torch.device) -> tuple[Model, Settings]:
    """Return the trained model of a run directory, and its settings.

    Raises:
        InputError: the directory holds no finished run, or one of other settings than today's, or its model was not kept.
    """
    values = read_run(directory)["settings"]
    path = directory / "model.pt"
    if not path.exists():
        raise InputError(f"{path}: no such file; add the run's fold to 'keep_models' in its config and run the workflow again")
    weights = torch.load(path, map_location=device, weights_only=True)
    settings = build_settings(values, f"{directory / 'run.json'}: settings")
    model = build_model(dataclasses.replace(settings, initialisation="random"), device)
    model.load_weights(weights)
    return model, settings


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
