"""A store of 24 noise faces, and one run trained on it."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pml.data_name import DataName
from pml.suite.settings import Settings
from pml.tables import load_schema, write_table
from pml.task import Task
from pml.training import loop
from pml.training.data import ExperimentData
from pml.training.run import Run

SIZE, COUNT = 32, 24
CPU = torch.device("cpu")
NAME = DataName("noise", synthetic=True)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def every_epoch_has_a_line(monkeypatch):
    monkeypatch.setattr(loop, "LOG_SECONDS", 0)


@dataclasses.dataclass(frozen=True)
class Store:
    """The paths of a face store and its tables."""

    index: Path
    faces_table: Path
    store: Path
    folds: Path

    def open(self) -> ExperimentData:
        return ExperimentData(self.index, self.faces_table, self.store, self.folds)

    def task(self, settings: Settings, runs: Path, *folds: int, seed: int = 0) -> Task:
        """Return the job that trains on folds, all of whose models are kept."""
        inputs = {name: str(path) for name, path in dataclasses.asdict(self).items()}
        given = {"method": "pml", "class": settings.method, "options": settings.options, "courses": settings.courses}
        given |= {"data": dataclasses.asdict(NAME), "folds": folds, "seed": seed, "runs": str(runs), "keep_models": folds}
        training = {"training": settings.as_dict()}
        return Task("train_folds", {}, inputs, {"jobs": str(runs.parent / "job.csv")}, given | training)


def write_store(folder: Path) -> Store:
    """Write noise faces of people aged 20 to 40, and two folds of 18 training and 6 test images."""
    generator = np.random.default_rng(0)
    store = Store(folder / "index.csv", folder / "faces.csv", folder / "faces.npy", folder / "folds.csv")
    images = [f"{number:02d}.jpg" for number in range(COUNT)]
    index = pd.DataFrame({"image": images, "subject": "a", "age": generator.uniform(20, 40, COUNT), "age_std": np.nan})
    write_table(index.reindex(columns=list(load_schema("index")["properties"])), store.index, "index")
    # The store holds the faces in another order than the index.
    stored = list(reversed(images))
    write_table(pd.DataFrame({"image": stored, "source": "centre", "score": np.nan}), store.faces_table, "faces")
    np.save(store.store, generator.integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8))
    folds = [
        {"fold": fold, "image": image, "part": "test" if number % 4 == fold else "train"}
        for fold in (1, 2)
        for number, image in enumerate(images)
    ]
    write_table(pd.DataFrame(folds), store.folds, "folds")
    return store


@pytest.fixture
def store(tmp_path) -> Store:
    return write_store(tmp_path)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """PML on resnet18, two epochs of two batches."""
    run = {"method": "pml", "options": {}, "backbone": "resnet18", "backbone_options": {}, "initialisation": "random"}
    return Settings(**run, courses=1, ages=(20, 40), epochs=2, batch_size=8, learning_rate=0.001, device="cpu")


@dataclasses.dataclass(frozen=True)
class Finished:
    """A finished run of fold 1, seed 0."""

    directory: Path
    data: ExperimentData
    store: Store


@pytest.fixture(scope="session")
def finished(tmp_path_factory, settings) -> Finished:
    """A run with its model kept. Tests read it and leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    store = write_store(folder)
    Run(settings, store.open(), NAME, 0, 1, folder / "run", CPU, keep_model=True).finish()
    return Finished(folder / "run", store.open(), store)
