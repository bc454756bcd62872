"""Faces aligned per second over facenet-pytorch's detection, one image at a time, on the same images of FG-NET.

    PML_TEST_DATA=<folder with FGNET.zip> python -m benchmarks.alignment        # about three minutes on two cores

The whole stage, from reading the picture to the written store, against detection alone on pictures that are in memory. The bar
is 3, with no worse detection rate and landmark error (benchmarks/detection.py).
"""

import argparse
import io
import os
import tempfile
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import torch
from facenet_pytorch import MTCNN

from benchmarks.paired import alternate, fgnet_archive, verdict
from pml.faces.align import BOX, COORDINATES, align_images
from pml.faces.detection import FaceDetector
from pml.faces.pictures import read_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=20, help="take every n-th image only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    options = parser.parse_args()
    archive = fgnet_archive()
    detector, usual = FaceDetector(), MTCNN(keep_all=True, device="cpu")
    with ZipFile(archive) as files, tempfile.TemporaryDirectory() as folder:
        names = sorted(name for name in files.namelist() if name.lower().endswith(".jpg"))[:: options.every]
        pictures = [read_image(io.BytesIO(files.read(name))) for name in names]
        files.extractall(folder, names)
        index = pd.DataFrame({"image": names}).reindex(columns=["image", *BOX]).astype(dict.fromkeys(BOX, float))
        landmarks = pd.DataFrame(columns=["image", *COORDINATES])

        def stage() -> None:
            torch.set_num_threads(1)
            store = Path(folder) / "faces.npy"
            align_images(Path(folder), index, landmarks, 224, store, detector, options.cores)

        def one_at_a_time() -> None:
            torch.set_num_threads(options.cores)
            for picture in pictures:
                usual.detect(picture, landmarks=True)

        # The stage first: its workers are forks, which want a parent without running threads.
        seconds = alternate({"stage": stage}, options.rounds) | alternate({"usual": one_at_a_time}, options.rounds)
    print(f"stage: {len(names) / pd.Series(seconds['stage']).median():.1f} faces a second on {options.cores} cores")
    print(verdict("facenet-pytorch / stage, seconds", seconds["usual"] / seconds["stage"], 3, at_most=False))


if __name__ == "__main__":
    main()
