"""Peak memory of training by the number of faces in the store: 1,000, 10,000 and 60,000 of 112 pixels.

    python -m benchmarks.memory        # about two minutes; writes 2.3 GB to a temporary folder

Each store is trained on by a fresh process, for as many steps. A store is read through the page cache, which all trainings of
a machine share and which the system takes back when it needs memory; what a process holds for itself must not grow with it.
The bar: at most 1.1 times as much at 60,000 faces as at 1,000, in memory that is the process's own.
"""

import argparse
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.lib.format import open_memmap

from benchmarks.training_step import settings_of
from pml.training.data import Part
from pml.training.loop import Trainer
from pml.training.model import build_model

SIZES = (1_000, 10_000, 60_000)
TRAINED = 640
BAR = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().sizes
    own = []
    for count in sizes:
        with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as pool:
            write_store(Path(folder) / "faces.npy", count)
            peak, private = pool.submit(measure, Path(folder) / "faces.npy").result()
        own.append(private)
        print(
            f"{count:7,} faces: {private:6.0f} MB of its own at the end, peak {peak:6.0f} MB with pages of files",
            flush=True,
        )
    ratio = own[-1] / own[0]
    met = "met" if ratio <= BAR else "missed"
    print(f"memory at {sizes[-1]:,} / at {sizes[0]:,} faces: {ratio:.3f}, bar at most {BAR}: {met}")


def write_store(path: Path, count: int) -> None:
    """Write `count` faces of noise of 112 pixels."""
    store, generator = open_memmap(path, "w+", np.uint8, (count, 112, 112, 3)), np.random.default_rng(0)
    for start in range(0, count, 1000):
        store[start : start + 1000] = generator.integers(0, 256, store[start : start + 1000].shape, np.uint8)


def measure(path: Path) -> tuple[float, float]:
    """Return MB of memory of training on faces from all over a store: at its peak, and at the end without pages of files."""
    torch.set_num_threads(1)
    faces = np.load(path, mmap_mode="r")
    # Ages for all, steps for a few: the whole table is in memory, and the steps touch every part of the store.
    index = pd.DataFrame({"age": np.random.default_rng(0).uniform(15, 70, len(faces)), "age_std": np.nan})
    rows = np.linspace(0, len(faces) - 1, TRAINED).astype(int)
    part = Part(index.iloc[rows], rows, np.ones(TRAINED, int))
    settings = settings_of("pml", backbone="resnet18")
    Trainer(build_model(settings, torch.device("cpu")), settings, faces, part).train()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return peak, float(status["RssAnon"].split()[0]) / 1024


if __name__ == "__main__":
    main()
