"""The archive: APPA-REAL's names and label files, real and apparent ages that differ, and nothing lost when it is read."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from pml.datasets import appa_real, archives
from pml.datasets.synthetic.appa_real import HEADER, write_appa_real

IMAGES = 120


@pytest.fixture
def root(blank_pictures, tmp_path):
    write_appa_real(tmp_path / "A.zip", subjects=100, images=IMAGES, seed=0)
    archives.unpack([tmp_path / "A.zip"], tmp_path / "images")
    return tmp_path / "images"


def test_pictures_are_of_colour_and_a_crop_is_square(tmp_path):
    write_appa_real(tmp_path / "a", subjects=2, images=2, seed=5)
    with zipfile.ZipFile(tmp_path / "a") as archive:
        whole, crop = (
            Image.open(io.BytesIO(archive.read(f"appa-real-release/train/000000.jpg{end}"))) for end in ("", "_face.jpg")
        )
        assert "appa-real-release/train/000000.jpg.mat" in archive.namelist()
    assert whole.mode == crop.mode == "RGB" and crop.width == crop.height < whole.height


@pytest.mark.parametrize("picture", ["crop", "whole"])
def test_every_image_is_read_and_the_dirt_is_rejected(picture, root):
    tables = appa_real.load(root, appa_real.Options(picture=picture))
    assert len(tables.index) == IMAGES
    assert sorted(row["reason"] for row in tables.rejected) == [
        "listed, but there is no such file",
        "macOS metadata",
        "no row of a label file names it",
    ]


def test_the_parts_are_in_proportion_to_the_real_ones_and_numbered_throughout(root):
    index = appa_real.load(root, appa_real.Options(picture="whole")).index
    for part, count in appa_real.OFFICIAL.items():
        assert sum(row["part"] == part for row in index) == pytest.approx(IMAGES * count / 7591, abs=1)
    assert sorted(row["image"].rpartition("/")[2] for row in index) == [f"{k:06d}.jpg" for k in range(IMAGES)]


def test_guesses_scatter_about_the_look_which_departs_from_the_real_age(root):
    tables = {label: appa_real.load(root, appa_real.Options(label=label)).index for label in ("apparent", "real")}
    apparent, real = (np.array([row["age"] for row in tables[label]]) for label in ("apparent", "real"))
    stds = np.array([row["age_std"] for row in tables["apparent"]])
    assert np.all(real == real.astype(int)) and not np.all(apparent == apparent.astype(int))
    assert 1 < np.abs(apparent - real).mean() < 6 and np.corrcoef(apparent, real)[0, 1] > 0.9
    assert np.all((stds >= 1) & (stds <= 9))


def test_label_files_have_the_owners_header(root):
    for part in ("train", "valid", "test"):
        assert (root / f"appa-real-release/gt_avg_{part}.csv").read_text().startswith(HEADER)
