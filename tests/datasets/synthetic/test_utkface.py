"""The archive: UTKFace's names, good and bad, long-tailed ages, and nothing lost when it is read."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from pml.datasets import archives, utkface
from pml.datasets.synthetic.utkface import utkface_histogram, write_utkface

IMAGES = 150


@pytest.fixture
def tables(blank_pictures, tmp_path):
    write_utkface(tmp_path / "A.zip", subjects=120, images=IMAGES, seed=0)
    archives.unpack([tmp_path / "A.zip"], tmp_path / "images")
    return utkface.load(tmp_path / "images", utkface.Options())


def test_crops_are_of_colour_and_of_the_owners_size(tmp_path):
    write_utkface(tmp_path / "a", subjects=2, images=2, seed=5)
    with zipfile.ZipFile(tmp_path / "a") as archive:
        names = [name for name in archive.namelist() if name.startswith("UTKFace/")]
        images = [Image.open(io.BytesIO(archive.read(name))) for name in names]
    assert {(image.mode, image.size) for image in images} == {("RGB", (200, 200))}


def test_every_image_is_read_and_the_dirt_is_rejected(tables):
    assert len(tables.index) == IMAGES
    reasons = sorted(row["reason"] for row in tables.rejected)
    assert [reason[:12] for reason in reasons] == ["macOS metada", "name is not ", "same picture"]


def test_some_names_are_malformed_as_real_ones_are(tables):
    assert tables.findings["names not as documented, though with an age"] == 3
    assert tables.findings["names that do not tell the gender"] == 2
    assert tables.findings["names that do not tell the race"] == 1


def test_ages_are_dealt_from_a_long_tailed_histogram_that_starts_at_1(tables):
    histogram = utkface_histogram()
    assert histogram.sum() == 1002 + 4691 and histogram.index.min() == 1
    ages = np.array([row["age"] for row in tables.index])
    real = np.repeat(histogram.index, histogram)
    np.testing.assert_allclose(np.quantile(ages, [0.1, 0.5, 0.9]), np.quantile(real, [0.1, 0.5, 0.9]), atol=1.5)
    assert len({row["race"] for row in tables.index} - {None}) == 5
