"""Leave-one-person-out: seconds that a fold takes beyond its training steps, when nine folds share a process.

    python -m benchmarks.lopo        # about three minutes on one core

The stage runs in a process of its own, on a store of 1,002 faces of noise of 48 pixels and 82 people, as many as FG-NET has.
What counts is the time from start to end of the process, imports, fingerprints, predictions and files included, less the time
in training that run.json tells. The bar is 1 s.
"""

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.stage import IMAGES, train_folds, write_experiment
from benchmarks.training_step import settings_of

BAR = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=9, help="in the process")
    folds = parser.parse_args().folds
    settings = settings_of("pml", backbone="resnet18", precision="auto", mirror_test=True, epochs=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        faces = np.random.default_rng(0).integers(0, 256, (IMAGES, 48, 48, 3), np.uint8)
        write_experiment(folder, faces, folds)
        start = perf_counter()
        train_folds(folder, settings, folds)
        seconds = perf_counter() - start
        training = sum(json.loads(path.read_text())["seconds"] for path in folder.glob("runs/fold*/run.json"))
    beyond = (seconds - training) / folds
    met = "met" if beyond <= BAR else "missed"
    print(f"{folds} folds: {seconds:.1f} s, {training:.1f} in training; {beyond:.2f} s a fold beyond it, bar {BAR:g}: {met}")


if __name__ == "__main__":
    main()
