"""What the painters of a face share: the look, the pose, the canvas, and where things lie once the head has turned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pml.datasets.synthetic.canvas import HEIGHT, WIDTH, Canvas, curve, whole_mask
from pml.datasets.synthetic.proportions import CONTOUR, Look, landmarks


@dataclass(frozen=True)
class Pose:
    """What differs between two pictures of one person on one day, before the camera: all zero is neutral.

    Attributes:
        smile, open_mouth: in [0, 1].
        turn: how far the head turns, in pupil distances that the middle of the face shifts to the right.
        light: direction to the light (x, y, z); `ambient`: in [0, 1], the share of light without direction.
        gaze: shift of both irises in pupil distances.
    """

    smile: float = 0.0
    open_mouth: float = 0.0
    turn: float = 0.0
    light: tuple[float, float, float] = (0.15, -0.45, 1.0)
    ambient: float = 0.5
    gaze: float = 0.0


class Portrait:
    """A canvas and what to paint on it.

    Attributes:
        points: the turned landmarks (68, 2).
        head: outline (P, 2) of face and cranium.
        skin_mask, hair_mask: (HEIGHT, WIDTH) in [0, 1]; there is hair only once it is painted.
    """

    def __init__(self, look: Look, pose: Pose) -> None:
        self.look, self.pose, self.canvas = look, pose, Canvas()
        self.points = self.turned(landmarks(look, pose.smile, pose.open_mouth))
        self.head = curve(np.concatenate([self.points[CONTOUR], self.cranium()]), closed=True)
        self.skin_mask = whole_mask(self.head, 0.02)
        self.hair_mask = np.zeros((HEIGHT, WIDTH), np.float32)

    def marks(self, layer: str) -> np.random.Generator:
        """Return a generator of what stays with the person: the same for each picture, another for each layer."""
        return np.random.default_rng([self.look.seed, *layer.encode()])

    def turned(self, points: ArrayLike) -> np.ndarray:
        """Shift `points` sideways in proportion to how far they stand out of the face."""
        x, y = np.asarray(points, float).T
        depth = 1 - (x / 1.3) ** 2 - ((y - 0.2) / 2.4) ** 2 + 0.5 * np.exp(-((x / 0.25) ** 2) - ((y - 0.6) / 0.3) ** 2)
        return np.stack([x + self.pose.turn * depth, y], axis=1)

    def mirrored(self, points: ArrayLike) -> np.ndarray:
        """Return `points` on the right and their mirror images, right to left, as one turned path."""
        points = np.asarray(points, float)
        return self.turned(np.concatenate([points, points[::-1][points[::-1, 0] > 0] * (-1, 1)]))

    def cranium(self) -> np.ndarray:
        """Return the outline of the cranium (9, 2) from the right ear over the top to the left ear."""
        growth, wide = self.look.growth["skull"], 1 + 0.035 * self.look.traits["width"]
        newborn = np.array([(1.25, -0.30), (1.31, -0.70), (1.17, -1.25), (0.72, -1.72), (0, -1.90)])
        grown = np.array([(1.12, -0.32), (1.10, -0.72), (0.95, -1.18), (0.56, -1.53), (0, -1.66)])
        right = newborn + growth * (grown - newborn)
        right *= (wide, 1 + 0.04 * self.look.traits["skull"])
        return self.mirrored(right)
