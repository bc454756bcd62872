"""Unpack a data set's archive and index its images.

    python -m pml.datasets.index --format fgnet --archive A.zip --checksum md5:HEX \
        --images OUT/images --index OUT/index.csv --landmarks OUT/landmarks.csv --rejected OUT/rejected.csv

A format is a module with two names: `load(root)`, which returns the rows of index.csv, landmarks.csv and rejected.csv for the
files below `root`, and `LAYOUT`, which tells in a phrase what the archive is expected to hold.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pml.datasets import archives, fgnet
from pml.errors import InputError, stage_main, suggest
from pml.files import load_schema, write_table

FORMATS = {"fgnet": fgnet}


def build_tables(format: str, root: Path) -> dict[str, pd.DataFrame]:
    """Return the tables "index", "landmarks" and "rejected" for the files below `root`, each sorted by image.

    Raises:
        InputError: the format is unknown, or no file is an image of it.
    """
    if format not in FORMATS:
        raise InputError(f"format '{format}': no such format{suggest(format, FORMATS)}")
    rows = dict(zip(("index", "landmarks", "rejected"), FORMATS[format].load(root), strict=True))
    if not rows["index"]:
        raise InputError(
            f"{root}: no image of the format '{format}', which has {FORMATS[format].LAYOUT}; is it the right archive?"
        )
    return {
        name: pd.DataFrame(rows[name], columns=list(load_schema(name)["properties"])).sort_values("image", ignore_index=True)
        for name in rows
    }


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Unpack a data set's archive and index its images.")
    parser.add_argument("--format", required=True, help=", ".join(FORMATS))
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--checksum", metavar="ALGORITHM:HEX", help="md5 or sha256 of the archive")
    parser.add_argument("--images", type=Path, required=True, help="folder to unpack into; replaced if it exists")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--rejected", type=Path, required=True)
    options = parser.parse_args(arguments)

    archives.verify(options.archive, options.checksum)
    archives.extract(options.archive, options.images)
    tables = build_tables(options.format, options.images)
    for name, table in tables.items():
        write_table(table, getattr(options, name), name)

    index = tables["index"]
    print(
        f"{options.format}: {len(index)} images, {index['subject'].nunique()} subjects, "
        f"ages {index['age'].min():g}-{index['age'].max():g}, {len(tables['rejected'])} files rejected"
    )


if __name__ == "__main__":
    main()
