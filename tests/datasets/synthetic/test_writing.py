"""What the writers share: the same bytes for the same seed, upright crops and parts in proportion."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.datasets.synthetic.draw import write_archive
from pml.datasets.synthetic.writing import crop_upright, split
from pml.registry import REGISTRIES


@pytest.mark.parametrize("format", REGISTRIES["format"])
def test_same_seed_same_bytes_and_other_seed_other_bytes(format, tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_archive(format, tmp_path / name, subjects=2, images=4, seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("angle", [-40, 0, 25])
@pytest.mark.parametrize("distance", [20, 45])
def test_a_crop_has_the_eyes_level_where_they_are_asked_for(angle, distance):
    turn = np.deg2rad(angle)
    reach = distance / 2 * np.array([np.cos(turn), np.sin(turn)])
    points = np.zeros((68, 2))
    points[[31, 36]] = np.array([110, 120]) + np.array([-reach, reach])
    picture = np.zeros((250, 220, 3), np.uint8)
    for eye, colour in ((31, (255, 0, 0)), (36, (0, 255, 0))):
        cv2.circle(picture, points[eye].round().astype(int).tolist(), 3, colour, -1)
    crop = crop_upright(picture, points, 200, left=0.3, top=0.25).astype(float)
    assert crop.shape == (200, 200, 3)
    for channel, expected in ((0, (60, 50)), (1, (140, 50))):
        weights = crop[..., channel]
        rows, columns = np.indices(weights.shape)
        centre = [(columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()]
        np.testing.assert_allclose(centre, expected, atol=0.75 * 80 / distance + 1)


@given(images=st.integers(0, 5000), sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=4))
def test_parts_add_up_and_each_is_within_one_of_its_share(images, sizes):
    counts = split(images, sizes)
    assert sum(counts) == images
    assert all(abs(count - images * size / sum(sizes)) <= 1 for count, size in zip(counts, sizes, strict=True))
