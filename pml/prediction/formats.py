"""What a model says of faces as text, CSV or JSON: a line a face, written as it comes."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pml.errors import InputError
from pml.prediction.age_model import Face

Write = Callable[[Face], None]
# The columns of a CSV and the keys of a JSON object (docs/predicting.md).
BOX = ("left", "top", "right", "bottom")
COLUMNS = ("photo", "face", *BOX, "score", "age", "low", "high", "left_out", "trained_on", "problem")


def row_of(face: Face) -> dict[str, str | float | None]:
    """Return the fields of a face by their columns; None where there is nothing to tell."""
    # A name that is not UTF-8 is written with its bytes as escapes.
    photo = os.fsencode(face.photo).decode("utf-8", "backslashreplace")
    box = [None] * len(BOX) if face.detection is None else face.detection.box.tolist()
    low, high = face.interval or (None, None)
    score = None if face.detection is None else face.detection.score
    age = None if face.age is None else round(face.age, 2)
    fields = [photo, face.number, *box, score, age, low, high, face.left_out, str(face.trained_on), face.problem or None]
    return dict(zip(COLUMNS, fields, strict=True))


@contextmanager
def writing_text(file: IO[str]) -> Iterator[Write]:
    """Yield a function that writes a face as a line for a reader."""

    def write(face: Face) -> None:
        photo = str(row_of(face)["photo"])
        number = f", face {face.number}" if (face.number or 1) > 1 else ""
        print("".join(one if one.isprintable() else repr(one)[1:-1] for one in f"{photo}{number}: {face}"), file=file)

    yield write


@contextmanager
def writing_csv(file: IO[str]) -> Iterator[Write]:
    """Yield a function that writes a face as a row; the header is there even without one."""
    rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    rows.writeheader()
    yield lambda face: rows.writerow(row_of(face))


@contextmanager
def writing_json(file: IO[str]) -> Iterator[Write]:
    """Yield a function that writes a face as an object, a line each, of one array."""
    before = "[\n"

    def write(face: Face) -> None:
        nonlocal before
        file.write(before + json.dumps(row_of(face)))
        before = ",\n"

    yield write
    file.write("[]\n" if before == "[\n" else "\n]\n")


FORMATS = {"text": writing_text, "csv": writing_csv, "json": writing_json}
OF_SUFFIX = {".txt": "text", ".csv": "csv", ".json": "json"}


def format_of(to: Path | None) -> str:
    """Return the format of a file by its suffix, and of standard output.

    Raises:
        InputError: the suffix is another.
    """
    form = "text" if to is None else OF_SUFFIX.get(to.suffix.lower())
    if form is None:
        raise InputError(f"{to}: its suffix tells no format; end it in {', '.join(OF_SUFFIX)}, or give --format")
    return form
