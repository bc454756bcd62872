"""Writes synthetic people as the crops of IMDB-WIKI: `imdb_crop/imdb.mat` and the pictures that it lists, such as
`imdb_crop/01/nm0000001_rm124825600_1899-5-10_1968.jpg`; `wiki_crop/wiki.mat`, `wiki_crop/17/10000217_1981-05-05_2009.jpg`.

Celebrities have many pictures, people of Wikipedia one each. Beside the usable pictures there is dirt of each kind, in large
archives about as often as in wiki.mat, in small ones once. Ages are a celebrity's: broad, most about thirty, few children and
few very old. That is their shape only, for want of published counts.
"""

import io
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from scipy.io import savemat

from pml.datasets.synthetic.camera import photograph
from pml.datasets.synthetic.people import Person, draw_ages, look_at
from pml.datasets.synthetic.writing import draw_crowd, jpeg, split
from pml.files import replacing
from pml.progress import progress

SIZES = {"imdb": 460_723, "wiki": 62_328}
MODE, BELOW, ABOVE, OLDEST = 33, 10, 15, 95  # of the ages, in years: the most frequent, and the spreads on its two sides
SPREAD = 0.15  # of a celebrity's ages, as a share of all
LAST_PHOTO = 2014
MARGIN = 0.4  # around the face, on every side, as a share of its size
# Shares of each database's rows; those of the faces and of the ages are counted in wiki.mat.
DIRT = {
    "no face": 18_016 / 62_328,
    "second face": 4_096 / 62_328,
    "below 0": 1_288 / 62_328,
    "above 100": 493 / 62_328,
    "low score": 0.02,
    "no date": 0.001,
    "no file": 0.001,
    "no row": 0.001,
}
GENDER_UNKNOWN = 0.05
HEADER = b"MATLAB 5.0 MAT-file, synthetic people, drawn by pml.datasets.synthetic; nobody is depicted".ljust(116)


