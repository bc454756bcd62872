"""The one error a user is meant to read, and how a stage ends on it."""

import functools
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any


class InputError(Exception):
    """Bad input. The message, one line whatever it quotes, names the file, the field and the remedy."""

    def __init__(self, message: str):
        super().__init__("".join(one if one.isprintable() else repr(one)[1:-1] for one in message))


def suggest(unknown: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name nearest to `unknown`, else the list of known names."""
    known = sorted(known)
    near = get_close_matches(str(unknown), known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"


def stage_main(main: Callable[..., None]) -> Callable[..., None]:
    """Wrap a stage's `main` so that an `InputError` is one line on stderr and exit code 2, without a traceback."""

    @functools.wraps(main)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            main(*arguments, **options)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    return wrapped
