"""Runs of untrained models, and photos of drawn faces, for tests of what is done with a trained model."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from pml.datasets.synthetic.camera import neutral
from pml.datasets.synthetic.people import draw_person, look_at
from pml.methods.method import Method, Network
from pml.suite.settings import Settings
from pml.tables import write_table
from pml.training import run_directory
from pml.training.model import build_model

OWN = {
    "method": "dex",
    "options": {},
    "backbone": "tests.untrained:tiny",
    "backbone_options": {},
    "initialisation": "random",
    "courses": 1,
}
SETTINGS = Settings(**OWN, device="cpu")
FACE_SIZE = 48
COUNTS = {"train_images": 4, "test_images": 3, "fold": 1, "seed": 0, "selected_epoch": 1}
FACTS = COUNTS | {"face_size": FACE_SIZE, "data": "noise"}


def tiny() -> Network:
    """Return a network that is quick to build and to run."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()), 8


class Regressor(Method):
    """A method without a distribution."""

    def loss(self, features, ages, age_stds):
        raise NotImplementedError

    def distribution(self, features):
        return None

    def predict(self, features):
        return torch.full((len(features),), 33.25)


class Lost(Regressor):
    """A method that predicts no number."""

    def predict(self, features):
        return torch.full((len(features),), torch.nan)


class Unknown(Regressor):
    """A method that ONNX has no counterpart of."""

    def predict(self, features):
        return torch.linalg.svdvals(features[:, None])[:, 0]


def write_run(directory: Path, settings: Settings = SETTINGS, **facts) -> Path:
    directory.mkdir(parents=True)
    torch.manual_seed(0)
    model = build_model(settings, torch.device("cpu"), facts.get("embedding_dim"))
    with torch.no_grad():  # a head so steep that a face and its mirror image differ in age
        for weight in model.method.parameters():
            weight *= 30
    model.save(directory / "model.pt")
    predictions = pd.DataFrame({"image": ["a", "b", "c"], "age": [3.0, 4.0, 15.0], "predicted_age": [5.0, 4.0, 9.0]})
    write_table(predictions, directory / "predictions.csv", "predictions")
    run_directory.write_run(directory, "torch", settings=settings.as_dict(), **FACTS | facts)
    return directory


def draw_photo(seed: int = 3) -> np.ndarray:
    """Return a picture of a drawn person, (height, width, 3) uint8."""
    picture, _ = neutral(look_at(draw_person(np.random.default_rng(seed)), 30, np.random.default_rng(0)))
    return picture
