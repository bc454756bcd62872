"""A trained model that tells the age of each face in ordinary photos."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pml.data_name import DataName
from pml.errors import InputError
from pml.evaluation.metrics import central_interval
from pml.export.weights import load_export, model_folder
from pml.faces.alignment import align_face, place_a_face
from pml.faces.detection import Detection, FaceDetector
from pml.faces.pictures import PictureError, read_image, shrink
from pml.suite.settings import Crop, Settings
from pml.training.device import choose_device
from pml.training.model import Model, load_model_of_faces, predict
from pml.training.run_directory import read_run
from pml.workers import mapping

# Larger photos are shrunk to it. The detector finds no face below a sixteenth of it, 375 pixels: more than the models see.
LONG_SIDE = 6000  # pixels
SHOWN = 800  # pixels of the longer side of a photo that is kept to be drawn, more than it has on the page
MASS = 0.8  # of the predicted distribution, which the interval holds at least
# Photos whose faces are told together: few on a CPU, whose cache then holds the network's layers.
AT_ONCE = {"cpu": 8, "cuda": 64}
NO_FACE = "no face found; give a photo with an upright, unobscured face, cut to the person if need be"


@dataclass(frozen=True)
class Face:
    """What a model says of one face; or why it says nothing of a photo.

    Attributes:
        photo: the file.
        number: of the face in its photo, from 1, the main one; None without a face.
        detection: box, score and landmarks, in pixels of the upright photo; None without a face.
        age: in years; None without a face.
        ages: (K,) ages in years that have a class.
        distribution: (K,) probabilities over `ages`; None without a face, or if the method has none.
        left_out: how many other faces of the photo are not told.
        trained_on: the data that the model has learnt from.
        problem: why the photo has no age; empty if it has one.
    """

    photo: Path
    number: int | None
    detection: Detection | None
    age: float | None
    ages: np.ndarray
    distribution: np.ndarray | None
    left_out: int
    trained_on: DataName
    problem: str = ""

    @property
    def interval(self) -> tuple[int, int] | None:
        """The central 80 % of the distribution, in whole years; None without a distribution."""
        return None if self.distribution is None else central_interval(self.ages, self.distribution, MASS)

    def __str__(self) -> str:
        if self.age is None:
            return self.problem
        drawn = f"; the model was trained on {self.trained_on} faces, which are drawn" if self.trained_on.synthetic else ""
        if self.interval is None:
            return f"{self.age:.1f} years (no interval: the method predicts no distribution){drawn}"
        low, high = self.interval
        return f"{self.age:.1f} years ({100 * MASS:.0f} % interval {low}-{high}){drawn}"


@dataclass(frozen=True)
class Found:
    """The faces in one photo.

    Attributes:
        picture: the photo with a longer side of at most `SHOWN`, if it is to be drawn.
        size: width and height in pixels of the upright photo.
        faces: of each face the detection and the aligned face, (size, size, 3) uint8 in the way of the face store.
        left_out: how many other faces there are.
        problem: why there are no faces, or empty.
    """

    photo: Path
    picture: np.ndarray | None = None
    size: tuple[int, int] = (0, 0)
    faces: tuple[tuple[Detection, np.ndarray], ...] = ()
    left_out: int = 0
    problem: str = ""


Answer = tuple[Found, list[Face]]


class AgeModel:
    """The model of a finished run, or of an export, from photos to ages.

    Attributes:
        settings: what it was trained with.
        facts: run.json of its run.
        trained_on: the data that it has learnt from.
        crop: how a face is cut for it.
        in_forks: whether several processes tell the ages, too, of the faces that they find.
    """

    def __init__(self, model: Model, settings: Settings, facts: dict, source: Path):
        self.model, self.settings, self.facts, self.source = model, settings, facts, source
        self.trained_on = DataName.parse(facts["data"])
        self.crop = Crop(**facts.get("crop", {}))
        # A GPU cannot be shared with forks: they find the faces, and this process tells the ages.
        self.in_forks = model.device.type == "cpu"

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> "AgeModel":
        """Return the model of a run directory, of a folder that `pml export` wrote, or of the weights in one of these.

        Args:
            device: "cpu", "cuda", or "auto", which is a GPU where there is one.

        Raises:
            InputError: there is no such model, or it is damaged, or the device is not to be had.
        """
        folder = model_folder(Path(path))
        facts = read_run(folder, "face_size", "train_images", "data")
        load = load_export if (folder / "model.safetensors").exists() else load_model_of_faces
        return cls(*load(folder, choose_device(device)), facts, folder)

    def __str__(self) -> str:
        return f"{self.settings.method}, trained on {self.facts['train_images']} images of {self.trained_on}"

    def predict(self, photos: Iterable[str | Path], faces: str = "main", workers: int = 1) -> Iterator[Face]:
        """Yield what the model says of each face in each photo, in order, while the rest of the photos wait.

        A photo that cannot be read or shows no face gives one `Face` with a `problem`.

        Args:
            faces: "main", of each photo the large and central one; or "all".
            workers: processes that share the photos, forks of this one; they start best before this one has used PyTorch.

        Raises:
            InputError: the model predicts no number; or a worker was killed.
        """
        for _, told in self.answers(photos, faces, workers):
            yield from told

    def answers(
        self,
        photos: Iterable[str | Path],
        faces: str = "main",
        workers: int = 1,
        draw: Callable[[Found, list[Face]], None] | None = None,
    ) -> Iterator[Answer]:
        """Yield the faces found in each photo and what the model says of them, as `predict`.

        Args:
            draw: called with each answer, in the process that made it.
        """
        if workers > 1:
            torch.set_num_threads(1)  # of each process; two in each would wait for one another
        detector = FaceDetector()

        def find(some: list[Path]) -> list[Found]:
            return [self.find(photo, detector, faces, keep=draw is not None) for photo in some]

        def tell(found: list[Found]) -> list[Answer]:
            answers = self._tell(found)
            if draw is not None:
                for answer in answers:
                    draw(*answer)
            # Pictures need not travel to the process that asks.
            return [(Found(one.photo, left_out=one.left_out, problem=one.problem), told) for one, told in answers]

        with mapping((lambda some: tell(find(some))) if self.in_forks else find, workers, chunk=1) as map_in_order:
            results = map_in_order(_batches(map(Path, photos), AT_ONCE["cpu"]))
            if not self.in_forks:
                results = map(tell, _batches(chain.from_iterable(results), AT_ONCE["cuda"]))
            yield from chain.from_iterable(results)

    def find(self, photo: Path, detector: FaceDetector, faces: str = "main", keep: bool = False) -> Found:
        """Return the faces in a photo, those whose points place a face.

        Args:
            faces: "main" or "all".
            keep: whether the photo is to be drawn.
        """
        try:
            image = read_image(photo, LONG_SIDE)
        except PictureError as error:
            remedy = "give a whole JPEG or PNG of ordinary size" if photo.exists() else "correct the name"
            return Found(photo, problem=f"cannot be read: {error}; {remedy}")
        found = detector.detect_all(image)
        size, crop = self.facts["face_size"], self.crop
        usable = [one for one in found if place_a_face(one.points(crop.alignment), image, crop)]
        usable = usable[: 1 if faces == "main" else None]
        aligned = [align_face(image, one.points(crop.alignment), size, crop) for one in usable]
        height, width = image.shape[:2]
        shrinkage = 1 if max(height, width) < LONG_SIDE else _long_side(photo) / max(height, width)
        return Found(
            photo,
            shrink(image, SHOWN) if keep else None,
            (round(width * shrinkage), round(height * shrinkage)),
            tuple((_enlarged(one, shrinkage), face) for one, face in zip(usable, aligned, strict=True)),
            len(found) - len(usable),
            "" if usable else NO_FACE,
        )

    def _tell(self, found: list[Found]) -> list[Answer]:
        """Return what the model says of the faces of several photos at once."""
        aligned = [face for one in found for _, face in one.faces]
        ages, distributions = np.empty(0), None
        if aligned:
            ages, distributions = predict(self.model, np.stack(aligned), np.arange(len(aligned)), self.settings)
        if not np.isfinite(ages).all():
            raise InputError(f"{self.source}: its model predicts no age but {ages[~np.isfinite(ages)][0]}; train it again")
        classes = np.array(self.settings.age_classes)
        rows = iter(zip(ages, [None] * len(ages) if distributions is None else distributions, strict=True))
        answers = []
        for one in found:
            rest = (one.left_out, self.trained_on)
            told = [
                Face(one.photo, number, detection, float(age), classes, distribution, *rest)
                for number, ((detection, _), (age, distribution)) in enumerate(zip(one.faces, rows, strict=False), 1)
            ]
            answers.append((one, told or [Face(one.photo, None, None, None, classes, None, *rest, one.problem)]))
        return answers


def _batches(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    while some := list(islice(items, size)):
        yield some


def _long_side(photo: Path) -> int:
    with Image.open(photo) as picture:  # which reads its size alone
        return max(picture.size)


def _enlarged(one: Detection, factor: float) -> Detection:
    """Return a detection in a picture that is larger by a factor."""
    if factor == 1:
        return one
    box, landmarks = (((points + 0.5) * factor - 0.5).round(2) for points in (one.box, one.landmarks))
    return Detection(box, one.score, landmarks)
