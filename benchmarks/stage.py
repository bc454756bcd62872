"""What benchmarks of whole stages share: an experiment on disk, and a stage in a process of its own."""

import json
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from pml.suite.settings import Settings
from pml.tables import load_schema, write_table
from pml.task import Task

IMAGES, PEOPLE = 1002, 82  # as many as FG-NET has
CHILD = """
import json, pkgutil, sys
from pml.task import Task
pkgutil.resolve_name(sys.argv[1])(Task(*json.load(sys.stdin)))
"""


def write_experiment(folder: Path, store: np.ndarray, folds: int) -> None:
    """Write the store of an experiment, faces or embeddings, its index and its folds: each leaves one of `PEOPLE` out."""
    generator = np.random.default_rng(0)
    count = len(store)
    images = [f"{number:06d}.jpg" for number in range(count)]
    people = generator.integers(0, PEOPLE, count)
    ages = generator.integers(0, 70, count).astype(float)
    index = pd.DataFrame({"image": images, "subject": people.astype(str), "age": ages, "age_std": np.nan})
    write_table(index.reindex(columns=list(load_schema("index")["properties"])), folder / "index.csv", "index")
    write_table(pd.DataFrame({"image": images, "source": "centre", "score": np.nan}), folder / "faces.csv", "faces")
    np.save(folder / "store.npy", store)
    parts = [np.where(people == fold - 1, "test", "train") for fold in range(1, folds + 1)]
    rows = [pd.DataFrame({"fold": fold, "image": images, "part": part}) for fold, part in enumerate(parts, 1)]
    write_table(pd.concat(rows), folder / "folds.csv", "folds")


def train_folds(folder: Path, settings: Settings, folds: int) -> float:
    """Run the stage on the first `folds` folds of such an experiment; return the seconds of a processor that it took."""
    files = {"index": "index.csv", "faces_table": "faces.csv", "store": "store.npy", "folds": "folds.csv"}
    given = {"method": "m", "class": settings.method, "options": settings.options, "courses": 1, "seed": 0, "keep_models": []}
    given |= {"data": {"label": "noise", "synthetic": True}, "folds": list(range(1, folds + 1)), "runs": str(folder / "runs")}
    inputs = {name: str(folder / file) for name, file in files.items()}
    task = Task("train_folds", {}, inputs, {"jobs": str(folder / "jobs.csv")}, given | {"training": asdict(settings)})
    return run_stage("pml.training.run:train_folds", task)


def run_stage(function: str, task: Task) -> float:
    """Run a stage in a process of its own; return the seconds of a processor that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = json.dumps([task.rule, task.wildcards, task.inputs, task.outputs, task.settings])
    subprocess.run([sys.executable, "-c", CHILD, function], input=text, text=True, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
