"""FG-NET: 1,002 images of 82 subjects, aged 0 to 69, each with 68 points marked by hand.

The archive holds `images/001A02.JPG` (subject 001 at age 2; a letter follows where an age repeats) and `points/001a02.pts`.
Copies differ in the case of their names, so the two are joined without regard to it.

G. Panis, A. Lanitis, N. Tsapatsoulis, T. F. Cootes: Overview of research on facial ageing using the FG-NET ageing database.
IET Biometrics 5(2), 2016.
"""

import math
import re
from pathlib import Path, PurePosixPath

from pml.datasets.label_file import read_text
from pml.datasets.listing import survey
from pml.datasets.tables import Nominal, Row, Tables, reject
from pml.options import NoOptions as Options

LAYOUT = "a folder 'images' with names such as 001A02.JPG and, beside it, a folder 'points' with names such as 001a02.pts"
IMAGE = re.compile(r"(?P<subject>[0-9]{3})A(?P<age>[0-9]{2})[a-z]?\.jpg", re.IGNORECASE | re.ASCII)
# Counted from 0; left and right are the viewer's.
FIVE_POINTS = {"left_eye": 31, "right_eye": 36, "nose": 67, "left_mouth": 48, "right_mouth": 54}
POINTS = 68
OBTAIN = "download it from http://yanweifu.github.io/FG_NET_data/FGNET.zip"
TERMS = "made for research; no licence comes with the download"
SYNTHETIC = "pml.datasets.synthetic.fgnet:write_fgnet"
NOMINAL = Nominal(images=1_002, subjects=82, megabytes=46, histogram="fgnet_age_histogram.csv")
TELLS = ("subject",)


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Every file is accounted for exactly once: it is an indexed image, the points of one (its companion, a row of
    landmarks.csv), or a row of rejected.csv. So files = rows of index.csv + rows of landmarks.csv + rows of rejected.csv.
    An image whose points are missing or malformed is indexed without landmarks.
    """
    images: dict[str, str] = {}  # lower-case stem, such as 001a02: path
    points: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}  # path: why it is rejected
    files = survey(root)
    for path in sorted(files.pictures + files.others):
        file = PurePosixPath(path)
        stem, folder, suffix = file.stem.lower(), file.parent.name.lower(), file.suffix.lower()
        if folder == "points" and suffix == ".pts":
            points.setdefault(stem, []).append(path)
        elif folder != "images":
            reasons[path] = "neither in a folder 'images' nor points in a folder 'points'"
        elif not IMAGE.fullmatch(file.name):
            reasons[path] = "name is not of the form 001A02.JPG"
        elif stem in images:
            reasons[path] = f"same picture as {images[stem]}, by its name"
        else:
            images[stem] = path

    landmarks = []
    for stem, paths in points.items():
        reasons |= {path: f"same points as {paths[0]}, by its name" for path in paths[1:]}
        if stem not in images:
            reasons[paths[0]] = "points without an image"
        elif (row := read_points(root / paths[0])) is None:
            reasons[paths[0]] = f"points are not {POINTS} pairs of finite numbers between braces"
        else:
            landmarks.append({"image": images[stem]} | row)

    names = [(path, IMAGE.fullmatch(PurePosixPath(path).name)) for path in images.values()]
    index = [{"image": path, "subject": name["subject"], "age": int(name["age"])} for path, name in names if name]
    return Tables(index, files.rejected + [reject(path, reason) for path, reason in reasons.items()], landmarks)


def read_points(path: Path) -> Row | None:
    """Return the five landmarks of a .pts file in pixels, as columns of landmarks.csv, or None if it is malformed."""
    body = re.fullmatch(r"[^{}]*\{([^{}]*)\}\s*", read_text(path))
    try:
        numbers = [float(word) for word in body.group(1).split()] if body else []
    except ValueError:
        return None
    if len(numbers) != 2 * POINTS or not all(map(math.isfinite, numbers)):
        return None
    return {f"{name}_{axis}": numbers[2 * k + i] for name, k in FIVE_POINTS.items() for i, axis in enumerate("xy")}
