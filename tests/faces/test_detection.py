import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.detection import measure
from pml.faces.detection import FaceDetector, prominence


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


def drawn_face(size=200):
    """A cartoon that the detector takes for a face, and its five landmarks: shaded head, eyes, nose and mouth."""
    image = np.full((size, size, 3), 200, np.uint8)

    def ellipse(centre, axes, colour):
        scaled = [tuple(round(size * v * 16) for v in pair) for pair in (centre, axes)]
        cv2.ellipse(image, *scaled, 0, 0, 360, colour, -1, cv2.LINE_AA, shift=4)

    ellipse((0.5, 0.42), (0.29, 0.36), (60, 40, 30))
    ellipse((0.5, 0.5), (0.25, 0.34), (215, 170, 145))
    for x in (0.4, 0.6):
        ellipse((x, 0.39), (0.065, 0.012), (80, 50, 40))
        ellipse((x, 0.45), (0.05, 0.024), (245, 245, 245))
        ellipse((x, 0.45), (0.022, 0.022), (40, 30, 25))
    ellipse((0.5, 0.55), (0.03, 0.06), (200, 150, 125))
    ellipse((0.48, 0.6), (0.012, 0.008), (120, 75, 60))
    ellipse((0.52, 0.6), (0.012, 0.008), (120, 75, 60))
    ellipse((0.5, 0.7), (0.09, 0.025), (165, 80, 80))
    image = cv2.GaussianBlur(image, (0, 0), size / 130)
    return image, size * np.array([[0.4, 0.45], [0.6, 0.45], [0.5, 0.58], [0.41, 0.7], [0.59, 0.7]])


def test_all_faces_are_found_and_the_main_one_comes_first(detector):
    image, _ = drawn_face(400)
    small, _ = drawn_face(200)
    both = np.full((500, 700, 3), 200, np.uint8)
    both[50:450, 250:650], both[:200, 20:220] = image, small
    first, second = detector.detect_all(both)
    np.testing.assert_array_equal(first.box, detector.detect(both).box)
    assert first.box[0] > 250 and second.box[2] < 250


@pytest.mark.parametrize("size", [100, 200, 900])
def test_a_drawn_face_is_found_with_its_landmarks_at_any_size(detector, size):
    image, landmarks = drawn_face(size)
    detection = detector.detect(image)
    assert detection.landmarks.shape == (5, 2)
    assert 0.7 <= detection.score <= 1
    assert np.linalg.norm(detection.landmarks - landmarks, axis=1).max() < 0.25 * 0.2 * size
    left, top, right, bottom = detection.box
    x, y = detection.landmarks.T
    assert (left < x).all() and (x < right).all() and (top < y).all() and (y < bottom).all()


def test_detection_is_repeatable_and_leaves_the_image_alone(detector):
    image, _ = drawn_face()
    before = image.copy()
    first, second = detector.detect(image), detector.detect(image)
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    assert first.score == second.score
    np.testing.assert_array_equal(image, before)


def test_a_picture_of_nothing_has_no_face(detector):
    assert detector.detect(np.full((120, 90, 3), 128, np.uint8)) is None
    assert detector.detect(np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (9, 9, 3), (30, 2, 3), (2000, 3, 3)])
def test_a_picture_too_small_for_a_face_has_none(detector, shape):
    assert detector.detect(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)) is None


def main_of(*boxes, scores=None, width=100, height=100):
    return int(prominence(np.array(boxes, float), np.array(scores or [1.0] * len(boxes)), width, height).argmax())


def test_of_two_faces_side_by_side_the_larger_is_the_main_one():
    assert main_of((10, 30, 40, 60), (55, 25, 95, 65)) == 1


def test_of_two_equal_faces_the_more_central_is_the_main_one():
    assert main_of((0, 0, 30, 30), (40, 35, 70, 65)) == 1


def test_a_doubtful_box_does_not_win_by_a_little_more_area():
    assert main_of((30, 30, 72, 72), (32, 32, 70, 70), scores=[0.7, 1.0]) == 1


@pytest.mark.slow
@pytest.mark.skipif("PML_TEST_DATA" not in os.environ, reason="needs FGNET.zip in the folder PML_TEST_DATA")
def test_on_fgnet_faces_are_found_and_landmarks_are_near_the_hand_marked_points():
    result = measure(Path(os.environ["PML_TEST_DATA"]) / "FGNET.zip", every=20)
    assert result.found >= 0.995
    assert np.median(result.errors) <= 0.045
