"""A transparent canvas in pupil distances: soft polygons, tapered strokes, and a relief that is lit at the end."""

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

UNIT = 56  # pixels in one pupil distance
WIDTH, HEIGHT = 280, 332
CENTRE = np.array([140.0, 157.0])  # pixel midway between the pupils
SHIFT = 4  # bits of the sub-pixel positions that OpenCV draws with
X, Y = ((np.arange(size, dtype=np.float32) - centre) / UNIT for size, centre in zip((WIDTH, HEIGHT), CENTRE, strict=True))
Y = Y[:, None]


class Canvas:
    """`rgba` (HEIGHT, WIDTH, 4) is premultiplied; `relief` (HEIGHT, WIDTH) is height. Both float32."""

    def __init__(self) -> None:
        self.rgba = np.zeros((HEIGHT, WIDTH, 4), np.float32)
        self.relief = np.zeros((HEIGHT, WIDTH), np.float32)

    def fill(
        self, outline: np.ndarray, colour: ArrayLike, opacity: float = 1.0, blur: float = 0.0, within: np.ndarray | None = None
    ) -> None:
        """Paint the polygon `outline` (P, 2); `blur` is a standard deviation, `within` a mask (HEIGHT, WIDTH) to stay in."""
        mask, box = soft_mask(outline, blur)
        mask = mask * np.float32(opacity)
        if within is not None:
            mask *= within[box]
        self.rgba[box] += mask[..., None] * (np.append(colour, 1).astype(np.float32) - self.rgba[box])

    def glow(self, centre: ArrayLike, radii: ArrayLike, colour: ArrayLike, strength: float, within: np.ndarray) -> None:
        """Blend `colour` in by a Gaussian spot of peak `strength`, inside the mask `within` (HEIGHT, WIDTH), keeping alpha."""
        box, profile = _gaussian(centre, radii)
        rgb = self.rgba[box][..., :3]
        rgb += (profile * within[box] * np.float32(strength))[..., None] * (np.asarray(colour, np.float32) - rgb)

    def raise_(self, outline: np.ndarray, height: float, blur: float) -> None:
        """Raise (or, if negative, sink) the relief over a soft polygon."""
        mask, box = soft_mask(outline, blur)
        self.relief[box] += np.float32(height) * mask

    def bump(self, centre: ArrayLike, radii: ArrayLike, height: float) -> None:
        """Add a Gaussian bump with standard deviations `radii` (x, y) to the relief."""
        box, profile = _gaussian(centre, radii)
        self.relief[box] += np.float32(height) * profile

    def lit(self, direction: ArrayLike, ambient: float, gloss: float) -> np.ndarray:
        """Return the canvas under a light from `direction` (x, y, z), Lambertian plus `ambient`, shadows warmer than lights."""
        slope_x = cv2.Sobel(self.relief, cv2.CV_32F, 1, 0, scale=UNIT / 8)
        slope_y = cv2.Sobel(self.relief, cv2.CV_32F, 0, 1, scale=UNIT / 8)
        length = np.sqrt(1 + slope_x**2 + slope_y**2)
        x, y, z = (np.asarray(direction) / np.linalg.norm(direction)).astype(np.float32)
        cosine = np.clip((z - slope_x * x - slope_y * y) / length, 0, 1)
        shade = ambient + (1.12 - ambient) * cosine
        result = self.rgba.copy()
        for channel, warmth in enumerate((0.10, 0.0, -0.05)):
            result[..., channel] *= shade + np.float32(warmth) * (1 - shade)
        shine = np.float32(gloss) * cosine**24 * result[..., 3]
        result[..., :3] += shine[..., None]
        return result


def soft_mask(outline: np.ndarray, blur: float = 0.0) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Return the polygon's antialiased, blurred mask in [0, 1] on its bounding box, and that box as slices of the canvas."""
    pixels = np.asarray(outline) * UNIT + CENTRE
    margin = 3 * blur * UNIT + 2
    box = _box(pixels.min(axis=0) - margin, pixels.max(axis=0) + margin)
    mask = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), np.uint8)
    if not mask.size:
        return mask.astype(np.float32), box
    corners = np.round((pixels - (box[1].start, box[0].start)) * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, SHIFT)
    if blur:
        mask = cv2.GaussianBlur(mask, (0, 0), blur * UNIT)
    return mask * np.float32(1 / 255), box


def whole_mask(outline: np.ndarray, blur: float = 0.0) -> np.ndarray:
    """Return the polygon's mask as `soft_mask`, on the whole canvas (HEIGHT, WIDTH)."""
    mask, box = soft_mask(outline, blur)
    whole = np.zeros((HEIGHT, WIDTH), np.float32)
    whole[box] = mask
    return whole


def curve(points: ArrayLike, closed: bool = False, steps: int = 6) -> np.ndarray:
    """Return a Catmull-Rom curve through `points` (P, 2), `steps` samples a piece."""
    points = np.asarray(points, float)
    padded = np.concatenate([points[-1:], points, points[:2]]) if closed else np.concatenate([points[:1], points, points[-1:]])
    windows = np.stack([padded[k : len(padded) - 3 + k] for k in range(4)], axis=1)  # (pieces, 4, 2)
    sampled = (_catmull_rom(steps) @ windows).reshape(-1, 2)
    return sampled if closed else np.concatenate([sampled, points[-1:]])


@functools.cache
def _catmull_rom(steps: int) -> np.ndarray:
    """Return the weights (steps, 4) of four neighbouring points along the piece between the middle two."""
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    return np.hstack([2 * t**2 - t - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2


def stroke(points: ArrayLike, width: float, tail: float = 0.0) -> np.ndarray:
    """Return the outline of a smooth stroke along `points`, `width` across its middle; `tail` in [0, 1] keeps its ends wide."""
    line = curve(points)
    along = np.concatenate([line[1:2] - line[:1], line[2:] - line[:-2], line[-1:] - line[-2:-1]])
    normal = along[:, ::-1] * (-1, 1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    profile = np.sin(np.linspace(0, np.pi, len(line)))[:, None]
    offset = normal * width / 2 * (tail + (1 - tail) * profile)
    return np.concatenate([line + offset, (line - offset)[::-1]])


def ellipse(centre: ArrayLike, radii: Sequence[float] | np.ndarray, angle: float = 0.0, count: int = 28) -> np.ndarray:
    """Return the outline (count, 2) of an ellipse turned by `angle` (radians)."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
    return np.asarray(centre) + np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=1)


def _gaussian(centre: ArrayLike, radii: ArrayLike) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return the box of three standard deviations about `centre`, and the Gaussian with peak 1 on it."""
    centre, radii = np.asarray(centre, float), np.asarray(radii, float)
    box = _box((centre - 3 * radii) * UNIT + CENTRE, (centre + 3 * radii) * UNIT + CENTRE)
    across = np.exp(-0.5 * ((X[box[1]] - centre[0]) / radii[0]) ** 2)
    down = np.exp(-0.5 * ((Y[box[0]] - centre[1]) / radii[1]) ** 2)
    return box, (down * across).astype(np.float32)


def _box(low: np.ndarray, high: np.ndarray) -> tuple[slice, slice]:
    left, top = np.clip(np.floor(low), 0, (WIDTH, HEIGHT)).astype(int)
    right, bottom = np.clip(np.ceil(high), (left, top), (WIDTH, HEIGHT)).astype(int)
    return slice(top, bottom), slice(left, right)
