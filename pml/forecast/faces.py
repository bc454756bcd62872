"""What drawing and aligning a picture take."""

import tempfile
from pathlib import Path
from time import perf_counter

from pml.datasets.archives import unpack
from pml.datasets.index import build_tables
from pml.datasets.synthetic.__main__ import WRITERS
from pml.faces.align import align_images
from pml.faces.detection import FaceDetector
from pml.forecast.rates import Rates

PICTURES, PEOPLE = 12, 6


def measure_faces(format: str) -> Rates:
    """Return what it takes to draw a picture in `format`, and to find and align its face with the real detector.

    The pictures are synthetic, so real ones that are larger take longer to read.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        archive, images = folder / "archive", folder / "images"
        start = perf_counter()
        WRITERS[format](archive, PEOPLE, PICTURES, seed=0)
        drawn = perf_counter() - start
        unpack([archive], images)
        tables = build_tables(format, images, {})
        index, landmarks = tables["index"], tables["landmarks"]
        detector = FaceDetector()
        align_images(images, index[:1], landmarks, 64, folder / "first.npy", detector)
        start = perf_counter()
        align_images(images, index, landmarks, 64, folder / "faces.npy", detector)
        aligned = perf_counter() - start
        return Rates(
            draw={format: [drawn / PICTURES]},
            align={format: [aligned / len(index)]},
            picture_bytes={format: [archive.stat().st_size / PICTURES]},
        )
