"""Detection: the faces of an image and their five landmarks, by MTCNN (Zhang et al., SPL 2016)."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN

from pml.faces.pictures import shrink

LONG_SIDE = 640  # pixels: larger images are shrunk to it, so that a scan takes no longer than a snapshot
MIN_FACE_SIZE = 40  # pixels of the image so shrunk
# MTCNN misses faces that touch the border and misplaces their landmarks; an album page is often cut that close. A frame of
# repeated border pixels, this share of the long side wide, brings FG-NET from 0.043 to 0.039 of the inter-ocular distance.
FRAME = 0.2


@dataclass(frozen=True)
class Detection:
    """A face found in an image.

    Attributes:
        box: (4,) left, top, right, bottom in pixels of the image; it may reach beyond the border.
        score: the detector's probability that this is a face.
        landmarks: (5, 2) x and y in pixels: left eye, right eye, nose, left and right corner of the mouth, as the viewer sees.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray

    def points(self, alignment: str) -> np.ndarray:
        """Return what places the face: (2, 2) corners of its box for the alignment `box`, or else its landmarks."""
        return self.box.reshape(2, 2) if alignment == "box" else self.landmarks


class FaceDetector:
    """MTCNN with the pretrained weights of facenet-pytorch, on a CPU.

    Its networks are small. On a GPU they wait for one another, and one core finds as many faces.
    """

    def __init__(self) -> None:
        """Load the detector."""
        self.mtcnn = MTCNN(keep_all=True, min_face_size=MIN_FACE_SIZE, device="cpu").eval()

    def detect(self, image: np.ndarray) -> Detection | None:
        """Return the main face of a (height, width, 3) uint8 RGB image, or None if none is found."""
        return next(iter(self.detect_all(image)), None)

    @torch.inference_mode()
    def detect_all(self, image: np.ndarray) -> list[Detection]:
        """Return every face found in a (height, width, 3) uint8 RGB image, by its `prominence`, the main one first.

        Coordinates are rounded to 0.01 pixel and scores to 0.0001: what a CSV holds is exactly what the alignment uses.
        """
        scale = min(1, LONG_SIDE / max(image.shape))
        small = shrink(image, LONG_SIDE)
        frame = round(FRAME * max(small.shape[:2]))
        framed = cv2.copyMakeBorder(small, frame, frame, frame, frame, cv2.BORDER_REPLICATE)
        if min(framed.shape[:2]) < MIN_FACE_SIZE:  # too small for even one level of the detector's pyramid
            return []

        boxes, scores, landmarks = self.mtcnn.detect(framed, landmarks=True)
        if boxes is None:
            return []

        def in_image(points: np.ndarray) -> np.ndarray:
            return ((points.astype(float) - frame + 0.5) / scale - 0.5).round(2)

        order = np.argsort(-prominence(boxes.astype(float), scores.astype(float), *framed.shape[1::-1]), kind="stable")
        return [
            Detection(in_image(boxes[i].reshape(2, 2)).ravel(), round(float(scores[i]), 4), in_image(landmarks[i]))
            for i in order
        ]


def prominence(boxes: np.ndarray, scores: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return (F,) how far each face is what its picture is of: large, and near the centre.

    The area less twice the squared distance from the centre, the rule of FaceNet's alignment script (Sandberg). The area counts
    by the score, so that a large doubtful box does not win over a face.

    Args:
        boxes: (F, 4) left, top, right, bottom in pixels.
        scores: (F,) probabilities.
        width, height: of the picture in pixels.
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    offsets = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array([width, height]) / 2
    return scores * areas - 2 * (offsets**2).sum(axis=1)
