"""Photos a second of `pml predict` over facenet-pytorch's detection one by one with the same network behind it.

    PML_TEST_DATA=<folder with FGNET.zip> python -m benchmarks.predict --photos 1000    # a quarter of an hour on two cores

The photos have a megapixel: pictures of FG-NET on a canvas, every 50th cut short. Both are processes of their own, timed from
their start, in turn. The network is the face network at 224 pixels, with random weights, and sees each face and its mirror
image. The bar is 2 photos for one, with a line for each photo, and as much memory for all of them as for a tenth.
"""

import argparse
import csv
import dataclasses
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image

from benchmarks.paired import alternate, fgnet_archive, verdict
from pml.faces.alignment import align_face
from pml.faces.detection import prominence
from pml.faces.pictures import PictureError, read_image
from pml.training.model import load_model, predict
from tests.untrained import SETTINGS, write_run

SIDE, SIZE = 1000, 224
DAMAGED = 50  # every so many photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--one-by-one", nargs=2, type=Path, metavar=("PHOTOS", "RUN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one_by_one:
        return one_by_one(*options.one_by_one, options.cores)
    with tempfile.TemporaryDirectory() as work:
        folder, few, run, ages = (Path(work) / name for name in ("photos", "few", "run", "ages.csv"))
        draw_photos(fgnet_archive(), options.photos, folder)
        draw_photos(fgnet_archive(), options.photos // 10, few)
        settings = dataclasses.replace(SETTINGS, method="kl", backbone="faceres_deep")
        write_run(run, settings, face_size=SIZE)

        def ours(photos: Path = folder) -> None:
            words = [photos, "--model", run, "--to", ages, "--no-figure", "--cores", options.cores]
            start([sys.executable, "-m", "pml.cli", "predict", *words], code=1)

        def usual() -> None:
            start([sys.executable, "-m", __spec__.name, "--one-by-one", folder, run, "--cores", options.cores], code=0)

        work_of: dict[str, list[float]] = {"usual": [], "ours": []}

        def measured(name: str, run: Callable[[], None]) -> Callable[[], None]:
            def measure() -> None:
                before = core_seconds()
                run()
                work_of[name].append(core_seconds() - before)

            return measure

        peaks = []
        for photos in (few, folder):
            ours(photos)
            peaks.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
        rows = list(csv.DictReader(ages.open()))
        problems = sum(row["problem"].startswith("cannot be read") for row in rows)
        print(f"{len(rows)} lines for {options.photos} photos, {problems} of which cannot be read")
        print(f"peak memory of a process: {peaks[0]:.0f} MB for {options.photos // 10} photos, {peaks[1]:.0f} MB for all")
        candidates = {"usual": measured("usual", usual), "ours": measured("ours", ours)}
        seconds = alternate(candidates, options.rounds)
    for name, taken in seconds.items():
        cost = np.median(work_of[name][1:]) / options.photos
        print(f"{name}: {options.photos / np.median(taken):.2f} photos a second, {cost:.3f} core-seconds a photo")
    work = np.array(work_of["usual"][1:]) / np.array(work_of["ours"][1:])
    print(f"one by one / pml predict, core-seconds: {np.median(work):.3g}")
    print(verdict("one by one / pml predict, seconds", seconds["usual"] / seconds["ours"], 2, at_most=False))


def core_seconds() -> float:
    """Return the work of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def draw_photos(archive: Path, count: int, folder: Path) -> None:
    """Write photos of a megapixel, each with one picture of FG-NET at half of its height, somewhere on grey."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    with ZipFile(archive) as files:
        names = sorted(name for name in files.namelist() if name.lower().endswith(".jpg"))
        for number in range(count):
            with files.open(names[number * len(names) // count]) as file:
                picture = Image.open(file).convert("RGB")
            picture = picture.resize((SIDE // 2 * picture.width // picture.height, SIDE // 2))
            photo = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
            photo.paste(picture, tuple(chance.integers(0, SIDE // 2, 2).tolist()))
            path = folder / f"{number:04d}.jpg"
            photo.save(path)
            if number % DAMAGED == 0:
                path.write_bytes(path.read_bytes()[:20_000])


def one_by_one(photos: Path, run: Path, cores: int) -> None:
    """Tell the age of the main face of each photo as a few lines of one's own would, with all cores in each operation."""
    torch.set_num_threads(cores)
    detector = MTCNN(keep_all=True, device="cpu")
    model, settings = load_model(run, torch.device("cpu"))
    for photo in sorted(photos.iterdir()):
        try:
            image = read_image(photo)
        except PictureError:
            continue
        boxes, scores, landmarks = detector.detect(image, landmarks=True)
        if boxes is not None:
            main = prominence(boxes.astype(float), scores.astype(float), SIDE, SIDE).argmax()
            face = align_face(image, landmarks[main].astype(float), SIZE)
            predict(model, face[None], np.arange(1), settings)


def start(words: list, code: int) -> None:
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if run.returncode != code:
        sys.exit(run.stderr)


if __name__ == "__main__":
    main()
