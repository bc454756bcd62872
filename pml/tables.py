"""CSV tables that cross a stage, checked against their schema on both sides."""

import operator
import os
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pml.errors import InputError
from pml.files import AGAIN, replacing

SCHEMAS, PUBLISHED = Path(__file__).parent / "schemas", Path(__file__).parent / "published"
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


def write_table(frame: pd.DataFrame, path: str | Path, schema: str) -> None:
    """Check `frame` against its schema, order its columns as there, and write it as CSV."""
    frame = check_table(frame, schema, path)
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


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


def check_indexed(images: Iterable[str], path: str | Path, index: Iterable[str], index_path: str | Path) -> None:
    """Check that the index has every one of the `images` that the file at `path` names.

    Raises:
        InputError: it lacks one.
    """
    if unknown := set(images) - set(index):
        raise InputError(f"{path}: image '{min(unknown)}' is not in {index_path}; run again the stage that writes {path}")


def load_schema(name: str) -> dict:
    """Return what the table `name` holds, the caller's own: for each of its columns, in order, the JSON schema of a value."""
    return deepcopy(_parsed_schema(name))


@cache
def _parsed_schema(name: str) -> dict:
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())


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
