"""Writes synthetic people as APPA-REAL: `gt_avg_train.csv`, `train/000000.jpg`, its crop and its `.mat`, and so on."""

from pathlib import Path

import numpy as np

from pml.datasets.appa_real import OFFICIAL
from pml.datasets.synthetic.chalearn import chalearn_histogram
from pml.datasets.synthetic.people import draw_ages
from pml.datasets.synthetic.writing import APPLE_DOUBLE, crop_upright, draw_crowd, jpeg, shoot, split, writing_zip

HEADER = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"
FOLDER = "appa-real-release"
PARTS = ("train", "valid", "test")
RATINGS = 38  # a picture, on average
EMPTY_MAT = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def write_appa_real(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write the archive to `path`: `images` pictures, for which `subjects` people take turns.

    The same arguments give the same bytes. The parts are in proportion to the real ones. Real ages are spread as ChaLearn's
    apparent ages, for want of counts of APPA-REAL's own; a person looks older or younger by their own pace, and the guesses
    scatter about that. Beside the images there are a crop that is in no label file, a row without pictures, and macOS metadata.
    """
    rng = np.random.default_rng([seed, 0])
    people = draw_crowd(subjects, seed)
    ages = rng.permutation(draw_ages(images, rng, chalearn_histogram().sum(axis=1)))
    stds = np.clip(rng.normal(4.5, 1.2, images), 1, 9)
    ratings = np.maximum(rng.poisson(RATINGS, images), 2)
    looks = ages * (1 + np.array([people[k % subjects].pace for k in range(images)]))
    apparent = np.maximum(looks + rng.normal(0, stds / np.sqrt(ratings)), 0)

    parts = np.repeat(PARTS, split(images, list(OFFICIAL.values())))
    labels = dict.fromkeys(PARTS, HEADER)
    with writing_zip(path) as write:
        for k, (picture, points) in enumerate(shoot(people, ages, seed)):
            # A margin of 40 % on each side of a detector's box, which is some 2.2 times as wide as the eyes lie apart.
            crop = jpeg(crop_upright(picture, points, int(rng.integers(150, 221)), left=0.37, top=0.44), rng)
            name = f"{FOLDER}/{parts[k]}/{k:06d}.jpg"
            write(name, jpeg(picture, rng))
            write(f"{name}_face.jpg", crop)
            write(f"{name}.mat", EMPTY_MAT)
            labels[parts[k]] += f"{k:06d}.jpg,{ratings[k]},{apparent[k]:.8g},{stds[k]:.8g},{ages[k]}\n"
        labels["test"] += f"{images:06d}.jpg,{RATINGS},30,4.5,30\n"
        write(f"{FOLDER}/test/{images + 1:06d}.jpg_face.jpg", crop)
        write(f"__MACOSX/{FOLDER}/._train", APPLE_DOUBLE)
        for part, rows in labels.items():
            write(f"{FOLDER}/gt_avg_{part}.csv", rows.encode())
