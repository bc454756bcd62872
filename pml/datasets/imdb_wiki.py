"""IMDB-WIKI: 460,723 pictures of 20,284 celebrities and 62,328 from Wikipedia, labelled by crawling and never checked.

`imdb.mat` and `wiki.mat` each hold a struct of that name with a column per field, and beside it lie the pictures that it lists,
in folders 00 to 99. The owners ship crops (the face and 40 % around it; imdb_crop.tar, wiki_crop.tar) and whole pictures
(imdb_0.tar to imdb_9.tar with imdb_meta.tar, wiki.tar.gz); any subset will do.

R. Rothe, R. Timofte, L. Van Gool: Deep expectation of real and apparent age from a single image without facial landmarks.
IJCV 126(2-4), 2018.
"""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd

from pml.datasets.listing import MACOS, list_files
from pml.datasets.mat_file import read_struct, text_of
from pml.datasets.tables import Nominal, Tables, reject
from pml.errors import InputError

LAYOUT = "imdb.mat or wiki.mat and, beside it, the pictures that it lists, such as 17/10000217_1981-05-05_2009.jpg"
OBTAIN = (
    "download imdb_crop.tar and wiki_crop.tar (or, of the whole pictures, imdb_meta.tar with some or all of imdb_0.tar to "
    "imdb_9.tar, and wiki.tar.gz) from https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/static/"
)
TERMS = "academic research only; the owners of the pictures are others"
SYNTHETIC = "pml.datasets.synthetic.imdb_wiki:write_imdb_wiki"
# The paper keeps "about 300,000" of 523,051 (Sec. 4); how many the filters will keep is not known. The owners' page says 7 GB
# and 1 GB.
NOMINAL = Nominal(images=300_000, megabytes=8_000)
TELLS = ("subject", "gender")
FOLDERS = {"crop": ("imdb_crop", "wiki_crop"), "whole": ("imdb", "wiki")}  # of the owners' archives
CELLS = ("full_path", "face_location")
FIELDS = ("dob", "photo_taken", "full_path", "gender", "face_score", "second_face_score")
BOX = ["left", "top", "right", "bottom"]
# Matlab counts days from the year 0: 1 January of the year 1 is 367, of 1970 is 719,529, of 10,000 is 3,652,426.
FIRST_DAY, EPOCH, LAST_DAY = 367, 719_529, 3_652_425


