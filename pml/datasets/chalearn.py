"""ChaLearn LAP 2015: 4,691 pictures, each with the mean and the standard deviation of the ages that people guessed.

Folders Train, Validation and Test hold `image_1.jpg` and so on, numbered throughout; a label file for each part has the rows
`image_1.jpg;27;3.81`. Copies differ: `,` for `;`, a header, a trailing `;`, no standard deviations, other names of folders and
files. So a label file is told by its rows, its part by its name or the folder nearest to it that names one, and row and picture
are joined by the picture's name alone.

S. Escalera et al.: ChaLearn Looking at People 2015: apparent age and cultural event recognition datasets and results.
ICCVW 2015.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pml.datasets.label_file import read_label_file
from pml.datasets.listing import Label, count_parts, count_stds, is_picture, join, read_label, survey
from pml.datasets.tables import Nominal, Tables
from pml.errors import InputError
from pml.options import NoOptions as Options

LAYOUT = "pictures such as Train/image_1.jpg, and for each part a label file, such as Train.csv, with rows image_1.jpg;mean;std"
OBTAIN = (
    "register at https://chalearnlap.cvc.uab.es/dataset/18/description/, download pictures and labels of the ICCV 2015 "
    "challenge on apparent age, and put them into one folder or zip"
)
TERMS = "for registered participants, for research"
SYNTHETIC = "pml.datasets.synthetic.chalearn:write_chalearn"
OFFICIAL = {"train": 2476, "validation": 1136, "test": 1079}  # images
NOMINAL = Nominal(images=4_691, parts=OFFICIAL, histogram="chalearn2015_age_histogram.csv")
TELLS = ("part",)
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("validation", "valid", "val"), "validation"
)


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`."""
    return load_parts(root, OFFICIAL)


def load_parts(root: Path, official: Mapping[str, int]) -> Tables:
    """Return the tables of the files below `root`; `official` are the images of each part by the owners' count.

    Every row of a label file is one row of the index or one of rejected.csv, and so is every picture that no row names.

    Raises:
        InputError: neither name nor folders of a label file tell its part, or they tell two.
    """
    files = survey(root)
    labels = [label for path in files.others for label in _read_labels(root, path)]
    index, rejected = join(labels, files.pictures)
    return Tables(index, files.rejected + rejected, findings=count_parts(labels, index, official) | _findings(labels, index))


def tell_part(path: str) -> str | None:
    """Return the part that a label file's name tells, or else the folder nearest to it that tells any; None if it tells two."""
    file = PurePosixPath(path)
    for name in (file.stem, *(folder.name for folder in file.parents)):
        words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)  # also of names such as trainGT
        parts = {PARTS[word.lower()] for word in words if word.lower() in PARTS}
        if parts:
            return parts.pop() if len(parts) == 1 else None
    return None


def _read_labels(root: Path, path: str) -> list[Label]:
    """Return the rows of a label file, half of whose lines or more begin with a picture's name, and of any other file none.

    Raises:
        InputError: half of the lines or more name a picture elsewhere, or nothing tells the part.
    """
    if PurePosixPath(path).suffix.lower() not in (".csv", ".txt"):
        return []
    file = read_label_file(root / path)
    lines = dict(file.lines)
    named = [is_picture(fields[0]) and " " not in fields[0] for fields in lines.values()]
    if not lines or 2 * sum(named) < len(named):
        if lines and 2 * sum(map(_names_picture, lines.values())) >= len(lines):
            raise file.misunderstood("its lines name pictures, but do not begin with them", ["image", "mean", "std"])
        return []
    part = tell_part(path)
    if part is None:
        raise InputError(
            f"{root / path}: cannot tell the part of these labels; name the file, or its folder, for one of train, validation "
            "and test, or leave it out of the archives"
        )
    first = next(iter(lines))
    if not named[0] and not re.search(r"\d", "".join(lines[first])):  # a header
        del lines[first]
    labels = []
    for number, fields in lines.items():
        name, age, age_std, *more = [*fields, "", ""]
        fault = "the row has more than three fields" if any(more) else ""
        labels.append(read_label(f"{path}:{number}", name, part, age, age_std, fault))
    return labels


def _names_picture(fields: list[str]) -> bool:
    return any(is_picture(word) for field in fields for word in re.split(r"[\s,;:|]+", field))


def _findings(labels: list[Label], index: list[dict]) -> dict[str, int]:
    parts = defaultdict(set)
    for label in labels:
        parts[label.name.lower()].add(label.part)
    several = sum(len(parts[name]) > 1 for name in parts if name)
    return {"pictures listed in several parts": several} | count_stds(index)
