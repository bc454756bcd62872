"""The canvas against OpenCV-free references: areas, peaks, and Lambert's law on a plane."""

import numpy as np
import pytest

from pml.datasets.synthetic.canvas import CENTRE, UNIT, Canvas, curve, ellipse, soft_mask, stroke, whole_mask


@pytest.mark.parametrize("blur", [0.0, 0.05])
def test_mask_has_the_area_of_its_ellipse_blurred_or_not(blur):
    mask, _ = soft_mask(ellipse((0.2, 0.3), (0.5, 0.3), count=200), blur)
    # OpenCV fills the pixels that the outline touches: half a pixel more on each side.
    rim = 0.5 / UNIT
    assert mask.sum() / UNIT**2 == pytest.approx(np.pi * (0.5 + rim) * (0.3 + rim), rel=0.03)


def test_mask_outside_the_canvas_is_empty():
    mask, _ = soft_mask(ellipse((50, 50), (0.5, 0.3)))
    assert mask.sum() == 0


def test_fill_is_premultiplied_and_keeps_to_its_mask():
    canvas = Canvas()
    canvas.fill(ellipse((0, 0), (1, 1)), (0.2, 0.4, 0.6), opacity=0.5)
    x, y = CENTRE.astype(int)
    assert canvas.rgba[y, x] == pytest.approx([0.1, 0.2, 0.3, 0.5], abs=1e-3)
    canvas.fill(ellipse((0, 0), (1, 1)), (1, 1, 1), within=whole_mask(ellipse((1.0, 0), (0.2, 0.2))))
    assert canvas.rgba[y, x, 3] == pytest.approx(0.5, abs=1e-3)


def test_a_flat_relief_is_lit_by_the_cosine_of_the_light():
    canvas = Canvas()
    canvas.fill(ellipse((0, 0), (1, 1)), (0.5, 0.5, 0.5))
    x, y = CENTRE.astype(int)
    light = (1.0, 0.0, 1.0)
    expected = 0.5 * (0.4 + (1.12 - 0.4) * np.cos(np.pi / 4))
    assert canvas.lit(light, ambient=0.4, gloss=0)[y, x, 1] == pytest.approx(expected, rel=1e-3)


def test_the_side_of_a_bump_that_faces_the_light_is_brighter():
    canvas = Canvas()
    canvas.fill(ellipse((0, 0), (1, 1)), (0.5, 0.5, 0.5))
    canvas.bump((0, 0), (0.3, 0.3), 0.3)
    x, y = CENTRE.astype(int)
    lit = canvas.lit((-1, 0, 1), ambient=0.4, gloss=0)[y, :, 1]
    assert lit[x - UNIT // 4] > lit[x + UNIT // 4]


def test_curve_passes_through_its_points():
    points = np.array([(0, 0), (1, 2), (3, 1), (4, 4)], float)
    assert curve(points, steps=5)[::5] == pytest.approx(points)
    assert curve(points, closed=True, steps=5)[::5] == pytest.approx(points)


def test_stroke_is_as_wide_as_asked_in_the_middle_and_pointed_at_its_ends():
    outline = stroke(np.array([(0, 0), (1, 0), (2, 0), (3, 0)], float), width=0.4)
    assert np.ptp(outline[:, 1]) == pytest.approx(0.4, rel=0.02)
    assert outline[[0, -1], 1] == pytest.approx(0)
