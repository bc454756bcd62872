"""Alignment: the crop in which every face has its eyes, nose and mouth, or its box, in the same place."""

import cv2
import numpy as np

from pml.suite.settings import Crop

# The five-point template of ArcFace (Deng et al., CVPR 2019), in pixels of its 112 x 112 crop: left eye, right eye, nose,
# left and right corner of the mouth, left and right being the viewer's.
ARCFACE_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
ARCFACE_SIZE = 112
DEFAULT = Crop()
MAX_WIDTH = 100  # of the crop, as a multiple of the longer side of the picture


def template(size: int, zoom: float = DEFAULT.zoom) -> np.ndarray:
    """Return (5, 2) x and y in pixels, where the five landmarks lie in a crop of `size` x `size`."""
    unit = (ARCFACE_TEMPLATE + 0.5) / ARCFACE_SIZE
    return (0.5 + zoom * (unit - 0.5)) * size - 0.5


def similarity_transform(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the (2, 3) rotation, scaling and shift that takes `source` nearest to `target` in the least-squares sense.

    With points as complex numbers it is z -> a z + b, and linear regression gives a and b in closed form (for the plane, the
    solution of Umeyama, PAMI 1991, without reflection).

    Args:
        source: (P, 2) points.
        target: (P, 2) points.

    Returns:
        The transform; NaN or noise if all points of `source` are equal.
    """
    z, w = source @ [1, 1j], target @ [1, 1j]
    a = np.vdot(z - z.mean(), w - w.mean()) / np.vdot(z - z.mean(), z - z.mean()).real
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def crop_transform(points: np.ndarray, size: int, crop: Crop) -> np.ndarray:
    """Return the (2, 3) rotation, scaling and shift that takes an image to its crop of `size` x `size`.

    Landmarks come to the template as near as can be. Upright, they keep this scale and the place of their mean. A box comes to
    the middle; its longer side takes the share `zoom` of the crop's.

    Args:
        points: (5, 2) landmarks; or (2, 2) opposite corners of a box.
    """
    if len(points) == 2:
        scale = crop.zoom * size / np.ptp(points, axis=0).max()
        return np.column_stack([scale * np.eye(2), (size - 1) / 2 - scale * points.mean(axis=0)])
    target = template(size, crop.zoom)
    transform = similarity_transform(points, target)
    if crop.alignment == "similarity":
        return transform
    scale = np.linalg.norm(transform[:, 0])
    return np.column_stack([scale * np.eye(2), target.mean(axis=0) - scale * points.mean(axis=0)])


def place_a_face(points: np.ndarray, image: np.ndarray, crop: Crop = DEFAULT) -> bool:
    """Tell whether points are a pixel apart and give an image (height, width, 3) a crop of a width that can be.

    Args:
        points: as of `crop_transform`.
    """
    with np.errstate(all="ignore"):  # far out, a width is infinite or NaN
        width = 1 / np.linalg.norm(crop_transform(points, 1, crop)[:, 0])
        return bool(np.ptp(points, axis=0).max() >= 1 and width <= MAX_WIDTH * max(image.shape[:2]))


def align_face(image: np.ndarray, points: np.ndarray, size: int, crop: Crop = DEFAULT) -> np.ndarray:
    """Return the (size, size, 3) uint8 face whose points lie where the crop has them.

    Where the face shrinks, it is sampled at the image's own resolution and averaged over areas, which keeps wrinkles and
    stubble from turning into moire. Beyond the image's border its last pixels are repeated.

    Args:
        image: (height, width, 3) uint8.
        points: x and y in pixels of the image, as of `crop_transform`; they `place_a_face`.
        size: width and height of the face in pixels.
    """
    shrinkage = 1 / np.linalg.norm(crop_transform(points, size, crop)[:, 0])
    oversampling = int(np.ceil(np.clip(shrinkage, 1, max(image.shape) / size + 1)))
    fine = size * oversampling
    transform = crop_transform(points, fine, crop)
    face = cv2.warpAffine(image, transform, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Return the largest central square of a (height, width, 3) uint8 image as (size, size, 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
