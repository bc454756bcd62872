"""The drawing of a face: where it is in its photo, how the model sees it, and the distribution over the ages."""

from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pml.files import replacing
from pml.prediction.age_model import MASS, Face, Found
from pml.reporting.style import PAGE, PALETTE


def write_drawings(drawing: Path, found: Found, told: list[Face]) -> None:
    """Draw each face of a photo, the main one to `drawing` and the others beside it, with their numbers."""
    for (_, aligned), face in zip(found.faces, told, strict=False):
        numbered = drawing if face.number == 1 else drawing.with_stem(f"{drawing.stem}_face{face.number}")
        figure = draw(found, aligned, face)
        with replacing(numbered) as temporary:
            figure.savefig(temporary, format="png", dpi=200)


def draw(found: Found, aligned: np.ndarray, face: Face) -> Figure:
    """Draw a photo with a box round one face, the aligned face as the model sees it, and the predicted distribution."""
    assert found.picture is not None and face.detection is not None
    figure = Figure(figsize=(PAGE, 2.4))
    figure.suptitle(str(face))
    photo_axis, face_axis, age_axis = figure.subplots(1, 3, width_ratios=[1, 1, 2])
    photo = (photo_axis, found.picture, found.size, "face found")
    crop = (face_axis, aligned, aligned.shape[1::-1], "as the model sees it")
    for axis, picture, (width, height), title in (photo, crop):
        axis.imshow(picture, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        axis.set_title(title)
        axis.axis("off")
    left, top, right, bottom = face.detection.box
    photo_axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color=PALETTE[1], linewidth=1.5))
    _draw_distribution(age_axis, face)
    return figure


def _draw_distribution(axis: Axes, face: Face) -> None:
    axis.set(xlabel="age in years", xlim=(face.ages[0] - 0.5, face.ages[-1] + 0.5))
    if face.distribution is None or face.interval is None:
        axis.set_yticks([])
    else:
        low, high = face.interval
        inside = (low <= face.ages) & (face.ages <= high)
        bars = partial(axis.bar, width=1, color=PALETTE[0], linewidth=0)
        bars(face.ages[~inside], face.distribution[~inside], alpha=0.25)
        label = f"{100 * MASS:.0f} % interval {low}-{high}"
        bars(face.ages[inside], face.distribution[inside], alpha=0.7, label=label)
        axis.set_ylabel("probability")
    assert face.age is not None
    axis.axvline(face.age, color=PALETTE[1], label=f"predicted age {face.age:.1f}")
    axis.legend()
