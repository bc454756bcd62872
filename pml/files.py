"""Files that cross a stage: written whole or not at all, and checked against their schema on both sides."""

import errno
import fcntl
import glob
import json
import operator
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

import pandas as pd
import yaml

from pml.errors import InputError, disk_error, remedy_of

SCHEMAS, PUBLISHED = Path(__file__).parent / "schemas", Path(__file__).parent / "published"
RANDOM = "[a-z0-9_]" * 8  # what `tempfile` puts after a prefix
DTYPES = {"string": "str", "number": "float64"}
# By each limit that a schema may set: whether it refuses each of the values.
REFUSED: dict[str, Callable[[pd.Series, Any], pd.Series]] = {
    "minimum": operator.lt,
    "exclusiveMinimum": operator.le,
    "maximum": operator.gt,
    "enum": lambda values, allowed: ~values.isin(allowed),
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
        InputError: the file is missing or is not a CSV, or a column is missing, unknown, of another type or out of bounds.
    """
    columns = load_schema(schema)["properties"]
    dtypes = {name: DTYPES[_kind(column)] for name, column in columns.items() if _kind(column) in DTYPES}
    try:
        # Only an empty field is missing: a subject may be called "NA".
        frame = pd.read_csv(path, dtype=dtypes, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it") from None
    except ValueError as error:
        raise InputError(f"{path}: not a {schema} table: {error}") from None
    return check_table(frame, schema, path)


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
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None


def check_table(frame: pd.DataFrame, schema: str, path: str | Path) -> pd.DataFrame:
    """Return `frame` with the columns in the schema's order.

    Raises:
        InputError: a column is missing, unknown, of another type, or holds a value out of bounds or empty.
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
    if _kind(column) == "integer" and len(values) and not pd.api.types.is_integer_dtype(values):
        raise InputError(f"{where} holds {values.iloc[0]!r}; it needs whole numbers")
    if _kind(column) == "number" and len(values) and not pd.api.types.is_numeric_dtype(values):
        raise InputError(f"{where} holds {values.iloc[0]!r}; it needs numbers")
    limits = {key: column[key] for key in REFUSED if key in column}
    for key, limit in limits.items():
        wrong = REFUSED[key](values, limit)
        if wrong.any():
            raise InputError(f"{where} holds {values[wrong].iloc[0]!r}; allowed: {limits}")
