"""Runs on embeddings: the same loop, the same run directory, and a trunk in the place of a backbone."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from pml.errors import InputError
from pml.methods.method import Method
from pml.suite.settings import Augmentation, Frozen
from pml.training import batches, loop
from pml.training.data import ExperimentData
from pml.training.model import build_model, load_model, load_model_of_faces, predict
from pml.training.run import Run, train_folds
from tests.training.conftest import COUNT, NAME, SIZE, Store, write_store

CPU, DIM = torch.device("cpu"), 12


def pixels() -> tuple[nn.Module, int]:
    """A network that stands still: four averages of each colour."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten()), DIM


@pytest.fixture
def embedded(tmp_path) -> Store:
    """The noise faces, and in the place of their store that of their embeddings."""
    store = write_store(tmp_path)
    faces, network = np.load(store.store), pixels()[0]
    views = [network(batches.load(faces, np.arange(COUNT), CPU, mirrored)).half().numpy() for mirrored in (False, True)]
    np.save(tmp_path / "embeddings.npy", np.stack(views, 1))
    return dataclasses.replace(store, store=tmp_path / "embeddings.npy")


@pytest.fixture
def frozen(settings):
    given = {"initialisation": "random", "face_size": SIZE}
    own = {"backbone": f"{__name__}:pixels", "frozen": Frozen(width=8, dropout=0.1), "embedded": given}
    return dataclasses.replace(settings, **own, epochs=3)


def finish(settings, data: ExperimentData, directory, seed: int = 0):
    Run(settings, data, NAME, seed, 1, directory, CPU, keep_model=True).finish()
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "run.json"}


def test_a_run_on_embeddings_leaves_the_directory_of_any_other_run(frozen, embedded, finished, tmp_path):
    files = finish(frozen, embedded.open(), tmp_path / "run")
    assert files.keys() == {path.name for path in finished.directory.iterdir()} - {"run.json"}
    model, _ = load_model(tmp_path / "run", CPU)
    assert model.method.feature_dim == 8


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(frozen, embedded, tmp_path):
    first, again, other = (finish(frozen, embedded.open(), tmp_path / f"run{run}", run // 2) for run in range(3))
    assert first == again and first["predictions.csv"] != other["predictions.csv"]


def test_a_killed_run_resumes_to_the_same_bytes(frozen, embedded, tmp_path, monkeypatch):
    whole = finish(frozen, embedded.open(), tmp_path / "whole")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    watch, calls = loop.Trainer._watch, []

    def dying(trainer, epoch):
        calls.append(epoch)
        if calls == [0, 1]:
            raise KeyboardInterrupt
        return watch(trainer, epoch)

    monkeypatch.setattr(loop.Trainer, "_watch", dying)
    with pytest.raises(KeyboardInterrupt):
        finish(frozen, embedded.open(), tmp_path / "run")
    assert finish(frozen, embedded.open(), tmp_path / "run") == whole
    assert calls == [0, 1, 1, 2], "the epoch that had ended was not trained again"


def test_other_embeddings_are_another_run(frozen, embedded, tmp_path):
    finish(frozen, embedded.open(), tmp_path / "run")
    first = (tmp_path / "run" / "run.json").read_text()
    np.save(embedded.store, np.load(embedded.store) + np.float16(1))
    finish(frozen, embedded.open(), tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_text() != first


def test_with_its_network_in_front_the_model_takes_faces(frozen, embedded, tmp_path):
    data = embedded.open()
    finish(frozen, data, tmp_path / "run")
    rows = data.part(1, "test").store_rows
    on_embeddings, _ = predict(load_model(tmp_path / "run", CPU)[0], data.store, rows, frozen)
    on_faces, _ = predict(load_model_of_faces(tmp_path / "run", CPU)[0], np.load(tmp_path / "faces.npy"), rows, frozen)
    np.testing.assert_allclose(on_embeddings, on_faces, atol=0.02)  # float16


class OwnNetwork(Method):
    """A method that cannot be trained without pixels."""

    @classmethod
    def backbone(cls, shared, options):
        return pixels()

    def loss(self, features, ages, age_stds): ...

    def distribution(self, features): ...


@pytest.mark.parametrize("kind", ["faces", "embeddings", "more copies"])
def test_a_store_of_another_kind_than_the_training_needs_is_refused(frozen, embedded, settings, tmp_path, kind):
    given = settings if kind == "embeddings" else frozen
    store = dataclasses.replace(embedded, store=tmp_path / "faces.npy") if kind == "faces" else embedded
    if kind == "more copies":
        given = dataclasses.replace(frozen, frozen=dataclasses.replace(frozen.frozen, copies=1))
    with pytest.raises(InputError, match=f"{store.store.name}: .*the training needs "):
        train_folds(store.task(given, tmp_path / "runs", 1))


def test_a_method_with_a_network_of_its_own_is_refused(frozen):
    with pytest.raises(InputError, match="network of its own, which needs pixels; leave 'frozen' out"):
        build_model(dataclasses.replace(frozen, method=f"{__name__}:OwnNetwork"), CPU, DIM)


@pytest.mark.parametrize(("flip", "mirrored"), [(0, 0), (1, 1), (0.5, 0.5)])
def test_training_sees_the_mirror_image_as_often_as_a_flip_is_asked_for(flip, mirrored):
    columns = batches.draw_columns(4000, 2, flip, torch.Generator().manual_seed(0))
    assert columns.mean() == pytest.approx(mirrored, abs=0.03)


def test_training_sees_each_copy_as_often_as_the_face_and_its_mirror_image_together():
    columns = batches.draw_columns(4000, 5, 0.5, torch.Generator().manual_seed(0))
    shares = np.bincount(columns) / len(columns)
    assert shares == pytest.approx([0.125, 0.125, 0.25, 0.25, 0.25], abs=0.03)


def test_several_views_of_a_batch_are_drawn_apart_and_each_process_reads_its_share():
    store = np.random.default_rng(0).normal(size=(6, 2, 4)).astype(np.float16)
    rows, augmentation = np.array([4, 0, 2, 5]), Augmentation()
    whole = batches.load_views(store, rows, augmentation, torch.Generator().manual_seed(1), CPU, 2)
    assert whole.shape == (8, 4) and whole.dtype == torch.float32
    for view, share in ((0, slice(0, 2)), (0, slice(2, 4)), (1, slice(0, 2)), (1, slice(2, 4))):
        own = batches.load_views(store, rows, augmentation, torch.Generator().manual_seed(1), CPU, 2, share)
        assert own.chunk(2)[view].equal(whole.chunk(2)[view][share])
    for drawn, row in zip(whole[:4], rows, strict=True):
        assert any(drawn.equal(torch.from_numpy(view).float()) for view in store[row])
