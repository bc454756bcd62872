"""Photographs a drawn face: pose in the plane, background, light, blur, noise and JPEG, as family albums vary."""

import cv2
import numpy as np

from pml.datasets.synthetic.canvas import CENTRE, UNIT
from pml.datasets.synthetic.faces import draw_face
from pml.datasets.synthetic.portrait import Pose
from pml.datasets.synthetic.proportions import Look


def photograph(look: Look, rng: np.random.Generator, grey: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draw `look` as one chance picture of an album.

    Returns:
        The picture, uint8 RGB (height, width, 3), or (height, width) if `grey`; the landmarks (68, 2) in its pixels.
    """
    pose, width = _pose(rng), int(rng.integers(200, 261))
    height = int(width * rng.uniform(1.15, 1.3))
    picture, points = _compose(look, pose, _placement(width, height, rng), _background(height, width, rng))
    return _developed(picture, rng, grey), points


def neutral(look: Look, width: int = 200, height: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """Draw `look` without nuisances before a plain background: the picture, uint8 RGB (height, width, 3), and the landmarks."""
    matrix = _similarity(0.0, 0.22 * width / UNIT, np.array([width / 2, 0.47 * height]))
    picture, points = _compose(look, Pose(), matrix, np.full((height, width, 3), (0.80, 0.82, 0.84), np.float32))
    return _to_bytes(picture), points


def _compose(look: Look, pose: Pose, matrix: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the drawn face, placed by `matrix` (3, 3) before a background (height, width, 3), and its landmarks (68, 2)."""
    portrait, points = draw_face(look, pose)
    portrait = cv2.warpPerspective(portrait, matrix, background.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    points = cv2.perspectiveTransform((points * UNIT + CENTRE)[None], matrix)[0]
    return portrait[..., :3] + (1 - portrait[..., 3:]) * background, points


def _pose(rng: np.random.Generator) -> Pose:
    smile = float(np.clip(rng.normal(0.25, 0.35), 0, 1))
    return Pose(
        smile=smile,
        open_mouth=float(rng.uniform(0.2, 0.7)) if rng.random() < 0.15 + 0.4 * smile else 0.0,
        turn=float(np.clip(rng.normal(0, 0.08), -0.18, 0.18)),
        light=(rng.uniform(-0.7, 0.7), rng.uniform(-0.75, 0.05), 1.0),
        ambient=float(rng.uniform(0.40, 0.70)),
        gaze=float(np.clip(rng.normal(0, 0.03), -0.07, 0.07)),
    )


def _similarity(angle: float, scale: float, target: np.ndarray) -> np.ndarray:
    """Return the matrix (3, 3) that turns and scales the canvas about the pupils' middle and puts that at `target`."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.block([[linear, (target - linear @ CENTRE)[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])


def _placement(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    angle = np.clip(rng.normal(0, 0.09), -0.26, 0.26)
    scale = width / UNIT * rng.uniform(0.185, 0.235)
    target = np.array([width * rng.uniform(0.45, 0.55), height * rng.uniform(0.42, 0.50)])
    matrix = _similarity(angle, scale, target)
    # A little shear and perspective stand for the camera's height and a turned head.
    centred = np.eye(3)
    centred[0, 1], centred[1, 1] = rng.normal(0, 0.03), 1 + rng.normal(0, 0.03)
    centred[2, :2] = rng.normal(0, 0.00025, 2)
    shift = np.eye(3)
    shift[:2, 2] = target
    return shift @ centred @ np.linalg.inv(shift) @ matrix


def _background(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Return a wall out of focus (height, width, 3): a gradient between muted colours, and in half of them soft shapes."""
    ends = rng.uniform(0.15, 0.85, (2, 1, 1)) + rng.normal(0, 0.06, (2, 1, 3))
    coarse = ends[0] + (ends[1] - ends[0]) * np.linspace(0, 0.6, 6)[:, None, None]
    shapes = rng.normal(0, 0.10, (6, 5, 1)) + rng.normal(0, 0.03, (6, 5, 3))
    coarse = coarse + shapes * (rng.random() < 0.5)
    return cv2.resize(np.clip(coarse, 0, 1).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def _developed(picture: np.ndarray, rng: np.random.Generator, grey: bool) -> np.ndarray:
    warmth, tint = rng.normal(0, 0.05), rng.normal(0, 0.02)
    picture = picture * np.float32(rng.uniform(0.75, 1.03) * np.array([1 + warmth, 1 + tint, 1 - warmth]))
    picture = 0.5 + (picture - 0.5) * np.float32(rng.uniform(0.80, 1.15)) + np.float32(rng.normal(0, 0.03))
    if grey:
        picture = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3))
    noise = rng.standard_normal(picture.shape, np.float32)
    return _to_bytes(picture + np.float32(rng.uniform(0.003, 0.03)) * noise)


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
