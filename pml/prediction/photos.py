"""The photos that a command line names: files, folders and patterns."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pml.datasets.listing import MACOS, SUFFIXES, is_picture
from pml.errors import InputError, remedy_of


class Photo(NamedTuple):
    """A photo, and the folder below that of all drawings that its drawing goes to: as it lies below the folder named."""

    path: Path
    below: Path


def find_photos(names: Sequence[str | Path]) -> tuple[list[Photo], int]:
    """Return the photos that are named, each once, and how many other files lie in the folders.

    A folder stands for every file below it that has the suffix of a picture, and a pattern such as `photos/**/*.jpg` for what
    it matches. A file that is named is a photo, whatever its suffix, and whether or not it is there.

    Raises:
        InputError: a pattern matches nothing, or a folder holds no picture or cannot be read.
    """
    photos: dict[Path, Photo] = {}
    others = 0
    for name in names:
        for path in _expand(Path(name)):
            if path.is_dir():
                files = _files_below(path)
                pictures = [file for file in files if is_picture(file.name) and not MACOS.search(str(file.relative_to(path)))]
                others += len(files) - len(pictures)
                found = [Photo(picture, picture.relative_to(path).parent) for picture in pictures]
                if not found:
                    raise InputError(f"{path}: no picture below it, of the suffixes {', '.join(sorted(SUFFIXES))}")
            else:
                found = [Photo(path, Path())]
            for photo in found:
                photos.setdefault(photo.path, photo)
    return list(photos.values()), others


def _expand(path: Path) -> list[Path]:
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    found = sorted(map(Path, glob.glob(str(path), recursive=True)))
    if not found:
        raise InputError(f"{path}: matches no file; correct the pattern")
    return [one for one in found if not one.is_dir()] or found


def _files_below(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: {remedy_of(error)}") from None

    return sorted(Path(where) / name for where, _, names in os.walk(folder, onerror=refuse) for name in names)
