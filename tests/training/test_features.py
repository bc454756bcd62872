from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pml.errors import InputError
from pml.reporting.figure4 import read_features
from pml.suite.settings import Augmentation, Settings
from pml.tables import load_schema, write_table
from pml.task import Task
from pml.training import run_directory
from pml.training.augmentation import normalise
from pml.training.features import extract_features
from pml.training.model import build_model

AUGMENTATION = Augmentation(flip=0, scale=0, rotation=0, translation=0, one_of=False, colour=(0, 0, 0, 0))
RUN = {"method": "dex", "options": {}, "backbone": "resnet18", "backbone_options": {}, "initialisation": "random", "courses": 1}
SETTINGS = Settings(**RUN, augmentation=AUGMENTATION, batch_size=2)
# Neither the store nor folds.csv is in the order of the index, and d.png has no part in the fold.
IMAGES, STORE = ["a.png", "b.png", "c.png", "d.png", "e.png"], ["e.png", "b.png", "c.png", "d.png", "a.png"]
AGES = [3.0, 17.25, 40.0, 41.0, 68.0]
PARTS = {"e.png": "test", "c.png": "train", "a.png": "train", "b.png": "validation"}


@pytest.fixture
def experiment(tmp_path):
    """Write the tables, a store of noise and a run with an untrained model; return the folder and the model."""
    columns = load_schema("index")["properties"]
    write_table(pd.DataFrame({"image": IMAGES, "age": AGES}).reindex(columns=columns), tmp_path / "index.csv", "index")
    columns = load_schema("faces")["properties"]
    write_table(pd.DataFrame({"image": STORE, "source": "centre"}).reindex(columns=columns), tmp_path / "faces.csv", "faces")
    folds = [(1, "d.png", "train"), *((2, image, part) for image, part in PARTS.items())]
    write_table(pd.DataFrame(folds, columns=["fold", "image", "part"]), tmp_path / "folds.csv", "folds")
    np.save(tmp_path / "faces.npy", np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8))
    torch.manual_seed(0)
    model = build_model(SETTINGS, torch.device("cpu"))
    model.save(tmp_path / "model.pt")
    run_directory.write_run(tmp_path, settings=SETTINGS.as_dict(), fold=2)
    return tmp_path, model


def run_stage(folder: Path, name: str) -> Path:
    inputs = {"index": "index.csv", "faces_table": "faces.csv", "store": "faces.npy", "folds": "folds.csv"}
    inputs = {key: str(folder / file) for key, file in inputs.items()}
    extract_features(Task("extract_features", {}, inputs, {"features": str(folder / name)}, {"run": str(folder)}))
    return folder / name


def test_every_image_of_both_parts_has_the_features_of_its_own_face(experiment):
    folder, model = experiment
    with np.load(run_stage(folder, "features.npz")) as arrays:
        found = dict(arrays)
    assert list(found["image"]) == ["c.png", "a.png", "e.png"]
    assert list(found["part"]) == ["train", "train", "test"]
    assert list(found["age"]) == [40.0, 3.0, 68.0]
    assert found["features"].dtype == np.float32
    store = np.load(folder / "faces.npy")
    model.backbone.eval()
    for image, feature in zip(found["image"], found["features"], strict=True):
        face = torch.from_numpy(store[[STORE.index(image)]])
        with torch.inference_mode():
            np.testing.assert_allclose(feature, model.backbone(normalise(face))[0], rtol=1e-4, atol=1e-5)


def test_figure_4_reads_the_file(experiment):
    folder, _ = experiment
    read = read_features(run_stage(folder, "features.npz"))
    assert list(read.images) == ["c.png", "a.png", "e.png"] and read.features.shape == (3, 512)


def test_the_same_run_gives_the_same_bytes(experiment):
    folder, _ = experiment
    assert run_stage(folder, "first.npz").read_bytes() == run_stage(folder, "second.npz").read_bytes()


def test_folds_that_lack_the_run_s_own_are_refused_and_the_known_ones_named(experiment):
    folder, _ = experiment
    run_directory.write_run(folder, settings=SETTINGS.as_dict(), fold=7)
    with pytest.raises(InputError, match=r"fold 7.*\[1, 2\]"):
        run_stage(folder, "features.npz")
    assert not (folder / "features.npz").exists()


def test_a_run_whose_model_was_not_kept_is_refused(experiment):
    folder, _ = experiment
    (folder / "model.pt").unlink()
    with pytest.raises(InputError, match="model.pt"):
        run_stage(folder, "features.npz")
