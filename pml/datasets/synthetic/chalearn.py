"""Writes synthetic people as ChaLearn LAP 2015: `Train/image_1.jpg`, `Train.csv` with `image_1.jpg;27;3.81`, and so on."""

from pathlib import Path

import numpy as np
import pandas as pd

from pml.datasets.synthetic.people import draw_ages, published
from pml.datasets.synthetic.writing import APPLE_DOUBLE, draw_crowd, jpeg, shoot, split, writing_zip

FOLDERS = {"train": "Train", "validation": "Validation", "test": "Test"}


def write_chalearn(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write the archive to `path`: `images` pictures, for which `subjects` people take turns.

    The same arguments give the same bytes. The parts are in proportion to the real ones, and so are their ages; the standard
    deviations are about 4, as the real ones. Beside the images there are one that is in no label file, one that is listed and
    not there, and macOS metadata; validation's rows end in `;`.
    """
    rng = np.random.default_rng([seed, 0])
    histogram = chalearn_histogram()
    counts = dict(zip(FOLDERS, split(images, [histogram[part].sum() for part in FOLDERS]), strict=True))
    ages = np.concatenate([rng.permutation(draw_ages(count, rng, histogram[part])) for part, count in counts.items()])
    stds = np.clip(rng.normal(4.0, 0.9, images), 1, 7)
    numbers = (1 + rng.permutation(images + 2)).tolist()
    listed_only, unlisted = numbers[images:]

    labels: dict[str, list[str]] = {part: [] for part in FOLDERS}
    parts = np.repeat(list(counts), list(counts.values()))
    pictures = shoot(draw_crowd(subjects, seed), ages, seed)
    with writing_zip(path) as write:
        for k, (picture, _) in enumerate(pictures):
            content = jpeg(picture, rng)
            write(f"{FOLDERS[parts[k]]}/image_{numbers[k]}.jpg", content)
            labels[parts[k]].append(f"image_{numbers[k]}.jpg;{ages[k]};{stds[k]:.4g}")
        write(f"Train/image_{unlisted}.jpg", content)
        labels["train"].append(f"image_{listed_only}.jpg;30;4")
        write("__MACOSX/._Train", APPLE_DOUBLE)
        for part, rows in labels.items():
            end = ";\r\n" if part == "validation" else "\r\n"
            write(f"{FOLDERS[part]}.csv", "".join(row + end for row in rows).encode())


def chalearn_histogram() -> pd.DataFrame:
    """Return the images per apparent age (years, the index) of the real parts, one column each, counted from their labels."""
    return published("chalearn2015_age_histogram")
