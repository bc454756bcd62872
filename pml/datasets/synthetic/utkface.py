"""Writes synthetic people as UTKFace's aligned crops: `UTKFace/26_0_1_20170116174525125.jpg.chip.jpg`, 200 x 200 pixels."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from pml.datasets.synthetic.chalearn import chalearn_histogram
from pml.datasets.synthetic.people import draw_ages, fgnet_histogram
from pml.datasets.synthetic.writing import APPLE_DOUBLE, crop_upright, draw_crowd, jpeg, shoot, writing_zip

RACES = (10_078, 4_528, 3_434, 3_976, 1_692)  # images of each code, 0 to 4, in the real archive
EYES = {"left": 0.30, "top": 0.295}  # where the real crops have the left eye: medians of 31 of them
START = datetime(2017, 1, 3)
DIRTY = ("{age}_{race}_{date}", "{age}__{race}_{date}", "{age}_{gender}_{race}_{date} ")  # forms of the first three names


def write_utkface(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write the archive to `path`: `images` pictures, for which `subjects` people take turns.

    The same arguments give the same bytes. Ages are spread as FG-NET's and ChaLearn's together: UTKFace's, too, pile up in
    early childhood and in the twenties and thin out towards old age. The race codes have the real shares and mean nothing. The
    first three names are malformed as some real ones are; beside the images there are one without an age, a copy of one in
    another folder, and macOS metadata.
    """
    rng = np.random.default_rng([seed, 0])
    people = draw_crowd(subjects, seed)
    ages = rng.permutation(draw_ages(images, rng, utkface_histogram()))
    races = rng.choice(5, subjects, p=np.array(RACES) / sum(RACES))
    with writing_zip(path) as write:
        for k, (picture, points) in enumerate(shoot(people, ages, seed)):
            form = DIRTY[k] if k < len(DIRTY) else "{age}_{gender}_{race}_{date}"
            person = k % subjects
            name = form.format(age=ages[k], gender=int(not people[person].male), race=races[person], date=_date(k))
            content = jpeg(crop_upright(picture, points, 200, **EYES), rng)
            write(f"UTKFace/{name}.jpg.chip.jpg", content)
        write(f"UTKFace/_0_1_{_date(images)}.jpg.chip.jpg", content)
        write(f"crop_part1/{name}.jpg.chip.jpg", content)
        write("__MACOSX/._UTKFace", APPLE_DOUBLE)


def utkface_histogram() -> pd.Series:
    """Return images per age (years, the index), from 1 as in UTKFace, of FG-NET and ChaLearn LAP 2015 together."""
    counts = pd.concat([fgnet_histogram(), chalearn_histogram().sum(axis=1)])
    return counts.groupby(counts.index.to_numpy().clip(min=1)).sum()


def _date(k: int) -> str:
    return (START + timedelta(seconds=37 * k)).strftime("%Y%m%d%H%M%S") + "125"
