"""Stage: unpack a data set's archives and index its images.

A format is a module, or a class of the user's own, with four names: `Options`, a frozen dataclass of what a config may choose;
`load(root, options)`, which returns the `Tables` of the files below `root`; `LAYOUT`, which tells in a phrase what the archive
is expected to hold; and `OBTAIN`, which tells where to get it. It may also have `SYNTHETIC`, the `module:function` that draws
such an archive; `TELLS`, the columns that its index fills in beside image and age, or `tells(archives, options)`, which
returns them, or None if it cannot know; `TERMS`, what its owners ask, in short; and `check_archives(archives, options)`, which
raises those errors of `load` that can be seen in archives that are still packed.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pml.datasets import archives
from pml.datasets.tables import Row, frequent_reasons
from pml.errors import InputError
from pml.files import check_apart, replacing_folder
from pml.registry import find, find_options
from pml.tables import load_schema, write_table
from pml.task import Task


def build_tables(format: str, root: Path, options: dict, left_out: Sequence[Row] = ()) -> dict[str, pd.DataFrame]:
    """Return the tables "index", "landmarks" and "rejected", each sorted by image, and "findings" for the files below `root`.

    Args:
        left_out: more rows of "rejected", for files that never got below `root`.

    Raises:
        InputError: the format or an option is unknown.
    """
    chosen, module = find_options("format", format, options), find("format", format)
    loaded = module.load(root, chosen)
    tables = {}
    for name, more in (("index", ()), ("landmarks", ()), ("rejected", left_out)):
        columns = list(load_schema(name)["properties"])
        frames = [pd.DataFrame(rows, columns=columns) for rows in (getattr(loaded, name), more) if len(rows)]
        tables[name] = pd.concat(frames or [pd.DataFrame(columns=columns)]).sort_values("image", ignore_index=True)
    return tables | {"findings": pd.DataFrame(list(loaded.findings.items()), columns=["finding", "count"])}


def no_image(format: str, rejected: pd.DataFrame, where: str, path: Path) -> InputError:
    """Return the error that no image is left of the archives `where`, with the most frequent reasons; `path` has them all."""
    layout = f"the format '{format}' has {find('format', format).LAYOUT}; is it the right archive?"
    if rejected.empty:
        return InputError(f"{where}: no image and nothing else; {layout}")
    reasons = frequent_reasons(rejected["reason"])
    return InputError(f"{where}: no image is left, {len(rejected):,} rejected: {reasons}; {path} lists all; {layout}")


def missing_archive(archive: Path, format: str) -> str:
    """Return the message that an archive of the user is not there."""
    obtain = f"{find('format', format).OBTAIN}, and name it in the config under datasets.<name>.archives"
    return f"{archive}: no such archive or folder; {obtain}"


def keep_only(root: Path, images: set[str]) -> None:
    """Remove every file below `root` but `images`: label files may hold what no later stage may see, such as birth dates."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            path = Path(folder, name)
            if path.relative_to(root).as_posix() not in images:
                path.unlink()
        if not os.listdir(folder):
            os.rmdir(folder)


def index_images(task: Task) -> None:
    """Unpack the archives to a folder that holds the indexed images alone, and write the tables that describe them.

    Raises:
        InputError: an archive is missing, damaged or another than its checksum says, or holds no image of the format; or it
            lies where the images go, which are replaced.
    """
    chosen = task.settings
    paths = [Path(archive) for archive in chosen["archives"]]
    named = ", ".join(map(str, paths))
    all_rejected = Path(task.outputs["rejected"]).with_name("all_rejected.csv")  # snakemake removes the outputs of a failed job
    for archive in paths:
        check_apart(archive, task.outputs["images"])
    all_rejected.unlink(missing_ok=True)
    with replacing_folder(task.outputs["images"]) as root:  # label files never get beyond this folder
        for archive, checksum in zip(paths, chosen["checksums"], strict=True):
            if not archive.exists():
                raise InputError(missing_archive(archive, chosen["format"]))
            archives.verify(archive, checksum)
        left_out = archives.unpack(paths, root)
        try:
            tables = build_tables(chosen["format"], root, chosen["options"], left_out)
        except InputError as error:  # which names a file of this folder, soon gone
            raise InputError(str(error).replace(str(root), named)) from None
        if tables["index"].empty:
            if len(tables["rejected"]):
                write_table(tables["rejected"], all_rejected, "rejected")
            raise no_image(chosen["format"], tables["rejected"], named, all_rejected)
        keep_only(root, set(tables["index"]["image"]))
    for name, table in tables.items():
        write_table(table, task.outputs[name], name)

    index = tables["index"]
    print(
        f"{chosen['format']}: {len(index)} images, {index['subject'].nunique()} subjects, "
        f"ages {index['age'].min():g}-{index['age'].max():g}, {len(tables['rejected'])} rejected",
        file=sys.stderr,
    )
