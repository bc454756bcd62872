"""The options of a format, a protocol, a backbone or a method: a frozen dataclass, filled in from the config."""

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pml.errors import InputError, suggest

NEEDED = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """There are none."""


def build_options(kind: type, options: Mapping, where: str) -> Any:
    """Return an instance of the dataclass `kind`, filled in from `options`.

    A field's type says what it takes: a number, a whole number, true or false, a text, or one of the values of a `Literal`.

    Raises:
        InputError: an option is unknown (the nearest known one is suggested) or missing, or its value is of another type or
            refused.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    types = get_type_hints(kind)
    for name, value in options.items():
        if name not in defaults:
            raise InputError(
                f"{where}: unknown option '{name}'" + (suggest(name, defaults) if defaults else "; there are none")
            )
        if value is not defaults[name] and (needed := _needed(types[name], value)):
            raise InputError(f"{where}: {name} is '{value}'; it needs {needed}")
    if missing := [name for name, default in defaults.items() if default is dataclasses.MISSING and name not in options]:
        raise InputError(f"{where}: give the option '{missing[0]}'")
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None


def require_above(bound: float, **options: float) -> None:
    """Raise a ValueError that names it unless each of the options is above `bound`."""
    for name, value in options.items():
        if not value > bound:
            raise ValueError(f"{name} is {value}; it needs a number above {bound}")


def require_at_least(least: float, **options: float) -> None:
    """Raise a ValueError that names it unless each of the options is at least `least`."""
    for name, value in options.items():
        if not value >= least:
            raise ValueError(f"{name} is {value}; it needs a number of at least {least}")


def _needed(kind: Any, value: object) -> str:
    """Return what an option of the type `kind` needs in place of `value`, or "" if that will do."""
    if get_origin(kind) is Literal:
        return "" if value in get_args(kind) else " or ".join(f"'{each}'" for each in get_args(kind))
    if NoneType in get_args(kind):
        (other,) = set(get_args(kind)) - {NoneType}
        return "" if value is None else _needed(other, value)
    fits = type(value) is kind or (kind is float and type(value) is int)
    finite = not isinstance(value, float) or math.isfinite(value)
    return "" if fits and finite or kind not in NEEDED else NEEDED[kind]