def write_imdb_wiki(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write the tar to `path`: `images` pictures of `subjects` people that the filters keep by default, and the dirt.

    The same arguments give the same bytes.
    """
    people = draw_crowd(subjects, seed)
    rows = draw_rows(people, images, np.random.default_rng([seed, 0]))
    boxes = []
    with replacing(path) as temporary, tarfile.open(temporary, "w") as archive:
        for k, row in enumerate(progress(rows.itertuples(), "synthetic faces", total=len(rows))):
            rng = np.random.default_rng([seed, 2, k])
            picture, box = _no_face(rng) if row.kind == "no face" else _face(people[row.person], row.age, rng)
            boxes.append(box)
            if row.kind != "no file":
                _write(archive, f"{row.database}_crop/{row.full_path}", jpeg(picture, rng))
        for database, listed in rows.assign(box=boxes)[rows["kind"] != "no row"].groupby("database"):
            _write(archive, f"{database}_crop/{database}.mat", mat_file({database: _struct(listed, database)}))


def draw_rows(people: list[Person], images: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw what is known of each picture, the usable ones first.

    Columns: database; person, counted from 0; age (years) in the picture; born, as Matlab counts days; photo_taken (year);
    full_path; gender (0 female, 1 male, NaN); score, second_score of the owners' detector; kind of dirt, or "usable".
    """
    counts = _counts(len(people), images, rng)
    order = rng.permutation(len(people))
    years = np.arange(1, OLDEST + 1)
    shape = pd.Series(np.exp(-0.5 * ((years - MODE) / np.where(years < MODE, BELOW, ABOVE)) ** 2), index=years)
    # Dealt out in noisy order of age, the pictures of one celebrity are of the same part of life.
    ages = draw_ages(images, rng, shape)[np.argsort(np.arange(images) / images + rng.normal(0, SPREAD, images))]
    rows = pd.DataFrame({"person": np.repeat(order, counts[order]), "age": ages, "kind": "usable"}).sort_values("person")
    rows["database"] = np.where(rows["person"] < _celebrities(len(people), images), "imdb", "wiki")
    oldest = rows.groupby("person")["age"].max()
    births = {
        i: date(int(LAST_PHOTO - 1 - age - rng.integers(10)), *rng.integers(1, (13, 29)).tolist()) for i, age in oldest.items()
    }
    rows = pd.concat([rows, *_dirt(rows, rng)], ignore_index=True)

    born = rows["person"].map(births)
    rows["born"] = born.map(date.toordinal) + 366
    # Pictures are dated to the middle of a year, so that who is born later in the year has a birthday to come.
    rows["photo_taken"] = rows["age"] + [day.year + (day.month > 6) for day in born]
    rows["gender"] = [float(person.male) for person in np.array(people, dtype=object)[rows["person"]]]
    rows["score"], rows["second_score"] = 1 + rng.gamma(4, 0.8, len(rows)), np.nan
    rows.loc[rng.choice(images, max(1, round(GENDER_UNKNOWN * images)), replace=False), "gender"] = np.nan
    spoil = pd.Series(rng.random(len(rows)))
    kind = rows["kind"]
    rows.loc[kind == "no face", "score"] = -np.inf
    rows.loc[kind == "low score", "score"] = spoil
    rows.loc[kind == "second face", "second_score"] = 0.5 + 3 * spoil
    rows.loc[kind == "no date", "born"] = (366 * spoil).astype(int)
    rows.loc[kind == "below 0", "photo_taken"] -= rows["age"] + 1 + (40 * spoil).astype(int)
    rows.loc[kind == "above 100", "photo_taken"] += 101 + (40 * spoil).astype(int)
    numbers = {database: rng.choice(9 * 10**7, len(rows), replace=False) for database in SIZES}
    rows["full_path"] = [_path(row, births[row.person], numbers) for row in rows.itertuples()]
    return rows


def mat_file(variables: dict) -> bytes:
    """Return a MATLAB 5 file as `scipy.io.savemat` writes it, but without the day and the system."""
    content = io.BytesIO()
    savemat(content, variables)
    return HEADER + content.getvalue()[len(HEADER) :]


def cells(values: list) -> np.ndarray:
    """Return a MATLAB cell array (1, N)."""
    array = np.empty((1, len(values)), dtype=object)
    for k, value in enumerate(values):
        array[0, k] = value
    return array


def _celebrities(subjects: int, images: int) -> int:
    """Return how many of the people are celebrities: all but one for each of Wikipedia's pictures, at least two thirds."""
    return subjects - min(subjects // 3, split(images, list(SIZES.values()))[1])


def _counts(subjects: int, images: int, rng: np.random.Generator) -> np.ndarray:
    """Return the usable pictures of each person, (subjects,): celebrities first, some with many more than others."""
    celebrities = _celebrities(subjects, images)
    shares = rng.dirichlet(np.full(celebrities, 2.0))
    return np.concatenate([1 + rng.multinomial(images - subjects, shares), np.ones(subjects - celebrities, int)])


def _dirt(rows: pd.DataFrame, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Return further rows of each database and kind, of people and ages that are drawn from `rows`."""
    return [
        rows.sample(max(1, round(share * count)), replace=True, random_state=rng).assign(kind=kind, database=database)
        for database, count in zip(SIZES, split(len(rows), list(SIZES.values())), strict=True)
        for kind, share in DIRT.items()
    ]


def _path(row: Any, born: date, numbers: dict[str, np.ndarray]) -> str:
    """Return the owners' name of a picture: a celebrity has one number, and in Wikipedia each picture has its page's."""
    if row.database == "wiki":
        page = 10**7 + numbers["wiki"][row.Index]
        return f"{page % 100:02d}/{page}_{born:%Y-%m-%d}_{row.photo_taken}.jpg"
    celebrity, picture = row.person + 1, 10**8 + numbers["imdb"][row.Index]
    return f"{celebrity % 100:02d}/nm{celebrity:07d}_rm{picture}_{born.year}-{born.month}-{born.day}_{row.photo_taken}.jpg"


def _face(person: Person, age: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the crop of a picture, the border repeated where it ends, and in the whole picture the face's box (4,) from 1."""
    picture, points = photograph(look_at(person, age, rng), rng)
    side = np.ptp(points, axis=0).max()
    corner = (points.min(axis=0) + points.max(axis=0) - side) / 2
    left, top = np.round(corner - MARGIN * side)
    shift, size = np.array([[1, 0, -left], [0, 1, -top]]), round((1 + 2 * MARGIN) * side)
    crop = cv2.warpAffine(picture, shift, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return crop, 1 + np.concatenate([corner, corner + side])


def _no_face(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return blurred patches of colour, and the box of the whole picture."""
    width, height = rng.integers(150, 300, 2).tolist()
    patches = rng.integers(60, 200, (5, 4, 3), dtype=np.uint8)
    return cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC), np.array([1.0, 1, width, height])


def _struct(rows: pd.DataFrame, database: str) -> dict[str, np.ndarray]:
    """Return the owners' struct of the rows of one database, in their order of the fields."""
    names = [f"Person {k + 1}" for k in range(rows["person"].max() + 1)]
    fields = {
        "dob": rows["born"].to_numpy(np.int32)[None],
        "photo_taken": rows["photo_taken"].to_numpy(np.uint16)[None],
        "full_path": cells(list(rows["full_path"])),
        "gender": rows["gender"].to_numpy()[None],
        "name": cells([names[k] for k in rows["person"]]),
        "face_location": cells([box[None] for box in rows["box"]]),
        "face_score": rows["score"].to_numpy()[None],
        "second_face_score": rows["second_score"].to_numpy()[None],
    }
    if database == "imdb":
        fields |= {"celeb_names": cells(names), "celeb_id": rows["person"].to_numpy(float)[None] + 1}
    return fields


def _write(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
