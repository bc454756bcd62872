"""Unpack a data set's archives and index its images.

    python -m pml.datasets.index --format fgnet --archives A.zip --checksums md5:HEX --options '{}' --images OUT/images \
        --index OUT/index.csv --landmarks OUT/landmarks.csv --rejected OUT/rejected.csv --findings OUT/findings.csv

A format is a module with four names: `Options`, a frozen dataclass of what a config may choose; `load(root, options)`, which
returns the `Tables` of the files below `root`; `LAYOUT`, which tells in a phrase what the archive is expected to hold; and
`OBTAIN`, which tells where to get it.
"""

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pml.datasets import appa_real, archives, chalearn, fgnet, imdb_wiki, morph2, utkface
from pml.errors import InputError, stage_main, suggest
from pml.files import load_schema, write_table
from pml.options import build_options

FORMATS = {
    "fgnet": fgnet,
    "morph2": morph2,
    "chalearn": chalearn,
    "imdb_wiki": imdb_wiki,
    "utkface": utkface,
    "appa_real": appa_real,
}
NO_CHECKSUM = "none"


def format_options(format: str, options: dict):
    """Return the `Options` of a format, filled in from `options`.

    Raises:
        InputError: the format or an option is unknown, or its value is refused.
    """
    if format not in FORMATS:
        raise InputError(f"format '{format}': no such format{suggest(format, FORMATS)}")
    return build_options(FORMATS[format].Options, options, f"options of the format '{format}'")


def build_tables(format: str, root: Path, options: dict) -> dict[str, pd.DataFrame]:
    """Return the tables "index", "landmarks" and "rejected", each sorted by image, and "findings" for the files below `root`.

    Raises:
        InputError: the format or an option is unknown, or no file is an image of it.
    """
    chosen, module = format_options(format, options), FORMATS[format]
    loaded = module.load(root, chosen)
    if not len(loaded.index):
        raise InputError(f"{root}: no image of the format '{format}', which has {module.LAYOUT}; is it the right archive?")
    tables = {
        name: pd.DataFrame(getattr(loaded, name), columns=list(load_schema(name)["properties"])).sort_values(
            "image", ignore_index=True
        )
        for name in ("index", "landmarks", "rejected")
    }
    return tables | {"findings": pd.DataFrame(list(loaded.findings.items()), columns=["finding", "count"])}


def keep_only(root: Path, images: set[str]) -> None:
    """Remove every file below `root` but `images`: label files may hold what no later stage may see, such as birth dates."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            path = Path(folder, name)
            if path.relative_to(root).as_posix() not in images:
                path.unlink()
        if not os.listdir(folder):
            os.rmdir(folder)


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Unpack a data set's archives and index its images.")
    parser.add_argument("--format", required=True, help=", ".join(FORMATS))
    parser.add_argument("--archives", type=Path, nargs="+", required=True, help="zip or tar archives, or unpacked folders")
    parser.add_argument("--checksums", nargs="+", metavar="ALGORITHM:HEX", help="md5 or sha256 of each archive, or none")
    parser.add_argument("--options", type=json.loads, default={}, metavar="JSON", help="of the format")
    parser.add_argument("--images", type=Path, required=True, help="folder for the indexed images alone; replaced if it exists")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--landmarks", type=Path, required=True)
    parser.add_argument("--rejected", type=Path, required=True)
    parser.add_argument("--findings", type=Path, required=True)
    options = parser.parse_args(arguments)

    format_options(options.format, options.options)
    checksums = options.checksums or [NO_CHECKSUM] * len(options.archives)
    if len(checksums) != len(options.archives):
        parser.error("--checksums: give one for each archive, or 'none'")
    for archive, checksum in zip(options.archives, checksums, strict=True):
        if not archive.exists():
            obtain = f"{FORMATS[options.format].OBTAIN}, and name it in the config under datasets.<name>.archives"
            raise InputError(f"{archive}: no such archive or folder; {obtain}")
        archives.verify(archive, None if checksum == NO_CHECKSUM else checksum)
    archives.unpack(options.archives, options.images)
    try:
        tables = build_tables(options.format, options.images, options.options)
    except InputError:
        shutil.rmtree(options.images)  # with label files that may hold birth dates
        raise
    keep_only(options.images, set(tables["index"]["image"]))
    for name, table in tables.items():
        write_table(table, getattr(options, name), name)

    index = tables["index"]
    print(
        f"{options.format}: {len(index)} images, {index['subject'].nunique()} subjects, "
        f"ages {index['age'].min():g}-{index['age'].max():g}, {len(tables['rejected'])} rejected"
    )


if __name__ == "__main__":
    main()
