"""An unpacked folder in place of an archive: every file below it is linked or accounted for."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pml.datasets.listing import is_picture
from pml.datasets.tables import Row, reject
from pml.errors import InputError
from pml.progress import progress

MAX_DEPTH = 100  # folders within one another; Python's own tools fail at a thousand


def link_files(source: Path, folder: Path) -> list[Row]:
    """Link each file below `source` at the same place below `folder`, and return rows of rejected.csv.

    Links are followed, to folders too, but not to one that they lie in. What cannot be reached is left out as `leave_out` says.

    Raises:
        InputError: a file was linked or unpacked before, the folders are too deep, or what cannot be reached is no picture.
    """
    source, rejected = source.resolve(), []
    for path, fault in progress(_walk(source, source, ()), f"link {source.name}"):
        name = path.relative_to(source).as_posix()
        if fault := fault or fault_of_name(name):
            rejected.append(leave_out(name, fault, source))
            continue
        link_file(path, folder / name)
    return rejected


def link_file(path: Path, link: Path) -> None:
    """Make `link` one to the file at `path`.

    Raises:
        InputError: a file is there, or the disk is full.
    """
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    except OSError as error:
        raise InputError(f"{path}: cannot be linked ({error}); give every file once, and free the disk") from None


def leave_out(name: str, fault: str, source: Path) -> Row:
    """Return the row of rejected.csv for a file of `source` that cannot be used.

    Raises:
        InputError: it is not named as a picture, so that more than itself may be lost: a label file, a folder of pictures.
    """
    if not is_picture(name):
        raise InputError(f"{source}: '{readable(name)}' {fault}; mend it, rename it or remove it")
    return reject(readable(name), fault)


def fault_of_name(name: str) -> str:
    """Return what is wrong with a path that no table could hold, or empty."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return ""


def readable(name: str) -> str:
    """Return a path with each byte that is not UTF-8 as \\xHH, and each character that cannot be shown as its code."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _walk(folder: Path, source: Path, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, str]]:
    """Yield each file below `folder`, and what cannot be reached, with the reason; `above` are the folders that it lies in."""
    if len(above) > MAX_DEPTH:
        raise InputError(f"{source}: holds more than {MAX_DEPTH} folders within one another; is it the right folder?")
    try:
        own, paths = folder.stat(), sorted(folder.iterdir())
    except OSError as error:
        yield folder, f"cannot be listed ({error.strerror})"
        return
    identity = own.st_dev, own.st_ino
    if identity in above:
        yield folder, "is a link to a folder that it lies in"
        return
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield path, f"{'is a link that' if path.is_symlink() else ''} cannot be followed ({error.strerror})".strip()
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(path, source, (*above, identity))
        elif not stat.S_ISREG(mode):
            yield path, "is neither a file nor a folder"
        else:
            yield path, "" if os.access(path, os.R_OK) else "must not be read by this user"
