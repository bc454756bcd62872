"""A folder in place of an archive: nothing below it vanishes without a word."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.datasets.linked_folder import MAX_DEPTH, link_files, readable
from pml.errors import InputError


@pytest.fixture
def album(tmp_path):
    (tmp_path / "album").mkdir()
    return tmp_path / "album"


def linked(album):
    """Return {path: content} of what is linked of the album, and {path: reason} of what is left out."""
    folder = album.parent / "images"
    rejected = link_files(album, folder)
    assert all(row["stage"] == "datasets" for row in rejected)
    files = [Path(where, name) for where, _, names in os.walk(folder) for name in names]
    return (
        {file.relative_to(folder).as_posix(): file.read_bytes() for file in files},
        {row["image"]: row["reason"] for row in rejected},
    )


def test_every_file_is_linked_at_its_place(album):
    (album / "deep" / "down").mkdir(parents=True)
    (album / "deep" / "down" / "1.JPG").write_bytes(b"1")
    (album / "labels.csv").write_bytes(b"l")
    assert linked(album) == ({"deep/down/1.JPG": b"1", "labels.csv": b"l"}, {})
    assert (album.parent / "images" / "labels.csv").is_symlink()


def test_links_to_folders_and_files_are_followed_also_out_of_the_folder(album):
    other = album.parent / "other"
    other.mkdir()
    (other / "1.JPG").write_bytes(b"1")
    (album / "half").symlink_to(other)
    (album / "again").symlink_to("half")
    (album / "2.JPG").symlink_to(other / "1.JPG")
    assert linked(album) == ({"half/1.JPG": b"1", "again/1.JPG": b"1", "2.JPG": b"1"}, {})


def test_the_folder_itself_may_be_a_link(album):
    (album / "1.JPG").write_bytes(b"1")
    (album.parent / "link").symlink_to(album)
    assert linked(album.parent / "link") == ({"1.JPG": b"1"}, {})


def test_a_picture_that_cannot_be_reached_is_left_out_with_the_reason(album):
    (album / "1.JPG").write_bytes(b"1")
    (album / "2.JPG").symlink_to("nowhere")
    (album / "3.JPG").symlink_to("3.JPG")
    os.mkfifo(album / "4.JPG")
    files, rejected = linked(album)
    assert files == {"1.JPG": b"1"}
    assert rejected == {
        "2.JPG": "is a link that cannot be followed (No such file or directory)",
        "3.JPG": "is a link that cannot be followed (Too many levels of symbolic links)",
        "4.JPG": "is neither a file nor a folder",
    }


@pytest.mark.parametrize("name", ["labels.csv", "more_pictures"])
def test_what_cannot_be_reached_and_is_no_picture_is_an_error(name, album):
    (album / "1.JPG").write_bytes(b"1")
    (album / name).symlink_to("nowhere")
    with pytest.raises(
        InputError, match=f"album: '{name}' is a link that cannot be followed .*; mend it, rename it or remove it"
    ):
        linked(album)


@pytest.mark.parametrize("target", [".", "..", "../second", "../../album"])
def test_a_link_in_a_circle_is_an_error(target, album):
    (album / "deep").mkdir()
    (album / "deep" / "1.JPG").write_bytes(b"1")
    (album / "deep" / "loop").symlink_to(target)
    (album / "second").symlink_to("deep")
    with pytest.raises(InputError, match="loop' is a link to a folder that it lies in; mend it"):
        linked(album)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["labels.csv", "folder"])
def test_what_must_not_be_read_is_an_error(name, album):
    (album / name).mkdir(0) if name == "folder" else (album / name).touch(0)
    with pytest.raises(InputError, match=f"'{name}' (must not be read|cannot be listed)"):
        linked(album)


@pytest.fixture
def nest(album, monkeypatch):
    """A function that makes so many folders within one another, and a picture in the last."""

    def make(depth):
        monkeypatch.chdir(album)
        for _ in range(depth):  # step by step: the whole path may be longer than the system takes
            os.makedirs("f", exist_ok=True)
            os.chdir("f")
        Path("1.JPG").write_bytes(b"1")
        monkeypatch.undo()

    yield make
    subprocess.run(["rm", "-r", album], check=True)  # Python's own clean-up fails at a thousand


def test_a_hundred_folders_within_one_another_are_followed(album, nest):
    nest(MAX_DEPTH)
    assert linked(album) == ({"f/" * MAX_DEPTH + "1.JPG": b"1"}, {})


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 2000])
def test_more_are_an_error(depth, album, nest):
    nest(depth)
    with pytest.raises(InputError, match=f"album: holds more than {MAX_DEPTH} folders within one another"):
        linked(album)


def test_a_name_that_is_not_utf8_is_told_readably(album):
    (album / os.fsdecode(b"caf\xe9")).mkdir()
    (album / os.fsdecode(b"caf\xe9/1.JPG")).write_bytes(b"1")
    assert linked(album) == ({}, {r"caf\xe9/1.JPG": "has a name that is not UTF-8"})
    (album / os.fsdecode(b"\xe9.csv")).write_bytes(b"")
    with pytest.raises(InputError, match=r"'\\xe9.csv' has a name that is not UTF-8"):
        linked(album)


names = st.binary(min_size=1, max_size=12).filter(lambda name: name not in (b".", b"..") and not {0, 47} & set(name))


@given(names)
def test_a_picture_of_any_name_is_linked_or_left_out(stem):
    name = os.fsdecode(stem) + ".jpg"
    with tempfile.TemporaryDirectory() as folder:
        album = Path(folder, "album")
        album.mkdir()
        (album / name).write_bytes(b"1")
        files, rejected = linked(album)
    assert (list(files), list(rejected)) in (([name], []), ([], [readable(name)]))
    assert readable(name).isprintable() and readable(name).encode()
