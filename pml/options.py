"""The options of a format, a protocol, a backbone or a method: a frozen dataclass, filled in from the config."""

import dataclasses
import math
from collections.abc import Mapping
from typing import get_args, get_type_hints

from pml.errors import InputError, suggest


def build_options(kind: type, options: Mapping, where: str):
    """Return an instance of the dataclass `kind`, filled in from `options`.

    Raises:
        InputError: an option is unknown (the nearest known one is suggested), or its value is of another type or refused.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    for name in options:
        if name not in known:
            raise InputError(f"{where}: unknown option '{name}'" + (suggest(name, known) if known else "; there are none"))
    types = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        value = options.get(field.name, field.default)
        if value is not field.default and (needed := _needed(types[field.name], value)):
            raise InputError(f"{where}: {field.name} is '{value}'; it needs {needed}")
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None


def _needed(kind: type, value) -> str:
    """Return what an option of the type `kind` needs in place of `value`, or "" if that will do."""
    if type(None) in get_args(kind):
        return "" if value is None else _needed(next(each for each in get_args(kind) if each is not type(None)), value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is float:
        return "" if number and math.isfinite(value) else "a number"
    if kind is int:
        return "" if isinstance(value, int) and number else "a whole number"
    if kind is bool:
        return "" if isinstance(value, bool) else "true or false"
    return "a text" if kind is str and not isinstance(value, str) else ""
