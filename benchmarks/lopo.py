"""Leave-one-person-out: seconds that a fold takes beyond its training steps, when nine folds share a process.

    python -m benchmarks.lopo        # about three minutes on one core

The stage is started as its rule starts it, on a store of 1,002 faces of noise of 48 pixels and 82 people, as many as FG-NET
has. What counts is the time from start to end of the process, imports, fingerprints, predictions and files included, less the
time in training that run.json tells. The bar is 1 s.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from benchmarks.training_step import settings_of
from pml.files import load_schema, write_table

IMAGES, PEOPLE, BAR = 1002, 82, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=9, help="in the process")
    folds = parser.parse_args().folds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, folds)
        tables = {"settings": "settings.json", "index": "index.csv", "faces-table": "faces.csv", "faces": "faces.npy"}
        tables |= {"folds-table": "folds.csv", "runs": "runs", "output": "runs.csv"}
        command = [sys.executable, "-m", "pml.training.run", "--name", "pml", "--data", "noise", "--seed", "0", "--folds"]
        command += [*map(str, range(1, folds + 1))]
        command += [text for option, path in tables.items() for text in (f"--{option}", str(folder / path))]
        start = perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        seconds = perf_counter() - start
        training = sum(json.loads(path.read_text())["seconds"] for path in folder.glob("runs/fold*/run.json"))
    beyond = (seconds - training) / folds
    met = "met" if beyond <= BAR else "missed"
    print(f"{folds} folds: {seconds:.1f} s, {training:.1f} in training; {beyond:.2f} s a fold beyond it, bar {BAR:g}: {met}")


def write_inputs(folder: Path, folds: int) -> None:
    """Write what the stage reads."""
    generator = np.random.default_rng(0)
    images = [f"{number:04d}.jpg" for number in range(IMAGES)]
    people = generator.integers(0, PEOPLE, IMAGES)
    ages = generator.integers(0, 70, IMAGES).astype(float)
    index = pd.DataFrame({"image": images, "subject": people.astype(str), "age": ages, "age_std": np.nan})
    write_table(index.reindex(columns=list(load_schema("index")["properties"])), folder / "index.csv", "index")
    write_table(pd.DataFrame({"image": images, "source": "centre", "score": np.nan}), folder / "faces.csv", "faces")
    np.save(folder / "faces.npy", generator.integers(0, 256, (IMAGES, 48, 48, 3), np.uint8))
    parts = [np.where(people == fold - 1, "test", "train") for fold in range(1, folds + 1)]
    rows = [pd.DataFrame({"fold": fold, "image": images, "part": part}) for fold, part in enumerate(parts, 1)]
    write_table(pd.concat(rows), folder / "folds.csv", "folds")
    settings = settings_of("pml.progressive_margin:PML", backbone="resnet18", precision="auto", mirror_test=True, epochs=2)
    (folder / "settings.json").write_text(json.dumps(settings.as_dict()))


if __name__ == "__main__":
    main()
