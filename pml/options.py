"""The options of a method or a data format: a frozen dataclass, filled in from the config."""

import dataclasses
from collections.abc import Mapping

from pml.errors import InputError, suggest


def build_options(kind: type, options: Mapping, where: str):
    """Return an instance of the dataclass `kind`, filled in from `options`.

    Raises:
        InputError: an option is unknown (the nearest known one is suggested) or its value is refused.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    for name in options:
        if name not in known:
            raise InputError(f"{where}: unknown option '{name}'{suggest(name, known)}")
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None
