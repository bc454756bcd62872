import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.faces.alignment import align_face, centre_crop, place_a_face, similarity_transform, template
from pml.suite.settings import Crop

coordinates = st.floats(-500, 500)
five_points = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).uniform(-300, 300, (5, 2)))


def matrix(scale, angle, shift):
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])


def apply(transform, points):
    return points @ transform[:, :2].T + transform[:, 2]


@given(five_points, st.floats(0.05, 20), st.floats(-np.pi, np.pi), st.tuples(coordinates, coordinates))
def test_an_exact_similarity_is_recovered(points, scale, angle, shift):
    transform = matrix(scale, angle, shift)
    np.testing.assert_allclose(similarity_transform(points, apply(transform, points)), transform, rtol=1e-6, atol=1e-6)


@given(five_points, five_points)
def test_inexact_points_are_fitted_as_by_linear_least_squares(source, target):
    (x, y), zero, one = source.T, np.zeros(5), np.ones(5)
    rows = np.concatenate([np.stack([x, -y, one, zero], axis=1), np.stack([y, x, zero, one], axis=1)])
    cosine, sine, right, down = np.linalg.lstsq(rows, target.T.ravel(), rcond=None)[0]
    np.testing.assert_allclose(similarity_transform(source, target), [[cosine, -sine, right], [sine, cosine, down]], atol=1e-6)


@given(five_points)
def test_a_mirrored_face_is_not_mirrored_back(points):
    assert np.linalg.det(similarity_transform(points, points * [-1, 1])[:, :2]) >= 0


def test_the_template_keeps_its_place_at_every_size():
    np.testing.assert_allclose((template(64) + 0.5) / 64, (template(224) + 0.5) / 224)


def test_the_template_leaves_room_for_forehead_and_chin():
    left_eye, right_eye, nose, left_mouth, right_mouth = template(100)
    eye_distance = right_eye[0] - left_eye[0]
    eyes = (left_eye[1] + right_eye[1]) / 2
    assert left_eye[0] < nose[0] < right_eye[0]
    assert eyes < nose[1] < left_mouth[1]
    assert eyes >= 1.5 * eye_distance, "the hair line lies about one above the pupils"
    assert 100 - eyes >= 1.85 * eye_distance, "the chin lies about 1.8 below the pupils"


