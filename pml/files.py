"""Files and folders that cross a stage: written whole or not at all, and refused where they are damaged."""

import errno
import glob
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from pml.errors import InputError, disk_error, remedy_of
from pml.locks import lock

RANDOM = "[a-z0-9_]" * 8  # what `tempfile` puts after a prefix
AGAIN = "run again the stage that writes it"


@contextmanager
def writing(*paths: Path) -> Iterator[None]:
    """Let a block write files or folders.

    Raises:
        InputError: the disk is full or read-only, or does not let them be written for another reason.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if of_disk := disk_error(error, *paths):
            raise InputError(f"{paths[0]}: cannot be written, {remedy_of(of_disk)}") from None
        raise


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, remove it otherwise.

    What a killed process left under its own temporary name is removed too. A power cut leaves the old file or the new one.

    Raises:
        InputError: it cannot be written, as `writing` says.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with writing(path, temporary):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.stem)}.[0-9]*{path.suffix}"):
            if not _is_running(left.name.removeprefix(f".{path.stem}.").removesuffix(path.suffix)):
                left.unlink(missing_ok=True)
        try:
            yield temporary
            put_in_place(temporary, path)
        finally:
            with suppress(OSError):  # on a read-only disk there is none, and no leave to remove one
                temporary.unlink(missing_ok=True)


def put_in_place(made: Path, path: Path) -> None:
    """Give a file or folder that is whole its name, so that a power cut leaves the old one or the new one."""
    sync(made)
    os.replace(made, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the disk has what a file or a folder holds, the folder's names but not its files."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a disk that does not know of it
            raise
    finally:
        os.close(descriptor)


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder; put it in the place of `path` when the block ends well, remove it otherwise.

    It lies in a temporary folder beside `path`, which its process holds a lock on. What a killed process left in such a folder
    is removed first. The folder is put in place when the disk has all its files.

    Raises:
        InputError: it cannot be written, as `writing` says.
    """
    path = Path(path)
    with writing(path, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.{RANDOM}"):
            if left.is_dir():
                with (left / "lock").open("a") as held:
                    if lock(held):
                        shutil.rmtree(left)
        temporary = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.")
    with writing(path, Path(temporary.name)), temporary, Path(temporary.name, "lock").open("a") as held:
        lock(held)
        folder = Path(temporary.name, path.name)
        folder.mkdir()
        yield folder
        os.sync()  # at once, for one call for each of half a million files takes hours
        if path.exists():
            shutil.rmtree(path)
        os.replace(folder, path)
        sync(path.parent)


def _is_running(process: str) -> bool:
    return Path(f"/proc/{process}").exists()


def write_text(text: str, path: str | Path) -> None:
    """Write `text` as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Return what a JSON file of the workflow holds.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; the workflow writes it") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}; {AGAIN}") from None


def read_arrays(path: str | Path, **dimensions: int) -> dict[str, np.ndarray]:
    """Return arrays of an .npz by name; `dimensions` says how many each has.

    Raises:
        InputError: the file is missing, damaged or of other things; or an array is missing, has other dimensions, or holds
            what is neither text nor a finite number.
    """
    try:
        with zipfile.ZipFile(path) as file:  # numpy's own reader notices damage only where it reads an array to its end
            damaged = file.testzip()
        with np.load(path) as arrays:
            found = {name: arrays[name] for name in dimensions}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it") from None
    except KeyError as error:
        raise InputError(f"{path}: has no array {error}; {AGAIN}") from None
    except Exception:  # zipfile and numpy raise a different type for every kind of damage
        damaged = str(path)
    if damaged:
        raise InputError(f"{path}: not a file of arrays but {kind_of(Path(path))}; {AGAIN}")
    for name, array in found.items():
        if array.ndim != dimensions[name]:
            raise InputError(f"{path}: '{name}' has {array.ndim} dimensions; it needs {dimensions[name]}; {AGAIN}")
        if not (array.dtype.kind == "U" or (array.dtype.kind in "iuf" and np.isfinite(array).all())):
            raise InputError(f"{path}: '{name}' holds what is no finite number; {AGAIN}")
    return found


def kind_of(path: Path) -> str:
    """Return what a file is that cannot be read as what it should be, to complete "it is not ... but"."""
    try:
        with path.open("rb") as file:
            start = file.read(200).lstrip()
    except OSError as error:
        return f"one that cannot be read ({error.strerror})"
    if not start:
        return "an empty one"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of git-LFS, whose content `git lfs pull` fetches"
    return "a web page" if start.startswith(b"<") else "a damaged one, or one of another kind"


def check_apart(given: str | Path, made: str | Path) -> None:
    """Check that neither of two paths is, holds, or lies in the other: what is `made` replaces what was there.

    Raises:
        InputError: the file or folder that the user has `given` would be deleted, or would grow by what is made.
    """
    one, other = Path(given).resolve(), Path(made).resolve()
    if one == other or one in other.parents or other in one.parents:
        raise InputError(f"{given}: is, holds or lies in {made}, which is deleted and made anew; move it elsewhere")
