"""Draws one face from a `Look`: paint and relief from back to front, then light."""

import numpy as np

from pml.datasets.synthetic.features import paint_brows, paint_eyes, paint_glasses, paint_mouth, paint_nose
from pml.datasets.synthetic.hair import paint_back_hair, paint_beard, paint_hair
from pml.datasets.synthetic.head import paint_ears, paint_neck_and_clothes, paint_skin, shape_features
from pml.datasets.synthetic.portrait import Portrait, Pose
from pml.datasets.synthetic.proportions import Look
from pml.datasets.synthetic.wrinkles import engrave_wrinkles

LAYERS = (
    paint_back_hair,
    paint_neck_and_clothes,
    paint_ears,
    paint_skin,
    shape_features,
    paint_beard,
    paint_eyes,
    paint_brows,
    paint_nose,
    paint_mouth,
    paint_hair,
    engrave_wrinkles,
    paint_glasses,
)


def draw_face(look: Look, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Return the lit head and shoulders, premultiplied RGBA float32 (HEIGHT, WIDTH, 4), and its landmarks (68, 2)."""
    portrait = Portrait(look, pose)
    for paint in LAYERS:
        paint(portrait)
    gloss = 0.10 * (1 - 0.5 * look.ageing["skin"])
    return portrait.canvas.lit(pose.light, pose.ambient, gloss), portrait.points