def picture_with_dots(landmarks, radius, height=600, width=500):
    """A dark picture with a coloured dot on each landmark."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]
    image = np.zeros((height, width, 3), np.uint8)
    for point, colour in zip(landmarks, colours, strict=True):
        cv2.circle(image, tuple(int(v) for v in np.round(point)), radius, colour, -1)
    return image, colours


@pytest.mark.parametrize("scale", [0.7, 1.5, 4.0])
@pytest.mark.parametrize("angle", [-0.6, 0.0, 0.4])
def test_landmarks_land_on_the_template(scale, angle):
    landmarks = apply(matrix(scale, angle, (0, 0)), template(64) - 31.5) + [250, 300]
    image, colours = picture_with_dots(landmarks, radius=round(4 * scale))
    face = align_face(image, landmarks, 64)
    for (x, y), colour in zip(np.round(template(64)).astype(int), colours, strict=True):
        np.testing.assert_allclose(face[y, x], colour, atol=10)


LANDMARKS, BOX = template(64, 0.9), np.array([[12, 3], [50, 60]])  # of the face, in units of its own
PLACES = {
    "as it is": (1, 0, (200, 200)),
    "larger": (2, 0, (200, 200)),
    "elsewhere": (1, 0, (230.5, 190.25)),
    "turned": (1.5, 0.4, (210, 205)),
    "turned far": (1, -2, (200, 200)),
}


def scene(points):
    """Return (..., 3) smooth colours of the face at (..., 2) places in its own units."""
    waves = points @ np.array([[0.11, 0.03, -0.06], [0.02, 0.09, 0.07]]) + [0, 1, 2]
    return 127 + 100 * np.sin(waves)


def grid(width, height):
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(float)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("zoom", [0.9, 0.45])
@pytest.mark.parametrize("alignment", ["similarity", "upright", "box"])
def test_each_crop_sees_of_a_face_what_it_should_wherever_the_face_is_in_the_picture(alignment, zoom, place):
    """At half the zoom it sees twice as much. The picture is turned in the crop unless the alignment is a similarity."""
    scale, angle, shift = PLACES[place]
    there = matrix(scale, angle, shift)
    back = np.linalg.inv(np.vstack([there, [0, 0, 1]]))[:2]
    picture = np.rint(scene(apply(back, grid(480, 460).reshape(-1, 2))).reshape(460, 480, 3)).astype(np.uint8)
    if alignment == "box":
        corners = apply(there, BOX)
        centre, unit, turned = BOX.mean(axis=0), np.ptp(corners, axis=0).max() / scale / 64, -angle
    else:
        centre, unit, turned = LANDMARKS.mean(axis=0), 1, 0 if alignment == "similarity" else -angle
    points = corners if alignment == "box" else apply(there, LANDMARKS)
    middle = 31.5 if alignment == "box" else (centre - 31.5) * zoom / 0.9 + 31.5
    seen = apply(matrix(unit * (1 if alignment == "box" else 0.9) / zoom, turned, (0, 0)), grid(64, 64) - middle) + centre
    face = align_face(picture, points, 64, Crop(alignment=alignment, zoom=zoom))
    inside = (np.abs(apply(there, seen) - [239.5, 229.5]) <= [238, 228]).all(axis=-1)
    assert inside.mean() > 0.8
    np.testing.assert_allclose(face[inside], scene(seen)[inside], atol=3)


def test_without_the_box_of_a_detector_a_face_is_cut_upright():
    picture, _ = picture_with_dots(LANDMARKS + 50, 5)
    box, upright = (align_face(picture, LANDMARKS + 50, 64, Crop(alignment=name)) for name in ("box", "upright"))
    np.testing.assert_array_equal(box, upright)


@pytest.mark.parametrize("size", [64, 112])
def test_the_centre_of_mass_does_not_drift_with_the_size_of_the_picture(size):
    """Half a pixel lost in resampling would shift the eyes of large pictures against those of small ones."""
    unit = template(size)
    for scale in (1, 3, 6):
        landmarks = (unit + 0.5) * scale - 0.5
        image = np.zeros((size * scale, size * scale, 3), np.uint8)
        image[10 * scale : 30 * scale, 20 * scale : 50 * scale] = 200
        weights = align_face(image, landmarks, size)[:, :, 0].astype(float)
        rows, columns = np.indices(weights.shape)
        centre = (weights * rows).sum() / weights.sum(), (weights * columns).sum() / weights.sum()
        np.testing.assert_allclose(centre, (19.5, 34.5), atol=0.02)


def test_shrinking_averages_fine_texture():
    """A one-pixel checkerboard is grey from afar; sampling it without averaging shows moire instead."""
    checkerboard = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.repeat(checkerboard[:, :, None], 3, axis=2)
    landmarks = apply(matrix(800 / 64, 0.1, (0, 0)), template(64) - 31.5) * 0.6 + 399.5
    face = align_face(image, landmarks, 64).astype(float)
    assert np.abs(face - 127.5).max() < 12


def test_beyond_the_border_the_last_pixels_are_repeated():
    image = np.full((100, 100, 3), 90, np.uint8)
    face = align_face(image, template(64) + [80, 0], 64)
    assert (face == 90).all()


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 32, 64]))
def test_a_centre_crop_has_the_size_asked_for_and_invents_no_colour(height, width, size):
    image = np.random.default_rng(0).integers(50, 200, (height, width, 3), dtype=np.uint8)
    face = centre_crop(image, size)
    assert face.shape == (size, size, 3) and face.dtype == np.uint8
    assert image.min() <= face.min() and face.max() <= image.max()


def test_a_centre_crop_takes_the_largest_central_square():
    image = np.zeros((30, 70, 3), np.uint8)
    image[:, 20:50] = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(centre_crop(image, 30), image[:, 20:50])


finite = st.floats(allow_nan=False, allow_infinity=False)
points = st.one_of(
    st.lists(st.tuples(finite, finite), min_size=5, max_size=5),
    st.tuples(finite, finite).map(lambda point: [point] * 5),
    st.tuples(coordinates, coordinates, st.floats(-1e-3, 1e-3)).map(lambda p: [(p[0] + p[2], p[1]), *[p[:2]] * 4]),
).map(np.array)


boxes = st.lists(st.tuples(finite, finite), min_size=2, max_size=2).map(np.array)
crops = st.builds(Crop, alignment=st.sampled_from(["similarity", "upright", "box"]), zoom=st.floats(0.1, 2))


@given(points | boxes, crops)
def test_points_that_place_a_face_give_a_crop_and_those_in_one_place_never_do(points, crop):
    image = np.full((40, 30, 3), 90, np.uint8)
    if place_a_face(points, image, crop):
        assert (align_face(image, points, 16, crop) == 90).all()
    if np.ptp(points, axis=0).max() < 1:
        assert not place_a_face(points, image, crop)


@given(st.floats(0.5, 20), st.floats(-np.pi, np.pi), st.tuples(coordinates, coordinates))
def test_landmarks_like_the_template_place_a_face(scale, angle, shift):
    landmarks = apply(matrix(scale, angle, shift), template(10))
    assert place_a_face(landmarks, np.zeros((100, 100, 3), np.uint8))