@dataclass(frozen=True)
class Options:
    """Which pictures are given, and which rows are kept.

    Attributes:
        pictures: "crop", or "whole" for the whole pictures, which get the owners' box of the face.
        min_face_score: of the owners' detector; None also keeps the pictures in which it found no face.
        single_face: leave out pictures in which it found a second face, of a score above 0.
        min_age, max_age: in years, both kept; within 0 and 120.
        gender_known: leave out pictures of people of unknown gender.
    """

    pictures: Literal["crop", "whole"] = "crop"
    min_face_score: float | None = 1.0
    single_face: bool = True
    min_age: float = 0
    max_age: float = 100
    gender_known: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_age <= self.max_age <= 120:
            raise ValueError(f"min_age, max_age: {self.min_age}, {self.max_age} are not a range within 0 and 120")


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the rows of the label files below `root`, and of the files that no row lists.

    Every row is a row of the index or is rejected for the first reason that holds, in the order of `rejections`.

    Raises:
        InputError: a label file is damaged or lacks a field; a database is there twice; or its folder is named for other
            pictures than `options.pictures`.
    """
    files = pd.Series(list_files(root), dtype=object)
    is_label = files.str.fullmatch(r"(?:.*/)?(?:imdb|wiki)\.mat", case=False) & ~files.str.contains(MACOS)
    labels, pictures = list(files[is_label]), files[~is_label]
    _check(root, labels, options)
    if not labels:
        return Tables([], pd.DataFrame(reject(pictures, "no .mat file lists it")))
    rows = pd.concat([_read_rows(root, label, options) for label in labels], ignore_index=True)
    unlisted = pictures[~pictures.isin(rows["image"])]
    why = unlisted.str.contains(MACOS).map({True: "macOS metadata", False: "no row of a .mat file lists it"})
    unlisted = pd.DataFrame(reject(unlisted, why))

    reasons = rejections(rows, rows["image"].isin(pictures), options)
    first = np.select(list(reasons.values()), range(len(reasons)), -1)
    kept, left_out = rows[first < 0], rows["image"][first >= 0]
    index = kept[["image", "subject", "age", "gender", *(BOX if options.pictures == "whole" else [])]].astype({"age": "int64"})
    why = np.array(list(reasons), dtype=object)[first[first >= 0]]
    return Tables(index, pd.concat([pd.DataFrame(reject(left_out, why)), unlisted]), findings=_findings(rows))


def rejections(rows: pd.DataFrame, exists: pd.Series, options: Options) -> dict[str, pd.Series]:
    """Return, by reason and in the order in which they are applied, which rows each reason rejects."""
    least = -np.inf if options.min_face_score is None else options.min_face_score
    return {
        "listed, but no such file": ~exists,
        "listed by an earlier row": rows["image"].duplicated(),
        "birth date is no date": rows["birth_year"].isna(),
        "year of the photo is no year": rows["photo_year"].isna(),
        "no face found by the owners": (rows["score"] == -np.inf) & (least > -np.inf),
        f"face score below {least:g}": rows["score"] < least,
        "a second face": rows["second_face"] & options.single_face,
        f"age below {options.min_age:g}": rows["age"] < options.min_age,
        f"age above {options.max_age:g}": rows["age"] > options.max_age,
        "gender unknown": rows["gender"].isna() & options.gender_known,
    }


def read_dates(serials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the years and months (N,) of Matlab's serial dates (N,), NaN where that is no date of the years 1 to 9999."""
    valid = (serials >= FIRST_DAY) & (serials < LAST_DAY + 1)
    days = (np.floor(np.where(valid, serials, EPOCH)) - EPOCH).astype("int64").astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype("int64")  # from January 1970
    return np.where(valid, 1970 + months // 12, np.nan), np.where(valid, 1 + months % 12, np.nan)


def _read_rows(root: Path, label: str, options: Options) -> pd.DataFrame:
    """Return one row per row of a label file, whatever it holds.

    The photo is taken to be of the middle of its year, so that a birthday in the second half was still to come.
    """
    file = PurePosixPath(label)
    database = file.stem.lower()
    extra = (["celeb_id"] if database == "imdb" else []) + (["face_location"] if options.pictures == "whole" else [])
    fields = read_struct(root / label, database, [*FIELDS, *extra], CELLS)
    birth_year, birth_month = read_dates(_numbers(fields["dob"]))
    photo_year = np.floor(_numbers(fields["photo_taken"]))
    photo_year[~((photo_year >= 1) & (photo_year <= 9999))] = np.nan
    score, gender = _numbers(fields["face_score"]), _numbers(fields["gender"])
    paths = pd.Series([text_of(cell) or "(no path)" for cell in fields["full_path"]], dtype=object)
    rows = pd.DataFrame(
        {
            "database": database,
            "image": paths if file.parent == PurePosixPath() else f"{file.parent}/" + paths,
            "subject": _celebrities(fields["celeb_id"]) if database == "imdb" else _pages(paths),
            "birth_year": birth_year,
            "photo_year": photo_year,
            "age": photo_year - birth_year - (birth_month > 6),
            "gender": pd.Series(gender).map({0: "female", 1: "male"}),
            # The owners write an infinite score where no face was found, negative in the files and positive in their notes.
            "score": np.where(np.isfinite(score), score, -np.inf),
            "second_face": _numbers(fields["second_face_score"]) > 0,
        }
    )
    if options.pictures == "whole":
        rows[BOX] = _boxes(fields["face_location"])
    return rows


def _numbers(field: np.ndarray) -> np.ndarray:
    return field.astype(float)  # the years are unsigned in the files, in which ages below 0 would wrap around


def _celebrities(ids: np.ndarray) -> pd.Series:
    known = np.isfinite(_numbers(ids))
    return pd.Series(np.where(known, ids, 0)).astype("int64").astype(str).radd("imdb:").where(known)


def _pages(paths: pd.Series) -> pd.Series:
    """Return the number of the person's page in Wikipedia, which a path begins with: unlike a name, no two people share it."""
    return paths.str.extract(r"(?:^|/)([0-9]+)_[^/]*$", expand=False).radd("wiki:")


def _boxes(cells: np.ndarray) -> np.ndarray:
    """Return (N, 4) left, top, right, bottom in pixels from 0, of cells [x1 y1 x2 y2] from 1; NaN where that is no box."""
    boxes = np.array([cell.ravel() if cell.size == 4 else np.full(4, np.nan) for cell in cells], dtype=float).reshape(-1, 4) - 1
    boxes[~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))] = np.nan
    return boxes


def _check(root: Path, labels: list[str], options: Options) -> None:
    seen: dict[str, PurePosixPath] = {}
    for label in map(PurePosixPath, labels):
        database, folder = label.stem.lower(), label.parent.name.lower()
        if database in seen:
            raise InputError(f"{root / label}: {root / seen[database]} is there too; give crops or whole pictures, not both")
        seen[database] = label
        for pictures, folders in FOLDERS.items():
            if folder in folders and pictures != options.pictures:
                raise InputError(f"{root / label}: its folder is of '{pictures}' pictures; set the option pictures: {pictures}")


def _findings(rows: pd.DataFrame) -> dict[str, int]:
    """Return, for each database, how many of all its rows, kept or not, show each kind of dirt."""
    kinds = {
        "rows": pd.Series(True, index=rows.index),
        "birth dates that are no dates": rows["birth_year"].isna(),
        "ages below 0": rows["age"] < 0,
        "ages above 100": rows["age"] > 100,
        "no face found by the owners": rows["score"] == -np.inf,
        "a second face": rows["second_face"],
        "gender unknown": rows["gender"].isna(),
    }
    counts = pd.DataFrame(kinds).groupby(rows["database"]).sum()
    return {f"{database}: {kind}": int(count) for database, row in counts.iterrows() for kind, count in row.items()}
