"""The store of embeddings: what a network that stands still makes of every face."""

import resource

import numpy as np
import pytest
import torch
from torch import nn

from pml.backbones.build import build_frozen
from pml.errors import InputError
from pml.suite.settings import Augmentation
from pml.task import Task
from pml.training import embed
from pml.training.augmentation import normalise
from pml.training.batches import load

COUNT, SIZE = 150, 16  # three batches


def shades(*, brighter: float = 1) -> tuple[nn.Module, int]:
    """A network that tells the left half of a face from its right half."""
    return nn.Sequential(nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten(), Times(brighter)), 6


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, inputs):
        return inputs * self.factor


@pytest.fixture
def faces(tmp_path):
    faces = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
    np.save(tmp_path / "faces.npy", faces)
    return faces


def task(folder, copies: int = 0, brighter: float = 1, name: str = "out") -> Task:
    settings = {"backbone": f"{__name__}:shades", "backbone_options": {"brighter": brighter}, "initialisation": "random"}
    settings |= {"copies": copies, "device": "cpu"}
    settings |= {"augmentation": Augmentation(flip=0).__dict__} if copies else {}
    return Task("embed_faces", {}, {"faces": str(folder / "faces.npy")}, {"embeddings": str(folder / f"{name}.npy")}, settings)


def test_each_face_and_its_mirror_image_are_embedded(tmp_path, faces):
    embed.embed_faces(task(tmp_path))
    store = np.load(tmp_path / "out.npy")
    assert store.shape == (COUNT, 2, 6) and store.dtype == np.float16
    network, _ = build_frozen(f"{__name__}:shades", {}, "random")
    inputs = normalise(torch.from_numpy(faces))
    np.testing.assert_array_equal(store[:, 0], network(inputs).half())
    np.testing.assert_array_equal(store[:, 1], network(inputs.flip(3)).half())


def test_copies_are_augmented_anew_and_the_same_each_time(tmp_path, faces):
    for name in ("out", "again"):
        embed.embed_faces(task(tmp_path, copies=2, name=name))
    store, again = np.load(tmp_path / "out.npy"), np.load(tmp_path / "again.npy")
    assert store.shape == (COUNT, 4, 6)
    assert (store == again).all()
    views = store.transpose(1, 0, 2)
    assert all((views[i] != views[j]).any() for i in range(4) for j in range(i))


def test_a_killed_stage_goes_on_where_it_stopped_and_writes_the_same_bytes(tmp_path, faces, monkeypatch):
    embed.embed_faces(task(tmp_path, copies=1, name="whole"))
    monkeypatch.setattr(embed, "BATCHES_AT_ONCE", 1)
    loaded = []

    def dying(store, rows, device):
        loaded.append(rows[0])
        if rows[0] == 2 * embed.BATCH and loaded.count(rows[0]) == 1:
            raise KeyboardInterrupt
        return load(store, rows, device)

    monkeypatch.setattr(embed, "load", dying)
    with pytest.raises(KeyboardInterrupt):
        embed.embed_faces(task(tmp_path, copies=1))
    assert not (tmp_path / "out.npy").exists()
    embed.embed_faces(task(tmp_path, copies=1))
    assert loaded == [0, 64, 128, 128]
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.npy", "out.npy", "whole.npy"]


def test_what_another_network_left_is_not_gone_on_with(tmp_path, faces, monkeypatch):
    monkeypatch.setattr(embed, "BATCHES_AT_ONCE", 1)
    with monkeypatch.context() as patched:
        patched.setattr(embed.np, "isfinite", lambda features: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embed.embed_faces(task(tmp_path, brighter=2))
    embed.embed_faces(task(tmp_path))
    embed.embed_faces(task(tmp_path, name="clean"))
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "clean.npy").read_bytes()


def test_features_beyond_float16_are_an_error(tmp_path, faces):
    with pytest.raises(InputError, match="too large for float16"):
        embed.embed_faces(task(tmp_path, brighter=1e6))
    assert not (tmp_path / "out.npy").exists()


def test_a_disk_that_takes_no_more_is_named_and_the_next_start_goes_on(tmp_path, faces, monkeypatch):
    monkeypatch.setattr(embed, "BATCHES_AT_ONCE", 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))  # a file of so many bytes, of which a batch has 1,536
    try:
        with pytest.raises(InputError, match="out.npy: cannot be written, it is larger than its disk or your limits allow"):
            embed.embed_faces(task(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "out.npy").exists()
    for name in ("out", "clean"):
        embed.embed_faces(task(tmp_path, name=name))
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "clean.npy").read_bytes()


@pytest.mark.parametrize(
    "left",
    [
        {"journal": b""},
        {"journal": b"another\n[64, null]\n"},
        {"journal": b"{key}\n[1000, null]\n"},
        {"journal": b"{key}\n[64]\n"},
        {"journal": b'{key}\n["64", null]\n'},
        {"part": b""},
        {"part": b"<html></html>"},
    ],
    ids=str,
)
def test_what_a_killed_stage_left_damaged_is_not_gone_on_with(tmp_path, faces, monkeypatch, left):
    embed.embed_faces(task(tmp_path, name="clean"))
    with monkeypatch.context() as patched:
        patched.setattr(embed, "load", lambda store, rows, device: load(store, rows, device) if rows[0] == 0 else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embed.embed_faces(task(tmp_path))
    key = (tmp_path / ".out.npy.journal").read_bytes().split(b"\n")[0]
    for name, content in left.items():
        (tmp_path / f".out.npy.{name}").write_bytes(content.replace(b"{key}", key))
    embed.embed_faces(task(tmp_path))
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "clean.npy").read_bytes()


def test_a_damaged_face_store_is_refused(tmp_path, faces):
    path = tmp_path / "faces.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="faces.npy: .*no.* store of faces"):
        embed.embed_faces(task(tmp_path))
