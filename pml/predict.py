"""The age of the face in an ordinary photo, by the model of a finished run."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pml.errors import InputError
from pml.evaluation.metrics import central_interval
from pml.faces.alignment import align_face, place_a_face
from pml.faces.detection import Detection, FaceDetector
from pml.faces.pictures import PictureError, read_image, shrink
from pml.files import replacing
from pml.progress import progress
from pml.reporting.style import PAGE, PALETTE
from pml.training.device import choose_device
from pml.training.model import load_model_of_faces, predict
from pml.training.run_directory import REDO, read_run

# Larger photos are shrunk to it. The detector finds no face below a sixteenth of it, 375 pixels: more than the models see.
LONG_SIDE = 6000  # pixels
SHOWN = 800  # pixels of a drawing's longer side at most, more than it has on the page
MASS = 0.8  # of the predicted distribution, which the interval holds at least


@dataclass(frozen=True)
class Estimate:
    """What a model says of one face.

    Attributes:
        age: in years.
        ages: (K,) ages in years that have a class.
        distribution: (K,) probabilities over `ages`, or None if the method has none.
    """

    age: float
    ages: np.ndarray
    distribution: np.ndarray | None

    @property
    def interval(self) -> tuple[int, int] | None:
        """The central 80 % of the distribution, in whole years; None without a distribution."""
        return None if self.distribution is None else central_interval(self.ages, self.distribution, MASS)

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.age:.1f} years (no interval: the method predicts no distribution)"
        low, high = self.interval
        return f"{self.age:.1f} years ({100 * MASS:.0f} % interval {low}-{high})"


def predict_photos(photos: Sequence[Path], run: Path, output: Path) -> None:
    """Print the age of the face in each photo and draw it to <stem of the photo>_age.png in `output`.

    Every photo is read and its face found before the first file is written.

    Raises:
        InputError: `run` has no model or one that predicts no age, a photo cannot be read or shows no face, `output` cannot be
            written to, or a drawing would overwrite another file.
    """
    drawings = [output / f"{photo.stem}_age.png" for photo in photos]
    _check_drawings(drawings, photos)
    _check_writable(output)
    facts = read_run(run, "face_size", "train_images", "data")
    model, settings = load_model_of_faces(run, choose_device("auto"))
    detector = FaceDetector()
    detections, faces = zip(
        *(find_face(photo, detector, facts["face_size"]) for photo in progress(photos, "faces")), strict=True
    )

    print(f"model: {settings.method}, trained on {facts['train_images']} images of {facts['data']}", file=sys.stderr)
    predicted_ages, distributions = predict(model, np.stack(faces), np.arange(len(faces)), settings)
    if not np.isfinite(predicted_ages).all():
        raise InputError(f"{run / 'model.pt'}: predicts no age but {predicted_ages[~np.isfinite(predicted_ages)][0]}; {REDO}")
    for i, (photo, drawing) in enumerate(zip(photos, drawings, strict=True)):
        distribution = None if distributions is None else distributions[i]
        estimate = Estimate(float(predicted_ages[i]), np.array(settings.age_classes), distribution)
        figure = draw(_read_photo(photo), detections[i], faces[i], estimate)
        with replacing(drawing) as temporary:
            figure.savefig(temporary, format="png", dpi=200)
        print(f"{photo}: {estimate}")


def find_face(photo: Path, detector: FaceDetector, size: int) -> tuple[Detection, np.ndarray]:
    """Return the main face of a photo, as found and as aligned, (size, size, 3) uint8, in the way of the face store.

    Raises:
        InputError: the photo cannot be read, or no face is found in it.
    """
    image = _read_photo(photo)
    detection = detector.detect(image)
    if detection is None or not place_a_face(detection.landmarks, image):
        raise InputError(f"{photo}: no face found; give a photo with an upright, unobscured face, cut to the person if need be")
    return detection, align_face(image, detection.landmarks, size)


def draw(image: np.ndarray, detection: Detection, face: np.ndarray, estimate: Estimate) -> Figure:
    """Draw the photo with a box round the face, the aligned face as the model sees it, and the predicted distribution."""
    figure = Figure(figsize=(PAGE, 2.4))
    figure.suptitle(str(estimate))
    photo_axis, face_axis, age_axis = figure.subplots(1, 3, width_ratios=[1, 1, 2])
    for axis, picture, title in ((photo_axis, image, "face found"), (face_axis, face, "as the model sees it")):
        height, width = picture.shape[:2]
        axis.imshow(shrink(picture, SHOWN), extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        axis.set_title(title)
        axis.axis("off")
    left, top, right, bottom = detection.box
    photo_axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color=PALETTE[1], linewidth=1.5))
    _draw_distribution(age_axis, estimate)
    return figure


def _draw_distribution(axis: Axes, estimate: Estimate) -> None:
    axis.set(xlabel="age in years", xlim=(estimate.ages[0] - 0.5, estimate.ages[-1] + 0.5))
    if estimate.distribution is None or estimate.interval is None:
        axis.set_yticks([])
    else:
        low, high = estimate.interval
        inside = (low <= estimate.ages) & (estimate.ages <= high)
        bars = partial(axis.bar, width=1, color=PALETTE[0], linewidth=0)
        bars(estimate.ages[~inside], estimate.distribution[~inside], alpha=0.25)
        label = f"{100 * MASS:.0f} % interval {low}-{high}"
        bars(estimate.ages[inside], estimate.distribution[inside], alpha=0.7, label=label)
        axis.set_ylabel("probability")
    axis.axvline(estimate.age, color=PALETTE[1], label=f"predicted age {estimate.age:.1f}")
    axis.legend()


def _read_photo(photo: Path) -> np.ndarray:
    try:
        return read_image(photo, LONG_SIDE)
    except PictureError as error:
        raise InputError(f"{photo}: cannot be read: {error}; give a whole JPEG or PNG of ordinary size") from None


def _check_drawings(drawings: Sequence[Path], photos: Sequence[Path]) -> None:
    taken = {photo.resolve() for photo in photos}
    for drawing in drawings:
        if drawing.resolve() in taken:
            raise InputError(f"{drawing}: would be written twice, or over a photo; give fewer photos, or another --output")
        taken.add(drawing.resolve())


def _check_writable(output: Path) -> None:
    """Write and remove a file in the folder, or in the nearest one above it that is there."""
    try:
        with tempfile.TemporaryFile(dir=next(folder for folder in (output, *output.parents) if folder.exists())):
            pass
    except OSError as error:
        raise InputError(f"{output}: cannot be written to ({error.strerror}); name another folder under --output") from None
