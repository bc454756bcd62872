"""The archive: ChaLearn LAP 2015's names and label files, real ages and spreads, and nothing lost when it is read."""

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from pml.datasets import archives, chalearn
from pml.datasets.synthetic.chalearn import chalearn_histogram, write_chalearn

IMAGES = 190


@pytest.fixture
def tables(blank_pictures, tmp_path):
    write_chalearn(tmp_path / "A.zip", subjects=150, images=IMAGES, seed=0)
    archives.unpack([tmp_path / "A.zip"], tmp_path / "images")
    return chalearn.load(tmp_path / "images", chalearn.Options())


def test_pictures_are_of_colour(tmp_path):
    write_chalearn(tmp_path / "a", subjects=2, images=2, seed=5)
    with zipfile.ZipFile(tmp_path / "a") as archive:
        pictures = [archive.read(name) for name in archive.namelist() if name.endswith(".jpg")]
    assert {Image.open(io.BytesIO(picture)).mode for picture in pictures} == {"RGB"}


def test_names_and_rows_are_as_in_the_real_archive(blank_pictures, tmp_path):
    write_chalearn(tmp_path / "A.zip", subjects=20, images=30, seed=0)
    with zipfile.ZipFile(tmp_path / "A.zip") as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
        rows = [line for part in ("Train", "Test") for line in archive.read(f"{part}.csv").decode().splitlines()]
        assert archive.read("Validation.csv").count(b";\r\n") == archive.read("Validation.csv").count(b"\n") > 0
    assert all(re.fullmatch(r"(Train|Validation|Test)/image_[0-9]+\.jpg", name) for name in pictures)
    assert all(re.fullmatch(r"image_[0-9]+\.jpg;[0-9]+;[0-9.]+", row) for row in rows)


def test_every_image_is_read_and_the_dirt_is_rejected(tables):
    assert len(tables.index) == IMAGES
    assert sorted(row["reason"] for row in tables.rejected) == [
        "listed, but there is no such file",
        "macOS metadata",
        "no row of a label file names it",
    ]


def test_parts_and_ages_are_in_proportion_to_the_real_ones(tables):
    histogram = chalearn_histogram()
    assert dict(histogram.sum()) == chalearn.OFFICIAL
    for part, count in chalearn.OFFICIAL.items():
        ages = np.array([row["age"] for row in tables.index if row["part"] == part])
        assert len(ages) == pytest.approx(IMAGES * count / 4691, abs=1)
        real = np.repeat(histogram.index, histogram[part])
        # Ages are dealt, not drawn: quantiles agree up to what a step of one image can move.
        np.testing.assert_allclose(np.quantile(ages, [0.25, 0.5, 0.75]), np.quantile(real, [0.25, 0.5, 0.75]), atol=1.5)


def test_standard_deviations_are_as_the_real_ones(tables):
    stds = np.array([row["age_std"] for row in tables.index])
    assert np.all((stds >= 1) & (stds <= 7)) and stds.mean() == pytest.approx(4, abs=0.3)
