"""Paints and shapes the head: neck, clothes, ears and skin, and the relief that the light falls on."""

import cv2
import numpy as np

from pml.datasets.synthetic.canvas import HEIGHT, WIDTH, X, Y, curve, ellipse, stroke
from pml.datasets.synthetic.portrait import Portrait
from pml.datasets.synthetic.proportions import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE


def paint_neck_and_clothes(portrait: Portrait) -> None:
    look, canvas = portrait.look, portrait.canvas
    grown = look.growth["jaw"]
    neck = 0.50 + 0.22 * grown + 0.14 * grown * look.male
    chin = portrait.points[7, 1]
    side = np.array([(neck, 0.8), (neck, chin + 0.25), (neck + 0.35, chin + 0.75)])
    sides = np.concatenate([side, side[::-1] * (-1, 1)])
    canvas.fill(curve(sides), look.skin * (0.80, 0.76, 0.74))
    throat = canvas.rgba[..., 3].copy()
    canvas.fill(ellipse((0, chin - 0.10), (neck * 1.1, 0.36)), look.skin * (0.52, 0.46, 0.44), 0.7, 0.13, throat)
    shoulder = 1.45 + 0.55 * grown + 0.2 * grown * look.male
    collarbone = [(neck * 0.55, chin + 0.50), (neck + 0.12, chin + 0.30), (neck + 0.5, chin + 0.48)]
    right = np.array([*collarbone, (shoulder, chin + 0.85), (shoulder + 0.3, chin + 1.8)])
    outline = np.concatenate([right, right[::-1] * (-1, 1), [(0, chin + 0.62)]])
    canvas.fill(curve(outline, closed=True), look.clothes, blur=0.008)
    collar = curve([(-neck - 0.12, chin + 0.31), (0, chin + 0.66), (neck + 0.12, chin + 0.31)])
    canvas.fill(stroke(collar, 0.09, 0.6), look.clothes * 0.72, blur=0.01)


def paint_ears(portrait: Portrait) -> None:
    look, canvas = portrait.look, portrait.canvas
    size = 1 + 0.09 * look.traits["ears"] + 0.28 * look.ageing["ears"]
    for side in (-1, 1):
        edge = portrait.points[13 if side > 0 else 1]
        centre = (edge[0] + side * (0.07 + 0.03 * size), edge[1] - 0.18 + 0.10 * look.ageing["ears"])
        canvas.fill(ellipse(centre, (0.155 * size, 0.33 * size), side * 0.18), look.skin * (0.96, 0.86, 0.84))
        canvas.fill(ellipse(centre, (0.085 * size, 0.21 * size), side * 0.18), look.skin * (0.74, 0.58, 0.55), 0.7, 0.035)


