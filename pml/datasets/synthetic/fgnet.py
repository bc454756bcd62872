"""Writes synthetic people as the FG-NET archive: `FGNET/images/001A02.JPG`, `FGNET/points/001a02.pts`, and what lies beside."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pml.datasets.synthetic.camera import photograph
from pml.datasets.synthetic.people import deal_ages, draw_person, look_at
from pml.datasets.synthetic.writing import APPLE_DOUBLE, jpeg, writing_zip
from pml.errors import InputError
from pml.progress import progress

MOST_SUBJECTS, MOST_IMAGES = 999, 26  # a name has three digits for the subject and one letter to tell equal ages apart
GREY_SHARE = 175 / 1002  # of FG-NET's pictures have one channel
README = "Synthetic people, drawn by pml.datasets.synthetic in the layout of the FG-NET archive. Nobody is depicted.\n"


def write_fgnet(path: str | Path, subjects: int, images: int, seed: int) -> None:
    """Write the archive to `path`: `images` pictures of `subjects` people. The same arguments give the same bytes.

    Raises:
        InputError: there are more people, or pictures a person, than its file names can tell apart.
    """
    if subjects > MOST_SUBJECTS or images > MOST_IMAGES * subjects:
        raise InputError(
            f"synthetic: {subjects} subjects and {images} images: FG-NET's file names tell {MOST_SUBJECTS} people apart, and "
            f"{MOST_IMAGES} pictures of each; give fewer"
        )
    ages = deal_ages(subjects, images, np.random.default_rng([seed, 0]))
    with writing_zip(path) as write:
        write("FGNET/README.md", README.encode())
        write("FGNET/Data_files/001a.dat", f"{len(ages[0])}\n".encode())
        write("__MACOSX/FGNET/._images", APPLE_DOUBLE)
        for name, picture, points in progress(_album(ages, seed), "synthetic faces", total=images):
            write(f"FGNET/images/{name}.JPG", picture)
            write(f"__MACOSX/FGNET/images/._{name}.JPG", APPLE_DOUBLE)
            write(f"FGNET/points/{name.replace('A', 'a', 1)}.pts", points)


def _album(ages: list[np.ndarray], seed: int) -> Iterator[tuple[str, bytes, bytes]]:
    for subject, subject_ages in enumerate(ages, 1):
        person = draw_person(np.random.default_rng([seed, subject]))
        for k, age in enumerate(subject_ages):
            rng = np.random.default_rng([seed, subject, k])
            picture, points = photograph(look_at(person, age, rng), rng, grey=rng.random() < GREY_SHARE)
            yield f"{subject:03d}A{age:02d}{_suffix(subject_ages, k)}", jpeg(picture, rng), _pts(points)


def _suffix(ages: np.ndarray, k: int) -> str:
    """Return "" for the only picture at its age, else "a", "b", ... by its rank among them."""
    same = np.flatnonzero(ages == ages[k])
    return "" if len(same) == 1 else chr(ord("a") + int(np.searchsorted(same, k)))


def _pts(points: np.ndarray) -> bytes:
    rows = "".join(f"{x:.6g} {y:.6g}\r\n" for x, y in points)
    return f"version: 1\r\nn_points: {len(points)}\r\n{{\r\n{rows}}}\r\n".encode()
