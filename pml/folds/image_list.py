"""A user's own copy of a published list of images."""

import re
import sys
from pathlib import Path, PurePosixPath

import pandas as pd

from pml.datasets.label_file import read_text
from pml.errors import InputError

SEPARATOR = re.compile(r"\s*[,;|]\s*|\s+")


def listed_images(index: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the rows of `index` whose image the file lists; how many of its names are not found goes to stderr.

    Names are compared without folder, suffix and case. They are the column that names the most images of the index: published
    files are separated by commas, tabs or blanks, some with a header, some with row numbers before the names.

    Raises:
        InputError: the file cannot be read or names no image of the index.
    """
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the option 'list' the path of a list of images") from None
    stems = index["image"].map(_stem)
    known = set(stems)
    rows = [[_stem(field) for field in SEPARATOR.split(line.strip())] for line in lines if line.strip()]
    columns = [[row[k] for row in rows if len(row) > k] for k in range(max(map(len, rows), default=0))]
    names = max(columns, key=lambda column: sum(name in known for name in column), default=[])
    if known.isdisjoint(names):
        raise InputError(f"{path}: names no image of index.csv with a face; give a list of this data set's images, as text")

    is_header = names[0] not in known and not any(character.isdigit() for character in names[0])
    listed = set(names[is_header:])
    if missing := listed - known:
        print(
            f"warning: {path}: {len(missing)} of {len(listed)} images, such as {min(missing)}, are left out: "
            "they are not in index.csv or have no face",
            file=sys.stderr,
        )
    return index[stems.isin(listed)]


def _stem(name: str) -> str:
    return PurePosixPath(name.strip("\"'").replace("\\", "/")).stem.lower()