def paint_skin(portrait: Portrait) -> None:
    look, canvas, points = portrait.look, portrait.canvas, portrait.points
    canvas.fill(portrait.head, look.skin, blur=0.006)
    marks, inside = portrait.marks("skin"), portrait.skin_mask
    blush = look.skin * (1.06, 0.72, 0.70)
    strength = 0.42 - 0.25 * look.growth["cheeks"] + 0.12 * look.ageing["skin"]
    canvas.glow((points[3] + points[39]) / 2, (0.26, 0.22), blush, strength, inside)
    canvas.glow((points[11] + points[43]) / 2, (0.26, 0.22), blush, strength, inside)
    canvas.glow(points[67], (0.20, 0.16), blush, 0.7 * strength, inside)
    for eye in (LEFT_EYE, RIGHT_EYE):
        canvas.glow(points[eye.start + 4] + (0, -0.08), (0.30, 0.16), look.skin * (0.74, 0.62, 0.62), 0.25, inside)
        shadow = 0.10 + 0.5 * look.ageing["bags"]
        canvas.glow(points[eye.start + 3] + (0, 0.10), (0.24, 0.07), look.skin * (0.66, 0.55, 0.60), shadow, inside)
    # Blotches, then freckles and age spots, of which a person has ever more but always the same first ones.
    coarse = cv2.resize(marks.standard_normal((30, 26), np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    uneven = (0.018 + 0.05 * look.ageing["skin"]) * coarse * inside
    canvas.rgba[..., :3] *= 1 + uneven[..., None]
    for count, size, tone, strength in (
        (70 * look.freckles, 0.011, (0.82, 0.66, 0.56), 0.40),
        (30 * (look.ageing["skin"] - 0.4), 0.024, (0.76, 0.62, 0.52), 0.45),
    ):
        centres, radii = marks.normal((0, 0.35), (0.6, 0.6), (120, 2)), marks.uniform(0.6, 1.4, (120, 2)) * size
        for centre, radius in zip(centres[: max(0, int(count))], radii, strict=False):
            shape = ellipse(centre, radius, count=10)
            canvas.fill(shape, look.skin * tone, strength, 0.012, inside)
    # Pores and fine lines.
    grain = cv2.GaussianBlur(marks.standard_normal((HEIGHT, WIDTH), np.float32), (0, 0), 1.3)
    canvas.relief += (0.0015 + 0.012 * look.ageing["skin"]) * grain * inside


def shape_features(portrait: Portrait) -> None:
    look, canvas, points = portrait.look, portrait.canvas, portrait.points
    adult_male = look.male * look.growth["jaw"]
    middle, chin = portrait.pose.turn * 0.7, points[7, 1]
    a, top = 1.22 - 0.04 * look.growth["skull"], portrait.head[:, 1].min()
    centre_y, b = (top + chin) / 2, (chin - top) / 2 * 1.05
    # A dome that levels out beyond the head, so that no edge shows on neck and shoulders.
    distance = ((X - middle) / a) ** 2 + ((Y - centre_y) / b) ** 2
    canvas.relief -= 1.4 * np.tanh(distance / 1.4)
    canvas.bump((middle, 0.25), (0.16, 0.20), -0.03)
    for eye, brow in ((LEFT_EYE, LEFT_BROW), (RIGHT_EYE, RIGHT_BROW)):
        pupil = points[eye.start + 4]
        side = np.sign(pupil[0] - middle)
        canvas.bump(pupil + (-side * 0.08, -0.02), (0.27, 0.15), -0.10 - 0.03 * look.growth["nose"])
        canvas.bump(pupil + (0, 0.01), (0.17, 0.11), 0.06)
        canvas.bump(points[brow].mean(axis=0), (0.32, 0.10), 0.035 + 0.03 * adult_male)
        full = 1 - 0.75 * look.growth["cheeks"] + 0.15 * look.traits["cheeks"]
        cheek = points[43 if side > 0 else 39] + (side * 0.42, 0.10 + 0.15 * full)
        canvas.bump(cheek, (0.30, 0.28), 0.05 + 0.10 * max(full, 0) + 0.06 * portrait.pose.smile)
        hollow = points[54 if side > 0 else 48] + (side * 0.38, -0.05)
        canvas.bump(hollow, (0.20, 0.30), -0.13 * look.ageing["cheeks"] - 0.03 * adult_male)
        jowl = points[9 if side > 0 else 5] + (-side * 0.05, -0.12)
        canvas.bump(jowl, (0.16, 0.14), 0.10 * look.ageing["cheeks"])
    tip, base = points[67], points[41]
    bridge = 0.05 + 0.10 * look.growth["nose"]
    ridge = [(middle, -0.10), (middle, 0.15), (tip[0] - portrait.pose.turn * 0.1, tip[1] - 0.12), tip]
    canvas.raise_(stroke(ridge, 0.24, 0.5), bridge + 0.05, 0.065)
    wing = (points[43, 0] - points[39, 0]) / 2
    canvas.bump(tip, (0.13 + 0.25 * (wing - 0.25), 0.11), 0.15 + 0.05 * look.growth["nose"])
    canvas.bump((points[39] + points[40]) / 2 + (0.08, -0.02), (0.075, 0.085), 0.09)
    canvas.bump((points[43] + points[42]) / 2 + (-0.08, -0.02), (0.075, 0.085), 0.09)
    canvas.bump((base + points[51]) / 2, (0.045, 0.07), -0.025)
    canvas.bump(points[66], (0.30, 0.17), 0.05)
    canvas.bump((points[57] + points[7]) / 2 + (0, -0.10), (0.22, 0.06), -0.05)
    canvas.bump(points[7] + (0, -0.20), (0.22, 0.15), 0.07)
