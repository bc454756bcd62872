"""Paints what a face is recognised by: eyes, brows, nose and mouth, and glasses."""

import numpy as np

from pml.datasets.synthetic.canvas import curve, ellipse, stroke, whole_mask
from pml.datasets.synthetic.portrait import Portrait
from pml.datasets.synthetic.proportions import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE


def paint_eyes(portrait: Portrait) -> None:
    look, canvas, points = portrait.look, portrait.canvas, portrait.points
    radius = 0.178 - 0.040 * look.growth["eyes"]
    for eye in (LEFT_EYE, RIGHT_EYE):
        outer, top, inner, bottom, pupil = points[eye]
        side = np.sign(outer[0] - inner[0])
        upper = curve([outer, (outer + top) / 2 + (side * 0.02, -0.028), top, (inner + top) / 2 + (0, -0.018), inner])
        lower = curve([inner, (inner + bottom) / 2 + (0, 0.012), bottom, (outer + bottom) / 2 + (0, 0.020), outer])
        opening = np.concatenate([upper, lower])
        canvas.fill(opening, (0.93, 0.90, 0.88) - 0.07 * look.ageing["eyes"] * np.array([1, 1.2, 1.8]), blur=0.006)
        mask = whole_mask(opening, 0.004)
        iris = pupil + (portrait.pose.gaze, 0.0)
        canvas.fill(ellipse(iris, (radius, radius)), look.iris * 0.45, 1, 0.010, mask)
        canvas.fill(ellipse(iris, (radius * 0.80, radius * 0.80)), look.iris, 0.9, 0.016, mask)
        canvas.fill(ellipse(iris, (radius * 0.43, radius * 0.43)), (0.03, 0.03, 0.04), 1, 0.006, mask)
        canvas.fill(stroke(upper + (0, 0.035), 0.09, 0.5), (0.2, 0.15, 0.15), 0.42, 0.02, mask)
        canvas.fill(ellipse(iris + (0.045, -0.055), (0.028, 0.028), count=12), (1, 1, 1), 0.95, 0.006, mask)
        lash = (0.12, 0.08, 0.07) if not look.male or look.growth["eyes"] < 0.7 else look.skin * 0.32
        thick = 0.034 + 0.016 * (not look.male) * look.growth["mouth"]
        canvas.fill(stroke(upper, thick, 0.25), lash, 0.92, 0.006)
        canvas.fill(stroke(lower, 0.018, 0.3), look.skin * (0.55, 0.40, 0.40), 0.7, 0.008)
        crease = upper + (0, -0.065 + 0.03 * look.ageing["eyes"])
        canvas.fill(stroke(crease, 0.024, 0.2), look.skin * (0.55, 0.42, 0.40), 0.55, 0.012)
        # The upper lid hangs over the outer corner as skin slackens.
        canvas.raise_(stroke(upper + (side * 0.02, -0.12), 0.10, 0.3), 0.05 * look.ageing["eyes"], 0.03)


def paint_brows(portrait: Portrait) -> None:
    look, marks = portrait.look, portrait.marks("brows")
    thick = (0.070 + 0.045 * look.male * look.growth["jaw"]) * (1 + 0.18 * look.traits["brows"])
    density = (0.35 + 0.5 * look.growth["eyes"]) * (1 - 0.25 * look.ageing["grey"])
    colour = 0.80 * (look.hair * 0.8 + look.skin * 0.12)
    for brow in (LEFT_BROW, RIGHT_BROW):
        outer, high_outer, high_inner, inner, low_inner, low_outer = portrait.points[brow]
        line = [outer, (high_outer + low_outer) / 2, (high_inner + low_inner) / 2, (inner + low_inner) / 2]
        portrait.canvas.fill(stroke(line, thick * 1.6, 0.45), colour, density, 0.022)
        away = np.sign(outer[0] - inner[0])
        for t, root in zip(np.linspace(0, 1, 13), curve(line, steps=4), strict=True):
            lean = (0.042 * away, -0.003 - 0.027 * t) + marks.normal(0, 0.005, 2)
            hair = [root - lean + (0, 0.012), root, root + lean]
            portrait.canvas.fill(stroke(hair, 0.022, 0.2), colour * 0.75, density * 0.75, 0.004)


