"""Paints hair: behind the head, on it, and on the jaw."""

import cv2
import numpy as np

from pml.datasets.synthetic.canvas import X, Y, curve, soft_mask, stroke
from pml.datasets.synthetic.portrait import Portrait

# Hair falls from the crown: the canvas in polar coordinates about it, into a strip of strands 512 wide.
CROWN_Y = -2.4
_ANGLE = (np.arctan2(X, Y - CROWN_Y) / np.pi * 500 + 256).astype(np.float32)
_RADIUS = (np.hypot(X, Y - CROWN_Y) * 9).astype(np.float32)


def paint_back_hair(portrait: Portrait) -> None:
    length = portrait.look.hair_length
    if length < 0.35:
        return
    bottom = 0.5 + 2.0 * length
    right = [(0.0, -1.95), (0.75, -1.78), (1.22, -1.2), (1.38, -0.4), (1.42, 0.5), (1.40, bottom * 0.75), (1.2, bottom)]
    outline = curve(np.concatenate([np.array(right), np.array(right)[:0:-1] * (-1, 1)]), closed=True)
    mask, box = soft_mask(outline, 0.02)
    _paint_strands(portrait, mask, box, 0.75)


def paint_hair(portrait: Portrait) -> None:
    look = portrait.look
    top = portrait.head[:, 1].min()
    volume = 0.05 + 0.12 * min(look.hair_length, 0.5) * 2 * look.hair_density + 0.03 * look.hair_density
    wide = portrait.cranium()[:5, 0]
    outer = [(wide[0] + 0.02 + 0.5 * volume, 0.05), (wide[0] + volume, -0.40), (wide[1] + volume * 1.1, -0.85)]
    outer += [(wide[2] + volume, -1.28), (wide[3] + 0.7 * volume, top + 0.16 - volume * 0.8), (0, top - volume)]
    middle = top + 0.46 + 0.12 * look.growth["skull"]
    fringe = 0.55 * look.fringe * min(1.0, 2 * look.hair_length)
    if look.hair_length > 0.3 and look.fringe < 0.45:  # parted, falling to both sides
        inner = [(0, middle - 0.16), (0.38, middle + 0.10), (0.72, middle + 0.50), (0.93, -0.62)]
        inner += [(1.00, -0.35), (1.08, 0.05)]
    else:
        inner = [(0, middle + fringe), (0.38, middle + fringe), (0.70, middle + 0.10 + fringe), (0.93, -0.70)]
        inner += [(1.03, -0.38), (1.09, 0.05)]
    # Baldness draws the hairline towards the outline of the hair, at the temples first.
    bare = np.clip(np.array([1.25, 1.35, 1.3, 0.75, 0.15, 0]) * look.recession, 0, 1) ** (1.6, 1, 1, 1, 1, 1)
    inner = np.array(inner) + bare[:, None] * (np.array(outer[::-1]) - inner)
    jag = portrait.marks("hairline").normal(0, 0.022, (len(inner), 2))
    side = np.concatenate([inner[:0:-1] * (-1, 1) + jag[:0:-1] * (1, 1), inner + jag])
    path = np.concatenate([curve(portrait.mirrored(outer)), curve(portrait.turned(side))])
    mask, box = soft_mask(path, 0.022)
    portrait.hair_mask[box] = mask
    _paint_strands(portrait, mask, box, look.hair_density)
    portrait.canvas.relief[box] += 0.06 * mask * look.hair_density
    if look.hair_length > 0.35:
        bottom = min(0.5 + 2.0 * look.hair_length, 1.9)
        for sign in (-1, 1):
            lock = [(sign * 0.95, -1.1), (sign * 1.20, -0.4), (sign * 1.24, 0.5), (sign * 1.22, bottom)]
            mask, box = soft_mask(stroke(portrait.turned(lock), 0.36, 0.35), 0.02)
            _paint_strands(portrait, mask, box, 0.95)


def paint_beard(portrait: Portrait) -> None:
    look, points = portrait.look, portrait.points
    if not look.stubble:
        return
    upper_lip, right, left = points[51] + (0, -0.10), points[54] + (0.16, -0.10), points[48] + (-0.16, -0.10)
    cheeks = (points[12] + points[54]) / 2 + (0.14, -0.10), (points[2] + points[48]) / 2 + (-0.14, -0.10)
    inner = [cheeks[0], right, upper_lip + (0.30, -0.02), upper_lip + (0, 0.02), upper_lip + (-0.30, -0.02), left, cheeks[1]]
    outline = curve(np.concatenate([points[1:14], inner]), closed=True, steps=4)
    portrait.canvas.fill(outline, look.skin * 0.45 + look.hair * 0.35, 0.35 * look.stubble, 0.045, portrait.skin_mask)
    if look.beard:
        area, box = soft_mask(outline, 0.045)
        _paint_strands(portrait, area, box, 0.9 * min(1.0, look.beard + 0.25), fine=True)
        portrait.canvas.relief[box] += 0.05 * area


def _paint_strands(portrait: Portrait, mask: np.ndarray, box: tuple[slice, slice], opacity: float, fine: bool = False) -> None:
    """Blend hair into `box` by `mask`: strands from the crown, streaked in lightness, thin where `opacity` is low."""
    noise = portrait.marks("strands").standard_normal((48, 512), np.float32)
    strands = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.8, sigmaY=1.0 if fine else 5.0)
    streaks = cv2.remap(strands / strands.std(), _ANGLE[box], _RADIUS[box], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    contrast = np.float32(0.20 - 0.13 * portrait.look.hair.mean())
    cover = mask * np.clip(opacity * 1.25 + (1 - opacity) * 0.35 * streaks - 0.10 * (1 - opacity), 0, 1)
    colour = portrait.look.hair.astype(np.float32) * (1 + contrast * streaks)[..., None]
    region = portrait.canvas.rgba[box]
    region[..., :3] += cover[..., None] * (np.clip(colour, 0, 1) - region[..., :3])
    region[..., 3] += cover * (1 - region[..., 3])
