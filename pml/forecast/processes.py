"""What a job takes beside its images: whole stages, started as the rules start them, on a handful of noise faces."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from pml.config import check_config, run_settings
from pml.errors import InputError
from pml.files import load_schema, write_table
from pml.forecast.rates import Rates

ROOT = Path(__file__).parents[2]  # where `python -m` finds the stages
IMAGES, SIZE = 24, 32
CONFIG = {
    "suite": "calibration",
    "datasets": {"noise": {"format": "fgnet", "label": "noise", "archives": [{"path": "noise"}]}},
    "methods": {"pml": {"class": "pml.progressive_margin:PML", "label": "PML"}},
    "experiments": {
        "noise": {
            "dataset": "noise",
            "protocol": "random",
            "folds": [1],
            "methods": ["pml"],
            "backbone": "resnet18",
            "training": {"epochs": 1, "batch_size": 6},
        }
    },
}
TRAIN = (
    "pml.training.run --settings {}/settings.json --name pml --data noise --index {}/index.csv --faces-table {}/faces.csv"
    " --faces {}/faces.npy --folds-table {}/folds.csv --folds 1 --seed 0 --runs {} --output {}/jobs.csv"
)
SMALL_JOBS = (
    "pml.evaluation.pool --index {}/index.csv --folds {}/folds.csv --jobs {}/jobs.csv --output {}/pooled.csv",
    "pml.evaluation.evaluate --data noise --pooled {}/pooled.csv --metrics {}/metrics.csv --decades {}/decades.csv",
    "pml.reporting.curves --jobs {}/jobs.csv --labels pml=PML --data noise --pdf {}/curves.pdf --png {}/curves.png",
    "pml.reporting.errors_by_age --metrics {}/metrics.csv --decades {}/decades.csv --labels pml=PML --data noise"
    " --pdf {}/errors.pdf --png {}/errors.png",
)


def measure_processes() -> Rates:
    """Return what a process of training takes beside its images, and one of tables and figures on average.

    Raises:
        InputError: a stage fails; the message ends with what it said.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tested = write_inputs(folder)
        start = _run(TRAIN, folder)
        small = [_run(command, folder) for command in SMALL_JOBS]
        written = sum(path.stat().st_size for path in folder.glob("fold001/predictions.*"))
    return Rates(start=[start], small_job=[sum(small) / len(small)], prediction_bytes=[written / tested])


def write_inputs(folder: Path) -> int:
    """Write what the stage of training reads to `folder`; return how many faces are tested."""
    generator = np.random.default_rng(0)
    images = [f"{number:02d}.jpg" for number in range(IMAGES)]
    index = pd.DataFrame({"image": images, "age": generator.uniform(20, 60, IMAGES)})
    index = index.assign(subject=[str(number % 6) for number in range(IMAGES)])
    write_table(index.reindex(columns=list(load_schema("index")["properties"])), folder / "index.csv", "index")
    write_table(pd.DataFrame({"image": images, "source": "centre", "score": np.nan}), folder / "faces.csv", "faces")
    np.save(folder / "faces.npy", generator.integers(0, 256, (IMAGES, SIZE, SIZE, 3), np.uint8))
    parts = np.where(np.arange(IMAGES) % 4, "train", "test")
    write_table(pd.DataFrame({"fold": 1, "image": images, "part": parts}), folder / "folds.csv", "folds")
    (folder / "settings.json").write_text(json.dumps(run_settings(check_config(CONFIG), "noise", "pml", "random")))
    return int((parts == "test").sum())


def _run(command: str, folder: Path) -> float:
    """Return the seconds that a stage takes as a process of its own, with its files in `folder`."""
    arguments = [argument.replace("{}", str(folder)) for argument in command.split()]
    start = perf_counter()
    stage = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = perf_counter() - start
    if stage.returncode:
        said = (stage.stderr.strip() or "it says nothing").splitlines()[-1]
        raise InputError(f"python -m {arguments[0]} fails on a small example, so it would in the suite: {said}")
    return seconds
