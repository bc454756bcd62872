"""Files that cross a stage: written whole or not at all, and checked against their schema on both sides."""

import errno
import fcntl
import glob
import json
import operator
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import yaml

from pml.errors import InputError, disk_error, remedy_of

SCHEMAS, PUBLISHED = Path(__file__).parent / "schemas", Path(__file__).parent / "published"
RANDOM = "[a-z0-9_]" * 8  # what `tempfile` puts after a prefix
AGAIN = "run again the stage that writes it"
DTYPES = {"string": "str", "number": "float64"}
# By each limit that a schema may set: whether it refuses each of the values.
REFUSED: dict[str, Callable[[pd.Series, Any], pd.Series]] = {
    "minimum": operator.lt,
    "exclusiveMinimum": operator.le,
    "maximum": operator.gt,
    "enum": lambda values, allowed: ~values.isin(allowed),
}
# By the type that a schema may name: what tests a column for it, and what it is called.
NEEDED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "integer": (pd.api.types.is_integer_dtype, "whole numbers"),
    "number": (pd.api.types.is_numeric_dtype, "numbers"),
    "boolean": (pd.api.types.is_bool_dtype, "True or False"),
}


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
                with (left / "lock").open("a") as lock:
                    if _lock(lock):
                        shutil.rmtree(left)
        temporary = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.")
    with writing(path, Path(temporary.name)), temporary, Path(temporary.name, "lock").open("a") as lock:
        _lock(lock)
        folder = Path(temporary.name, path.name)
        folder.mkdir()
        yield folder
        os.sync()  # at once, for one call for each of half a million files takes hours
        if path.exists():
            shutil.rmtree(path)
        os.replace(folder, path)
        sync(path.parent)


def _lock(file: IO) -> bool:
    """Lock a file until it is closed, and tell whether no other process holds it; no lock is held where the disk knows none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _is_running(process: str) -> bool:
    return Path(f"/proc/{process}").exists()


def read_table(path: str | Path, schema: str) -> pd.DataFrame:
    """Read a CSV and check it against `pml/schemas/<schema>.schema.yaml`.

    Raises:
        InputError: the file is missing, is not a CSV or was cut short, or `check_table` refuses what it holds.
    """
    columns = load_schema(schema)["properties"]
    dtypes = {name: DTYPES[_kind(column)] for name, column in columns.items() if _kind(column) in DTYPES}
    # Only an empty field is missing: a subject may be called "NA".
    return check_table(_read_csv(path, f"a {schema} table", dtype=dtypes, keep_default_na=False, na_values=[""]), schema, path)


def read_numbers(path: str | Path, needed: Iterable[str] = ()) -> pd.DataFrame:
    """Read a CSV of numbers whose columns are the method's own, but for those that are `needed`.

    Raises:
        InputError: the file is missing, is not a CSV or was cut short, lacks a column, or holds what is no number, or in a
            needed column no finite one.
    """
    frame = _read_csv(path, "a table of numbers")
    if missing := [name for name in needed if name not in frame]:
        raise InputError(f"{path}: columns missing: {missing}; {AGAIN}")
    for name in frame:
        if frame[name].notna().any() and not pd.api.types.is_numeric_dtype(frame[name]):
            raise InputError(f"{path}: column '{name}' holds {frame[name].dropna().iloc[0]!r}; it needs numbers; {AGAIN}")
    for name in needed:
        if not np.isfinite(frame[name].astype(float)).all():
            raise InputError(f"{path}: column '{name}' is not finite in every row; {AGAIN}")
    return frame


def _read_csv(path: str | Path, kind: str, **options: Any) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, **options)
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            whole = file.read() == b"\n"
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not {kind}: {error}; {AGAIN}") from None
    if not whole:
        raise InputError(f"{path}: its last row was cut short, it ends in no newline; {AGAIN}")
    if not isinstance(frame.index, pd.RangeIndex):
        raise InputError(f"{path}: not {kind}: its rows have more fields than its header; {AGAIN}")
    return frame


def write_table(frame: pd.DataFrame, path: str | Path, schema: str) -> None:
    """Check `frame` against its schema, order its columns as there, and write it as CSV."""
    frame = check_table(frame, schema, path)
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


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


def check_table(frame: pd.DataFrame, schema: str, path: str | Path) -> pd.DataFrame:
    """Return `frame` with the columns in the schema's order.

    Raises:
        InputError: a column is missing, unknown, of another type, or holds a value out of bounds, not finite or empty; or a
            row stands there twice: the schema's `unique` names the columns that tell one from another.
    """
    definition = load_schema(schema)
    columns = definition["properties"]
    missing = [name for name in columns if name not in [*frame, *definition.get("optional", [])]]
    unknown = [name for name in frame if name not in columns]
    if missing or unknown:
        raise InputError(f"{path}: columns missing: {missing}, unknown: {unknown}; a {schema} table has {list(columns)}")
    frame = frame[[name for name in columns if name in frame]]
    for name in frame:
        _check_column(frame[name], columns[name], f"{path}: column '{name}'")
    twice = frame.duplicated(definition["unique"]) if "unique" in definition else np.zeros(len(frame), bool)
    if twice.any():
        named = ", ".join(f"{name} {frame[name][twice].iloc[0]}" for name in definition["unique"])
        raise InputError(f"{path}: row {twice.argmax() + 1} repeats {named}; {AGAIN}")
    return frame


def check_apart(given: str | Path, made: str | Path) -> None:
    """Check that neither of two paths is, holds, or lies in the other: what is `made` replaces what was there.

    Raises:
        InputError: the file or folder that the user has `given` would be deleted, or would grow by what is made.
    """
    one, other = Path(given).resolve(), Path(made).resolve()
    if one == other or one in other.parents or other in one.parents:
        raise InputError(f"{given}: is, holds or lies in {made}, which is deleted and made anew; move it elsewhere")


def check_indexed(images: Iterable[str], path: str | Path, index: Iterable[str], index_path: str | Path) -> None:
    """Check that the index has every one of the `images` that the file at `path` names.

    Raises:
        InputError: it lacks one.
    """
    if unknown := set(images) - set(index):
        raise InputError(f"{path}: image '{min(unknown)}' is not in {index_path}; run again the stage that writes {path}")


@cache
def load_schema(name: str) -> dict:
    """Return what the table `name` holds: for each of its columns, in order, the JSON schema of a value."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())


def _kind(column: dict) -> str:
    kinds = [column["type"]] if isinstance(column["type"], str) else column["type"]
    return next(kind for kind in kinds if kind != "null")


def _check_column(values: pd.Series, column: dict, where: str) -> None:
    empty = values.isna()
    if empty.any() and "null" not in column["type"]:
        raise InputError(f"{where} is empty in row {empty.argmax() + 1}; it needs a value there")
    values = values[~empty]
    fits, needed = NEEDED.get(_kind(column), (None, ""))
    if fits is not None and len(values) and not fits(values):
        raise InputError(f"{where} holds {values.iloc[0]!r}; it needs {needed}")
    if _kind(column) == "number" and len(values) and not np.isfinite(values).all():
        raise InputError(f"{where} holds {values[~np.isfinite(values)].iloc[0]!r}; it needs finite numbers")
    limits = {key: column[key] for key in REFUSED if key in column}
    for key, limit in limits.items():
        wrong = REFUSED[key](values, limit)
        if wrong.any():
            raise InputError(f"{where} holds {values[wrong].iloc[0]!r}; allowed: {limits}")