def paint_nose(portrait: Portrait) -> None:
    look, canvas, points = portrait.look, portrait.canvas, portrait.points
    dark = look.skin * (0.34, 0.22, 0.21)
    for nostril, wing, side in ((points[46], points[39], -1), (points[47], points[43], 1)):
        size = abs(wing[0] - nostril[0])
        centre = nostril + (side * 0.02, 0.015)
        canvas.fill(ellipse(centre, (0.42 * size + 0.012, 0.036), side * -0.28), dark, 0.85, 0.012)
        curl = [wing + (-side * 0.03, -0.10), wing + (side * 0.005, 0), wing + (-side * 0.035, 0.075)]
        canvas.fill(stroke(curl, 0.03), look.skin * (0.55, 0.42, 0.40), 0.55, 0.014)
    under = [points[40], points[41] + (0, 0.012), points[42]]
    canvas.fill(stroke(under, 0.05), look.skin * (0.60, 0.46, 0.44), 0.5, 0.02)


def paint_mouth(portrait: Portrait) -> None:
    canvas, points, look = portrait.canvas, portrait.points, portrait.look
    left, right = points[48], points[54]
    bite, lower_edge = curve(points[[48, 65, 64, 63, 54]]), curve(points[[48, 60, 61, 62, 54]])
    upper = np.concatenate([curve(points[48:55]), bite[::-1]])
    lower = np.concatenate([lower_edge, curve(points[[54, 55, 56, 57, 58, 59, 48]])])
    gap = np.concatenate([bite, lower_edge[::-1]])
    colour = look.skin * ((0.93, 0.70, 0.70) if look.male else (0.95, 0.62, 0.64))
    canvas.fill(gap, (0.22, 0.08, 0.08), 0.9, 0.006)
    if portrait.pose.open_mouth > 0.15 and look.growth["mouth"] > 0.12:
        teeth = np.concatenate([bite + (0, -0.02), bite[::-1] + (0, 0.09)])
        canvas.fill(teeth, (0.95, 0.92, 0.87), 1.0, 0.006, whole_mask(gap))
    canvas.fill(upper, colour * 0.90, 0.85, 0.012)
    canvas.fill(lower, colour, 0.85, 0.014)
    canvas.raise_(lower, 0.045, 0.03)
    canvas.raise_(upper, 0.02, 0.03)
    line = [left, points[[60, 65]].mean(axis=0), points[66], points[[62, 63]].mean(axis=0), right]
    canvas.fill(stroke(line, 0.030, 0.35), look.skin * (0.30, 0.14, 0.14), 0.85 - 0.7 * portrait.pose.open_mouth, 0.007)
    for corner in (left, right):
        canvas.fill(ellipse(corner, (0.035, 0.028), count=12), look.skin * (0.42, 0.28, 0.27), 0.6, 0.018)


def paint_glasses(portrait: Portrait) -> None:
    if not portrait.look.glasses:
        return
    frame = np.array([0.13, 0.10, 0.09])
    for eye, ear in ((LEFT_EYE, 1), (RIGHT_EYE, 13)):
        pupil = portrait.points[eye.start + 4] + (0, 0.05)
        ring = ellipse(pupil, (0.40, 0.31), count=40)
        hole = ellipse(pupil, (0.37, 0.28), count=40)
        portrait.canvas.fill(hole, (0.85, 0.90, 0.95), 0.10, 0.01)
        portrait.canvas.fill(np.concatenate([ring, ring[:1], hole[:1], hole[::-1]]), frame, 0.92, 0.005)
        side = np.sign(pupil[0] - portrait.points[67, 0])
        temple = [pupil + (side * 0.39, -0.06), portrait.points[ear] + (0, -0.42)]
        portrait.canvas.fill(stroke(temple, 0.035, 0.8), frame, 0.9, 0.004)
    left, right = portrait.points[LEFT_EYE.start + 4], portrait.points[RIGHT_EYE.start + 4]
    bridge = [left + (0.39, 0.03), (left + right) / 2 + (0, -0.02), right + (-0.39, 0.03)]
    portrait.canvas.fill(stroke(bridge, 0.035, 0.8), frame, 0.92, 0.005)
