"""APPA-REAL: 7,591 pictures, each with some 38 people's guesses of the age and with the real age.

`gt_avg_train.csv`, `gt_avg_valid.csv` and `gt_avg_test.csv` have a row per picture,
`file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age`. Folders train, valid and test hold of each `000000.jpg`, the
whole picture, `000000.jpg_face.jpg`, the face turned upright with 40 % around it, and `000000.jpg.mat`. Pictures are numbered
throughout, so row and picture are joined by name alone. `gt_train.csv` and so on, with a row per guess, are not read.

E. Agustsson et al.: Apparent and real age estimation in still images with deep residual regressors on APPA-REAL database.
FG 2017.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pml.datasets.label_file import read_label_file
from pml.datasets.listing import UNLISTED, Label, count_parts, count_stds, file_name, join, read_label, survey
from pml.datasets.tables import Nominal, Tables, reject
from pml.errors import InputError

LAYOUT = (
    "gt_avg_train.csv, gt_avg_valid.csv and gt_avg_test.csv and pictures such as train/000000.jpg and train/000000.jpg_face.jpg"
)
OBTAIN = "download it from https://data.chalearnlap.cvc.uab.cat/AppaRealAge/appa-real-release.zip"
TERMS = "for research; the owners of the pictures are others"
SYNTHETIC = "pml.datasets.synthetic.appa_real:write_appa_real"
OFFICIAL = {"train": 4113, "validation": 1500, "test": 1978}  # images
NOMINAL = Nominal(images=7_591, parts=OFFICIAL)
TELLS = ("part",)
LABEL_FILE = re.compile(r"gt_avg_(train|valid|test)\.csv")
PARTS = {"train": "train", "valid": "validation", "test": "test"}
COLUMNS = {"apparent": ("apparent_age_avg", "apparent_age_std"), "real": ("real_age", "")}
CROP = "_face.jpg"
IGNORE_LISTS = {"ignore_list.csv", "ignore_list.txt"}


@dataclass(frozen=True)
class Options:
    """What a config may choose.

    Attributes:
        label: "apparent", the mean of the guesses with their standard deviation; or "real", which has none.
        picture: "crop" or "whole".
        ignore_list: leave out the pictures that a file ignore_list.csv or ignore_list.txt in the archives names, one a line.
            That of https://github.com/yu4u/age-estimation-pytorch names 118 training pictures without a face, with several,
            or with a bad crop.
    """

    label: Literal["apparent", "real"] = "apparent"
    picture: Literal["crop", "whole"] = "crop"
    ignore_list: bool = False


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Every row of a label file is one row of the index or one of rejected.csv, and so is every picture, crop or whole, whose
    `file_name` is in no label file. What else belongs to a listed picture, the other of crop and whole and the .mat file, is in
    neither.

    Raises:
        InputError: a label file lacks a column, or an ignore list is asked for and there is none, or it names
            no listed picture.
    """
    files = survey(root)
    ignored = _read_ignored(root, files.others) if options.ignore_list else set()
    labels = [label for path in files.others for label in _read_labels(root, path, options, ignored)]
    crops = [path for path in files.pictures if path.lower().endswith(CROP)]
    wholes = [path for path in files.pictures if not path.lower().endswith(CROP)]
    pictures, companions = (crops, wholes) if options.picture == "crop" else (wholes, crops)
    index, rejected = join(labels, pictures)
    listed = {_whole(label.name) for label in labels}
    orphans = [reject(path, UNLISTED) for path in companions if _whole(path) not in listed]
    findings = count_parts(labels, index, OFFICIAL)
    if options.label == "apparent":
        findings |= count_stds(index)
    if options.ignore_list:
        findings |= _check_ignored(root, ignored, listed)
    return Tables(index, files.rejected + rejected + orphans, findings=findings)


def _read_labels(root: Path, path: str, options: Options, ignored: set[str]) -> list[Label]:
    """Return the rows of a label file, and of any other file none."""
    match = LABEL_FILE.fullmatch(file_name(path))
    if not match:
        return []
    file, (age, age_std) = read_label_file(root / path), COLUMNS[options.label]
    file.check_header(name for name in ("file_name", age, age_std) if name)
    columns = file.header

    labels = []
    for number, fields in file.rows.items():
        whole = len(fields) == len(columns)
        row = dict(zip(columns, fields, strict=True)) if whole else {}
        name = row.get("file_name", "")
        fault = "" if whole else "the row has more or fewer fields than the header"
        if _whole(name) in ignored:
            fault = "on the ignore list"
        name += CROP if name and options.picture == "crop" else ""
        labels.append(read_label(f"{path}:{number}", name, PARTS[match[1]], row.get(age, ""), row.get(age_std, ""), fault))
    return labels


def _read_ignored(root: Path, files: list[str]) -> set[str]:
    lists = [path for path in files if file_name(path) in IGNORE_LISTS]
    if not lists:
        raise InputError(
            f"{root}: the option ignore_list is true, but no file has a name of {', '.join(sorted(IGNORE_LISTS))}; add to the "
            "archives a folder with one, such as that of https://github.com/yu4u/age-estimation-pytorch"
        )
    first = {_whole(fields[0]) for path in lists for fields in read_label_file(root / path).lines.values()}
    return {name for name in first if re.search(r"\d", name)}  # a header has no number


def _check_ignored(root: Path, ignored: set[str], listed: set[str]) -> dict[str, int]:
    """Return findings: how many pictures the ignore list has, and how many of them no label file lists; warn of those.

    Raises:
        InputError: it has none that a label file lists.
    """
    unknown = ignored - listed
    if unknown == ignored:
        raise InputError(
            f"{root}: none of the {len(ignored)} entries of the ignore list names a picture of a label file; write names such "
            "as 000000.jpg, one a line, or set the option ignore_list to false"
        )
    if unknown:
        print(
            f"warning: the ignore list: {len(unknown)} of {len(ignored)} entries, such as {min(unknown)}, are in no label file "
            "and ignore nothing",
            file=sys.stderr,
        )
    return {"entries of the ignore list": len(ignored), "entries of the ignore list in no label file": len(unknown)}


def _whole(path: str) -> str:
    """Return the lower-case name of the whole picture that a crop, or a whole picture, belongs to."""
    return file_name(path).removesuffix(CROP)
