"""What the synthetic archives are written with; the same arguments give the same bytes."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from pml.datasets.synthetic.camera import photograph
from pml.datasets.synthetic.people import Person, draw_person, look_at
from pml.files import replacing
from pml.progress import progress

DATE = (2017, 2, 9, 0, 0, 0)
APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "  # what a Mac leaves beside each file it zips
EYES = [31, 36]  # the pupils among the 68 landmarks, counted from 0


def jpeg(picture: np.ndarray, rng: np.random.Generator) -> bytes:
    """Return a picture, uint8 (h, w) grey or (h, w, 3) RGB, as a JPEG of a quality drawn by `rng`."""
    if picture.ndim == 3:
        picture = picture[..., ::-1]
    quality = int(rng.integers(55, 96))
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


@contextmanager
def writing_zip(path: str | Path) -> Iterator[Callable[[str, bytes], None]]:
    """Yield a function that adds a file, by its name and content, to the zip at `path`, with a date that is always the same."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        yield lambda name, content: archive.writestr(zipfile.ZipInfo(name, DATE), content)


def draw_crowd(subjects: int, seed: int) -> list[Person]:
    """Draw `subjects` people."""
    return [draw_person(np.random.default_rng([seed, 1, subject])) for subject in range(subjects)]


def shoot(people: Sequence[Person], ages: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield a picture for each of `ages` (years), uint8 RGB (h, w, 3), and its landmarks (68, 2); the people take turns."""
    for k, age in enumerate(progress(ages, "synthetic faces")):
        rng = np.random.default_rng([seed, 2, k])
        yield photograph(look_at(people[k % len(people)], float(age), rng), rng)


def crop_upright(picture: np.ndarray, points: np.ndarray, size: int, left: float, top: float) -> np.ndarray:
    """Return a square of `size` pixels from a picture, turned and scaled so that the eyes lie level.

    Args:
        points: (68, 2) landmarks in pixels.
        left, top: where the left eye comes to lie, as shares of the square; the right one is its mirror image.
    """
    (x0, y0), (x1, y1) = points[EYES]
    goal, across, down = size * (1 - 2 * left), x1 - x0, y1 - y0
    cosine, sine = np.array([across, down]) * goal / (across**2 + down**2)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    shift = np.array([size * left, size * top]) - turn @ (x0, y0)
    return cv2.warpAffine(picture, np.column_stack([turn, shift]), (size, size), borderMode=cv2.BORDER_REPLICATE)


def split(images: int, sizes: Sequence[int]) -> list[int]:
    """Return how many of `images` fall to each part, in proportion to the `sizes` of the real ones."""
    ends = np.floor(np.cumsum(sizes) / np.sum(sizes) * images + 0.5).astype(int)
    return np.diff(ends, prepend=0).tolist()
