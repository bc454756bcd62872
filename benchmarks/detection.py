"""Detection on FG-NET: images found, and how far the landmarks are from the hand-marked points.

    PML_TEST_DATA=<folder with FGNET.zip> python -m benchmarks.detection

Takes one to two minutes on two idle CPU cores. Expected: all 1,002 images found, a median error of 0.039.
"""

import argparse
import io
import re
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from zipfile import ZipFile

import numpy as np

from benchmarks.paired import fgnet_archive
from pml.faces.align import POINTS, find_points
from pml.faces.alignment import DEFAULT
from pml.faces.detection import FaceDetector
from pml.faces.pictures import read_image
from pml.progress import progress

# Pupils, tip of the nose, corners of the mouth, among the 68 points of a .pts file counted from 0.
MARKED = (31, 36, 67, 48, 54)


@dataclass(frozen=True)
class Measurement:
    """What the detector does on N images.

    Attributes:
        sources: (N,) where the landmarks came from: detector, points or centre.
        errors: (M, 5) distances from the hand-marked points in inter-ocular distances, for the M images that were found.
        seconds: per image, of detection alone.
    """

    sources: np.ndarray
    errors: np.ndarray
    seconds: float

    @property
    def found(self) -> float:
        """Share of the images in which the detector finds a face."""
        return float(np.mean(self.sources == "detector"))


def measure(archive: Path, every: int = 1) -> Measurement:
    """Run the detector on every `every`-th image of FG-NET, in the order of their names."""
    detector = FaceDetector()
    sources, errors, seconds = [], [], 0.0
    with ZipFile(archive) as files:
        pictures = sorted(name for name in files.namelist() if name.lower().endswith(".jpg"))[::every]
        points = {Path(name).stem.lower(): name for name in files.namelist() if name.endswith(".pts")}
        for name in progress(pictures, "detection"):
            image = read_image(io.BytesIO(files.read(name)))
            marked = read_points(files.read(points[Path(name).stem.lower()]).decode())
            start = perf_counter()
            source, _, landmarks = find_points(image, marked, detector, DEFAULT)
            seconds += perf_counter() - start
            sources.append(source)
            if source == "detector":
                eyes = np.linalg.norm(marked[0] - marked[1])
                errors.append(np.linalg.norm(landmarks - marked, axis=1) / eyes)
    return Measurement(np.array(sources), np.array(errors), seconds / len(sources))


def read_points(text: str) -> np.ndarray:
    """Return the (5, 2) landmarks in pixels among the 68 points of a .pts file."""
    numbers = re.search(r"\{(.*)\}", text, re.DOTALL)[1].split()
    return np.array(numbers, dtype=float).reshape(-1, 2)[list(MARKED)]


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every n-th image only")
    every = parser.parse_args().every
    result = measure(fgnet_archive(), every)
    count = len(result.sources)
    print(f"images                  {count}")
    print(f"found                   {result.found:.2%} ({np.sum(result.sources == 'detector')})")
    print(f"aligned by own points   {np.sum(result.sources == 'points')}")
    print(f"centre crop             {np.sum(result.sources == 'centre')}")
    print(f"seconds per image       {result.seconds:.3f}")
    print("median error, in inter-ocular distances")
    print(f"  all five landmarks    {np.median(result.errors):.4f}")
    for point, error in zip(POINTS, np.median(result.errors, axis=0), strict=True):
        print(f"  {point:<22}{error:.4f}")


if __name__ == "__main__":
    main()
