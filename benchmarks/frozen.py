"""Runs on embeddings: seconds of one core for a fold, how they grow with the images, and seconds to embed FG-NET.

    python -m benchmarks.frozen        # about five minutes on one core

The stages run in processes of their own, on noise: 1,002 faces of 82 people, as many as FG-NET has, with the training settings
of config/frozen.yaml. A fold costs what six folds take more than one, divided by five. Bars: 1 s for KL, 3 s for PML; 60 s to
embed 1,002 faces of 160 pixels by the face network; the same cost for an image at 1, 4 and 16 times as many images.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import yaml

from benchmarks.paired import verdict
from benchmarks.stage import IMAGES, run_stage, train_folds, write_experiment
from benchmarks.training_step import settings_of
from pml.suite.settings import Frozen
from pml.task import Task

BARS = {"kl": 1.0, "pml": 3.0}
DIM, FOLDS = 1024, 6


def seconds_a_fold(method: str, images: int, folds: int = FOLDS) -> float:
    """Return the seconds of a processor that a fold takes beyond the start of its process."""
    training = yaml.safe_load(Path("config/frozen.yaml").read_text())["experiments"]["fgnet_frozen"]["training"]
    embedded = {"initialisation": "random", "face_size": 160}
    settings = settings_of(method, backbone="faceres_deep", frozen=Frozen(), embedded=embedded, schedule="cosine", **training)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_experiment(folder, np.random.default_rng(0).random((images, 2, DIM)).astype(np.float16), folds)
        one = train_folds(folder, settings, 1)
        shutil.rmtree(folder / "runs")
        return (train_folds(folder, settings, folds) - one) / (folds - 1)


def embedding_seconds(size: int) -> float:
    """Return the seconds of a processor that it takes to embed as many faces as FG-NET has."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "faces.npy", np.random.default_rng(0).integers(0, 256, (IMAGES, size, size, 3), np.uint8))
        settings = {
            "backbone": "faceres_deep",
            "backbone_options": {},
            "initialisation": "random",
            "copies": 0,
            "device": "cpu",
        }
        inputs, outputs = {"faces": str(folder / "faces.npy")}, {"embeddings": str(folder / "out.npy")}
        return run_stage("pml.training.embed:embed_faces", Task("embed_faces", {}, inputs, outputs, settings))


def main() -> None:
    for method, bar in BARS.items():
        print(verdict(f"{method}: seconds a fold", np.array([seconds_a_fold(method, IMAGES) for _ in range(3)]), bar))
    least = seconds_a_fold("kl", IMAGES)
    for times in (4, 16):
        ratio = seconds_a_fold("kl", times * IMAGES, folds=2) / least / times
        print(f"kl: cost of an image at {times} times the images over its cost at {IMAGES}: {ratio:.2f}")
    print(verdict(f"seconds to embed {IMAGES} faces of 160 pixels", np.array([embedding_seconds(160)]), 60))


if __name__ == "__main__":
    main()
