"""Engraves the lines of age."""

import numpy as np
from numpy.typing import ArrayLike

from pml.datasets.synthetic.canvas import stroke
from pml.datasets.synthetic.portrait import Portrait
from pml.datasets.synthetic.proportions import LEFT_EYE, RIGHT_EYE


def engrave_wrinkles(portrait: Portrait) -> None:
    """Engrave lines where skin folds: each a tapered groove with a dark floor, kept off the hair."""
    growth, ageing, points = portrait.look.growth, portrait.look.ageing, portrait.points
    marks, smile = portrait.marks("wrinkles"), portrait.pose.smile
    lines: list[tuple[ArrayLike, float, float]] = []
    brow, hairline = points[[17, 23], 1].mean() - 0.08, portrait.head[:, 1].min() + 0.55
    for k in range(4):
        y = brow + (hairline - brow) * (0.20 + 0.2 * k) + marks.normal(0, 0.02)
        half, sag = marks.uniform(0.45, 0.75), marks.normal(0.0, 0.03)
        xs = np.linspace(-half, half, 6)
        wave = marks.normal(0, 0.012, 6)
        path = portrait.turned(np.stack([xs, y + sag * np.cos(xs * 3) + wave], axis=1))
        lines.append((path, 0.045, ageing["forehead"] * (1.0, 0.95, 0.8, 0.5)[k]))
    for x in (-0.10, 0.09):
        path = portrait.turned([(x * 1.1, -0.38), (x, -0.25), (x * 0.9, -0.12)])
        lines.append((path, 0.035, 0.8 * ageing["forehead"]))
    for eye, wing, corner, contour in ((LEFT_EYE, 39, 48, 4), (RIGHT_EYE, 43, 54, 10)):
        outer, _, inner, bottom, _ = points[eye]
        side = np.sign(outer[0] - inner[0])
        for rise in (-0.13, -0.03, 0.08, 0.17):
            start = outer + (side * 0.06, rise * 0.4)
            path = np.array([start, start + (side * 0.11, rise * 0.55), start + (side * 0.24, rise * 1.3 + 0.02)])
            path += marks.normal(0, 0.008, path.shape)
            lines.append((path, 0.032, ageing["crow"] + 0.15 * smile * growth["eyes"]))
        for drop, strength in ((0.12, 1.0), (0.20, 0.75)):
            bag = [inner + (side * 0.02, 0.05 + drop * 0.3), bottom + (0, drop), outer + (-side * 0.05, 0.02 + drop * 0.6)]
            lines.append((bag, 0.038, strength * ageing["bags"]))
        mouth = points[corner]
        fold = [points[wing] + (side * 0.03, -0.07), points[wing] + (side * 0.15, 0.12), mouth + (side * 0.13, -0.10)]
        fold.append(mouth + (side * 0.15, 0.06))
        lines.append((fold, 0.060, 1.1 * ageing["folds"] + (0.10 + 0.30 * smile) * growth["cheeks"]))
        crease = [mouth + (side * 0.03, 0.03), mouth + (side * 0.08, 0.17), mouth + (side * 0.06, 0.30)]
        lines.append((crease, 0.045, 0.9 * ageing["folds"] - 0.15))
        cheek = (points[contour] + mouth) / 2
        furrow = [cheek + (side * 0.12, -0.45), cheek + (side * 0.04, -0.2), cheek + (side * 0.02, 0.05)]
        lines.append((furrow, 0.040, 0.8 * ageing["skin"] - 0.35))
    for x in np.linspace(-0.22, 0.22, 6) + points[51, 0]:
        pucker = [(x, points[51, 1] - 0.15), (x * 0.97, points[51, 1] - 0.02)]
        lines.append((pucker, 0.022, 0.5 * ageing["mouth"] - 0.25))
    bare = 1 - portrait.hair_mask
    floor = portrait.look.skin * (0.52, 0.38, 0.35)
    for line, width, strength in lines:
        if strength > 0.03:
            strength = min(strength, 1.3)
            portrait.canvas.raise_(stroke(line, width * (0.7 + 0.5 * strength)), -0.055 * strength, 0.016)
            portrait.canvas.fill(stroke(line, width * 0.55), floor, min(0.45 * strength, 0.6), 0.010, bare)
