"""Writes synthetic people in layouts that need little more than names: AgeDB, CACD, AFAD, MegaAge-Asian, LAP 2016, a table.

The same arguments give the same bytes, and the people take turns. Each archive has a little dirt.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pml.datasets import cacd, lap2016, megaage_asian
from pml.datasets.fgnet import FIVE_POINTS
from pml.datasets.synthetic.chalearn import chalearn_histogram
from pml.datasets.synthetic.imdb_wiki import cells, mat_file
from pml.datasets.synthetic.people import draw_ages
from pml.datasets.synthetic.writing import APPLE_DOUBLE, draw_crowd, jpeg, shoot, split, writing_zip


class Photo(NamedTuple):
    """A picture: its number from 0, the number of the person, their gender and age in years, the JPEG, and the 68 landmarks."""

    number: int
    person: int
    male: bool
    age: int
    content: bytes
    points: np.ndarray


def write_agedb(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write `AgeDB/0_Person1_35_f.jpg` and so on, a name without an age, and macOS metadata."""
    with writing_zip(path) as write:
        for photo in _photos(subjects, images, seed):
            write(f"AgeDB/{photo.number}_Person{photo.person + 1}_{photo.age}_{'fm'[photo.male]}.jpg", photo.content)
        write(f"AgeDB/{images}_Person1_f.jpg", photo.content)
        write("__MACOSX/AgeDB/._0_Person1_35_f.jpg", APPLE_DOUBLE)


def write_cacd(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write `CACD2000/53_First_Last1_0001.jpg` and so on and the .mat file with ranks, and a name without an age."""
    names, ranks = [], []
    with writing_zip(path) as write:
        for photo in _photos(subjects, images, seed, first=14, last=62):
            names.append(f"{photo.age}_First_Last{photo.person + 1}_{photo.number:04d}.jpg")
            ranks.append(1 + photo.person % 50)
            write(f"CACD2000/{names[-1]}", photo.content)
        write("CACD2000/First_Last1_0001.jpg", photo.content)
        fields = {"age": np.zeros((images, 1)), "rank": np.array(ranks, np.uint8)[:, None], "name": cells(names).T}
        write(cacd.META, mat_file({"celebrityImageData": fields}))


def write_afad(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write `AFAD-Full/15/111/100001-0.jpg` and so on, a picture outside of such folders, and a list, which is not read."""
    with writing_zip(path) as write:
        for photo in _photos(subjects, images, seed, first=15, last=40):
            name = f"{100_001 + photo.person}-{photo.number}.jpg"
            write(f"AFAD-Full/{photo.age}/{111 if photo.male else 112}/{name}", photo.content)
        write("AFAD-Full/sample.jpg", photo.content)
        write("AFAD-Full/AFAD-Full.txt", b"")


def write_megaage_asian(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write `megaage_asian/train/1.jpg` and so on with their lists, and a listed picture that is not there."""
    parts = np.repeat(list(megaage_asian.OFFICIAL), split(images, list(megaage_asian.OFFICIAL.values())))
    lists: dict[str, list[Photo]] = {part: [] for part in megaage_asian.OFFICIAL}
    with writing_zip(path) as write:
        for photo in _photos(subjects, images, seed, last=70):
            listed = lists[parts[photo.number]]
            listed.append(photo)
            write(f"megaage_asian/{parts[photo.number]}/{len(listed)}.jpg", photo.content)
        lists["train"].append(photo)
        for part, listed in lists.items():
            names = "".join(f"{number}.jpg\n" for number in range(1, len(listed) + 1))
            write(f"megaage_asian/list/{part}_name.txt", names.encode())
            write(f"megaage_asian/list/{part}_age.txt", "".join(f"{photo.age}\n" for photo in listed).encode())


def write_lap2016(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write `train/000000.jpg` and so on, `train_gt.csv` with a header and the like, and a listed picture that is not there."""
    rng = np.random.default_rng([seed, 3])
    names = {"train": "train", "validation": "valid", "test": "test"}
    parts = np.repeat(list(names.values()), split(images, [lap2016.OFFICIAL[part] for part in names]))
    labels = dict.fromkeys(names.values(), "image,mean,stdv\n")
    with writing_zip(path) as write:
        for photo in _photos(subjects, images, seed):
            part, name = parts[photo.number], f"{photo.number:06d}.jpg"
            write(f"{part}/{name}", photo.content)
            labels[part] += f"{name},{photo.age},{rng.uniform(1, 7):.4g}\n"
        labels["test"] += f"{images:06d}.jpg,30,4\n"
        for part, rows in labels.items():
            write(f"{part}_gt.csv", rows.encode())


def write_table(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write `people/0.jpg` and so on and `labels.csv`, with every column of a table, and a row whose age is none."""
    parts = np.repeat(["train", "validation", "test"], split(images, [3, 1, 1]))
    rows = []
    with writing_zip(path) as write:
        for photo in _photos(subjects, images, seed):
            box = [*photo.points.min(axis=0), *photo.points.max(axis=0) + 1]
            five = photo.points[list(FIVE_POINTS.values())].ravel()
            write(f"people/{photo.number}.jpg", photo.content)
            rows.append(
                {
                    "path": f"people/{photo.number}.jpg",
                    "age": photo.age,
                    "age_std": 1.5,
                    "subject": f"person {photo.person + 1}",
                    "gender": "male" if photo.male else "female",
                    "part": parts[photo.number],
                    "box": " ".join(f"{side:.0f}" for side in box),
                    "landmarks": " ".join(f"{number:.1f}" for number in five),
                }
            )
        write("people/unknown.jpg", photo.content)
        rows.append({"path": "people/unknown.jpg", "age": "?"})
        write("labels.csv", pd.DataFrame(rows).to_csv(index=False, lineterminator="\n").encode())


def _photos(subjects: int, images: int, seed: int, first: int = 1, last: int = 100) -> Iterator[Photo]:
    """Yield the pictures, of ages spread as ChaLearn's from `first` to `last`."""
    rng = np.random.default_rng([seed, 0])
    people = draw_crowd(subjects, seed)
    ages = rng.permutation(draw_ages(images, rng, chalearn_histogram().sum(axis=1).loc[first:last]))
    for k, (picture, points) in enumerate(shoot(people, ages, seed)):
        yield Photo(k, k % subjects, people[k % subjects].male, int(ages[k]), jpeg(picture, rng), points)
