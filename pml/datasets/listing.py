"""The files below a data set's root, and the pictures among them that its label files list."""

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pml.datasets.tables import Row, reject

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff"}  # of pictures
MAX_AGE = 120  # years
UNLISTED = "no row of a label file names it"
MACOS = re.compile(r"(?:^|/)(?:__MACOSX/|\._[^/]*$|\.DS_Store$)")  # what a Mac leaves in archives, in a path


class Survey(NamedTuple):
    """The files below a root, each list in order of path.

    Attributes:
        pictures, others: paths, told apart by their suffix.
        rejected: rows of rejected.csv for macOS metadata.
    """

    pictures: list[str]
    others: list[str]
    rejected: list[Row]


class Label(NamedTuple):
    """One row of a label file.

    Attributes:
        row: its file and line.
        name: of the picture, without folders unless they were asked for; empty if the row has none.
        age, age_std: in years; None where the row does not tell.
        fault: what is wrong with the row, or empty.
    """

    row: str
    name: str
    part: str
    age: float | None
    age_std: float | None
    fault: str


def list_files(root: Path) -> list[str]:
    """Return the paths of all files below `root`, in order: one listing per folder, for half a million files."""
    files = []
    for folder, _, names in os.walk(root):
        below = Path(folder).relative_to(root)
        files += names if below == Path() else [f"{below.as_posix()}/{name}" for name in names]
    return sorted(files)


def survey(root: Path) -> Survey:
    """Return all files below `root`."""
    found = Survey([], [], [])
    for path in list_files(root):
        if MACOS.search(path):
            found.rejected.append(reject(path, "macOS metadata"))
        else:
            (found.pictures if is_picture(path) else found.others).append(path)
    return found


def is_picture(path: str) -> bool:
    """Tell whether a path, or a name, has the suffix of a picture."""
    return PurePosixPath(path).suffix.lower() in SUFFIXES


def file_name(path: str) -> str:
    """Return the name of a file without its folders, in lower case."""
    return PurePosixPath(path).name.lower()


def by_name(paths: Iterable[str], key: Callable[[str], str] = file_name) -> tuple[dict[str, str], list[Row]]:
    """Return {name: path} of the first path of each name, and rows of rejected.csv for the other paths."""
    album: dict[str, str] = {}
    firsts = [(path, album.setdefault(key(path), path)) for path in paths]
    return album, [reject(path, f"same picture as {first}, by its name") for path, first in firsts if path != first]


def read_label(
    row: str, name: str, part: str, age: str, age_std: str = "", fault: str = "", with_folders: bool = False
) -> Label:
    """Return the label of a row's fields as text, with the first fault there is; an empty `age_std` is none."""
    if not with_folders:
        name = name.replace("\\", "/").rpartition("/")[2]
    years, std = (read_number(text.replace(",", ".")) for text in (age, age_std))  # a decimal comma, of some spreadsheets
    if not is_picture(name):
        name, fault = "", fault or "the row names no picture"
    if years is None or not 0 <= years <= MAX_AGE:
        fault = fault or f"the row's age is not a number from 0 to {MAX_AGE}"
    if age_std and (std is None or std < 0):
        fault = fault or "the row's standard deviation is not a number from 0"
    return Label(row, name, part, years, std, fault)


def join(
    labels: Iterable[Label], pictures: Iterable[str], key: Callable[[str], str] = file_name
) -> tuple[list[Row], list[Row]]:
    """Join labels and pictures by file name, without regard to case, and return rows of the index and of rejected.csv.

    Every label is one row of the two, and so is every picture without a label. A rejected label goes by its picture, or by file
    and line where it names none or one that an earlier row names.

    Args:
        key: of a label's name and of a path, what they agree on; `str` where the name is the path.
    """
    index, listed = [], set()
    album, rejected = by_name(pictures, key)
    for label in labels:
        name = key(label.name)
        path = album.get(name)
        if name in listed:
            rejected.append(reject(label.row, "an earlier row names the same picture"))
        elif label.fault:
            rejected.append(reject(path or label.name or label.row, label.fault))
        elif path is None:
            rejected.append(reject(label.name, "listed, but there is no such file"))
        else:
            index.append({"image": path, "age": label.age, "age_std": label.age_std, "part": label.part})
        listed |= {name} - {""}
    return index, rejected + [reject(path, UNLISTED) for name, path in album.items() if name not in listed]


def count_parts(labels: Sequence[Label], index: Sequence[Row], official: Mapping[str, int]) -> dict[str, int]:
    """Return findings: of each part the label rows, the images, and how many images its owners count."""
    findings = {}
    for part, count in official.items():
        findings[f"{part}: label rows"] = sum(label.part == part for label in labels)
        findings[f"{part}: images"] = sum(row["part"] == part for row in index)
        findings[f"{part}: images by the owners' count"] = count
    return findings


def count_stds(index: Sequence[Row]) -> dict[str, int]:
    """Return findings: the images that have no standard deviation, and those that have one of 0."""
    stds = [row["age_std"] for row in index]
    return {
        "images without a standard deviation": stds.count(None),
        "images with a standard deviation of 0": stds.count(0),
    }


def read_number(text: str) -> float | None:
    """Return the finite number that a text is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
