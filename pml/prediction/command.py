"""The command `pml predict`."""

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch

from pml.errors import InputError
from pml.files import replacing
from pml.prediction.age_model import AgeModel, Face, Found
from pml.prediction.drawing import write_drawings
from pml.prediction.formats import FORMATS, format_of
from pml.prediction.photos import Photo, find_photos
from pml.progress import progress


def predict_photos(
    names: Sequence[str | Path],
    source: Path,
    *,
    faces: str = "main",
    form: str | None = None,
    to: Path | None = None,
    drawings: Path | None = None,
    cores: int = 1,
) -> bool:
    """Write the age of each face in each photo, a line a face, and draw it; return whether every photo has an age.

    Args:
        names: files, folders and patterns.
        source: run directory or export.
        faces: "main" or "all" of each photo.
        form: "text", "csv" or "json"; by default that of the suffix of `to`, and text on standard output.
        to: file to write to, in the place of standard output; it appears when all is done.
        drawings: folder for <stem of the photo>_age.png; None draws nothing.
        cores: processes that share the photos.

    Raises:
        InputError: the model, a folder or a pattern is none, the suffix of `to` tells no format, or what is written would
            replace a photo or cannot be written.
    """
    photos, others = find_photos(names)
    placed = {} if drawings is None else {photo.path: drawings / photo.below / f"{photo.path.stem}_age.png" for photo in photos}
    if drawings is not None:
        _check_folder(names, drawings)
    _check_outputs(photos, list(placed.values()), to)
    form = form or format_of(to)
    torch.set_num_threads(1)  # before there are any, for the workers are forks
    model = AgeModel.load(source)
    print(f"model: {model}", file=sys.stderr)

    def draw(found: Found, told: list[Face]) -> None:
        write_drawings(placed[found.photo], found, told)

    paths = [photo.path for photo in photos]
    answers = model.answers(paths, faces, min(cores, len(paths)), draw if placed else None)
    problems = told = left_out = 0
    with _opened(to) as file, FORMATS[form](file) as write:
        for found, of_photo in progress(answers, "photos", len(photos)):
            problems += bool(found.problem)
            told += 0 if found.problem else len(of_photo)
            left_out += found.left_out
            for face in of_photo:
                write(face)
    print(_summary(len(photos), told, problems, left_out, others), file=sys.stderr)
    return not problems


def _summary(photos: int, told: int, problems: int, left_out: int, others: int) -> str:
    parts = [
        f"photos: {photos}, of which {problems} have a problem",
        f"faces told: {told}",
        f"faces left out: {left_out}",
        f"other files in the folders: {others}",
    ]
    return "; ".join(parts)


@contextmanager
def _opened(to: Path | None) -> Iterator[IO[str]]:
    if to is None:
        yield sys.stdout
        sys.stdout.flush()
    else:
        with replacing(to) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            yield file


def _check_outputs(photos: Sequence[Photo], drawings: Sequence[Path], to: Path | None) -> None:
    """Refuse to write over a photo, or to write a file twice."""
    # The drawing of a photo's second face ends in _face2.
    taken = {photo.path.resolve().with_stem(re.sub(r"(?<=_age)_face\d+$", "", photo.path.stem)) for photo in photos}
    taken |= {photo.path.resolve() for photo in photos}
    for path in [*drawings, *([] if to is None else [to])]:
        if path.resolve() in taken:
            raise InputError(f"{path}: would be written twice, or over a photo; give other photos, or write elsewhere")
        taken.add(path.resolve())


def _check_folder(names: Sequence[str | Path], drawings: Path) -> None:
    """Refuse a folder that cannot be written to, or whose drawings the next call would take for photos."""
    for name in map(Path, names):
        if name.is_dir() and drawings.resolve().is_relative_to(name.resolve()):
            raise InputError(f"{drawings}: lies in {name}, among the photos; name another --output, or give --no-figure")
    try:
        with tempfile.TemporaryFile(dir=next(folder for folder in (drawings, *drawings.parents) if folder.exists())):
            pass
    except OSError as error:
        problem = f"cannot be written to ({error.strerror}); name another folder under --output, or give --no-figure"
        raise InputError(f"{drawings}: {problem}") from None
