"""Stage: from the images of a data set to the face store."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pml.datasets.tables import frequent_reasons
from pml.errors import InputError
from pml.faces.alignment import align_face, centre_crop, place_a_face
from pml.faces.detection import FaceDetector
from pml.faces.pictures import PictureError, read_image
from pml.faces.store import writing_faces
from pml.progress import progress
from pml.tables import read_table, write_table
from pml.task import Task
from pml.workers import mapping

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
COORDINATES = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
BOX = ["left", "top", "right", "bottom"]
MARGIN = 0.4  # on every side of the owners' box, as a share of its size: that of the crops of IMDB-WIKI


def find_landmarks(
    image: np.ndarray, marked: np.ndarray | None, detector: FaceDetector
) -> tuple[str, float | None, np.ndarray | None]:
    """Return the source, the detection score and the (5, 2) landmarks to align an image by.

    The detector's come first, so that every data set is aligned alike; then those `marked` by the data set; then none.
    Landmarks that place no face, such as five in one place, count for none.
    """
    detection = detector.detect(image)
    if detection is not None and place_a_face(detection.landmarks, image):
        return "detector", detection.score, detection.landmarks
    if marked is not None and place_a_face(marked, image):
        return "points", None, marked
    return "centre", None, None


def around(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of an image around the owners' box of the face, and the (2,) x and y of its corner in pixels.

    Args:
        image: (height, width, 3) uint8.
        box: (4,) left, top, right, bottom in pixels; NaN or outside the image gives the whole image.
    """
    margin = MARGIN * np.tile(box[2:] - box[:2], 2) * [-1, -1, 1, 1]
    if np.isnan(box).any():
        return image, np.zeros(2)
    left, top, right, bottom = np.clip(np.round(box + margin), 0, np.tile(image.shape[1::-1], 2)).astype(int)
    if right <= left or bottom <= top:
        return image, np.zeros(2)
    return image[top:bottom, left:right], np.array([left, top], dtype=float)


def align_image(path: Path, box: np.ndarray, marked: np.ndarray | None, size: int, detector: FaceDetector) -> tuple:
    """Return one image's (size, size, 3) face, the source, the detection score, and the 10 coordinates of its landmarks.

    Raises:
        PictureError: the picture cannot be read whole.
    """
    image, corner = around(read_image(path), box)
    source, score, points = find_landmarks(image, None if marked is None else marked - corner, detector)
    if points is None:
        return centre_crop(image, size), source, score, np.full(10, np.nan)
    return align_face(image, points, size), source, score, (points + corner).ravel()


def align_images(
    images: Path, index: pd.DataFrame, landmarks: pd.DataFrame, size: int, store: Path, detector: FaceDetector, workers: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write the face of every readable image of `index` to `store`; return the tables faces.csv and rejected.csv.

    The images are shared among so many `workers`, processes of their own; what they find does not depend on their number.
    """
    marked = dict(zip(landmarks["image"], landmarks[COORDINATES].to_numpy().reshape(-1, 5, 2), strict=True))

    def align(row: tuple) -> tuple | str:
        name, *box = row
        try:
            return align_image(images / name, np.array(box, dtype=float), marked.get(name), size, detector)
        except PictureError as error:
            return str(error)

    faces, rejected = [], []
    rows = list(index[["image", *BOX]].itertuples(index=False, name=None))
    with writing_faces(store, size) as append, mapping(align, workers) as map_in_order:
        results = map_in_order(rows)
        for (name, *_), result in zip(progress(rows, "faces"), results, strict=True):
            if isinstance(result, str):
                rejected.append((name, "faces", result))
            else:
                face, source, score, coordinates = result
                append(face)
                faces.append((name, source, score, *coordinates))
        if not faces:
            reasons = frequent_reasons(reason for *_, reason in rejected)
            raise InputError(f"{images}: no image of the index is there to be read: {reasons}; is it their root?")
    return (
        pd.DataFrame(faces, columns=["image", "source", "score", *COORDINATES]).astype({"score": float}),
        pd.DataFrame(rejected, columns=["image", "stage", "reason"]),
    )


def align_faces(task: Task, threads: int = 1) -> None:
    """Align the faces of one data set, with a process on each of so many `threads`."""
    # The detector's networks are small: a second thread gains nothing, a second process does.
    torch.set_num_threads(1)
    index, landmarks = (read_table(task.inputs[name], name) for name in ("index", "landmarks"))
    detector = FaceDetector()
    workers = 1 if detector.device.type == "cuda" else threads
    images, store, size = Path(task.inputs["images"]), Path(task.outputs["faces"]), task.settings["size"]
    faces, rejected = align_images(images, index, landmarks, size, store, detector, workers)
    write_table(faces, task.outputs["table"], "faces")
    write_table(rejected, task.outputs["rejected"], "rejected")
