"""Stage: from the images of a data set to the face store."""

import dataclasses
import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pml.datasets.tables import frequent_reasons
from pml.errors import InputError
from pml.faces.alignment import DEFAULT, align_face, centre_crop, place_a_face
from pml.faces.detection import FaceDetector
from pml.faces.pictures import PictureError, read_image
from pml.faces.store import writing_store
from pml.progress import progress
from pml.suite.settings import Crop, fingerprint
from pml.tables import read_table, write_table
from pml.task import Task
from pml.workers import mapping

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
COORDINATES = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
BOX = ["left", "top", "right", "bottom"]
AT_ONCE = 200  # images that a kill can cost
MARGIN = 0.4  # on every side of the owners' box, as a share of its size: that of the crops of IMDB-WIKI


def find_points(
    image: np.ndarray, marked: np.ndarray | None, detector: FaceDetector, crop: Crop
) -> tuple[str, float | None, np.ndarray | None]:
    """Return the source, the detection score and the points to align an image by: (5, 2) landmarks, or (2, 2) corners of a box.

    The detector's come first, so that every data set is aligned alike; then the landmarks `marked` by the data set; then none.
    Points that place no face, such as five in one place, count for none.
    """
    detection = detector.detect(image)
    if detection is not None and place_a_face(points := detection.points(crop.alignment), image, crop):
        return "detector", detection.score, points
    if marked is not None and place_a_face(marked, image, crop):
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


def align_image(path: Path, box: np.ndarray, marked: np.ndarray | None, size: int, detector: FaceDetector, crop: Crop) -> tuple:
    """Return one image's (size, size, 3) face, the source, the detection score, and the 10 coordinates of the landmarks used.

    Raises:
        PictureError: the picture cannot be read whole.
    """
    image, corner = around(read_image(path), box)
    source, score, points = find_points(image, None if marked is None else marked - corner, detector, crop)
    face = centre_crop(image, size) if points is None else align_face(image, points, size, crop)
    by_landmarks = points is not None and len(points) == len(POINTS)
    return face, source, score, *((points + corner).ravel().tolist() if by_landmarks else [math.nan] * 10)


def align_images(
    images: Path,
    index: pd.DataFrame,
    landmarks: pd.DataFrame,
    size: int,
    store: Path,
    detector: FaceDetector,
    workers: int = 1,
    crop: Crop = DEFAULT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write the face of every readable image of `index` to `store`; return the tables faces.csv and rejected.csv.

    The images are shared among so many `workers`, processes of their own; what they find does not depend on their number. What
    a killed process has done of the same rows waits beside the store.
    """
    marked = dict(zip(landmarks["image"], landmarks[COORDINATES].to_numpy().reshape(-1, 5, 2), strict=True))

    def align(row: tuple) -> tuple:
        name, *box = row
        try:
            face, *found = align_image(images / name, np.array(box, dtype=float), marked.get(name), size, detector, crop)
            return found, face
        except PictureError as error:
            return (str(error),)

    shown = index[["image", *BOX]]
    rows = list(shown.itertuples(index=False, name=None))
    unpacked = images.stat().st_mtime_ns if images.exists() else 0  # other pictures are another folder
    key = fingerprint(size, dataclasses.asdict(crop), _digest(shown), _digest(landmarks), unpacked)
    with (
        writing_store(store, (size, size, 3), np.uint8, key, AT_ONCE) as (outcomes, append),
        mapping(align, workers) as map_in_order,
    ):
        left = rows[len(outcomes) :]
        if outcomes:
            print(f"faces: an earlier process has done {len(outcomes)} of {len(rows)}", file=sys.stderr)
        for outcome, *face in progress(map_in_order(left), "faces", len(left)):
            append(outcome, *face)
            outcomes.append(outcome)
        faces = [(name, *found) for (name, *_), found in zip(rows, outcomes, strict=True) if not isinstance(found, str)]
        rejected = [(name, "faces", why) for (name, *_), why in zip(rows, outcomes, strict=True) if isinstance(why, str)]
        if not faces:
            reasons = frequent_reasons(reason for *_, reason in rejected)
            raise InputError(f"{images}: no image of the index is there to be read: {reasons}; is it their root?")
    return (
        pd.DataFrame(faces, columns=["image", "source", "score", *COORDINATES]).astype({"score": float}),
        pd.DataFrame(rejected, columns=["image", "stage", "reason"]),
    )


def _digest(table: pd.DataFrame) -> str:
    return hashlib.sha256(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()).hexdigest()


def align_faces(task: Task, threads: int = 1) -> None:
    """Align the faces of one data set, with a process on each of so many `threads`."""
    # The detector's networks are small: a second thread gains nothing, a second process does.
    torch.set_num_threads(1)
    index, landmarks = (read_table(task.inputs[name], name) for name in ("index", "landmarks"))
    images, store, size = Path(task.inputs["images"]), Path(task.outputs["faces"]), task.settings["size"]
    crop = Crop(**task.settings.get("crop", {}))
    faces, rejected = align_images(images, index, landmarks, size, store, FaceDetector(), threads, crop)
    write_table(faces, task.outputs["table"], "faces")
    write_table(rejected, task.outputs["rejected"], "rejected")
