"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Iterable, Iterator, Sized
from time import monotonic
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LOG_SECONDS = 15
# By the least seconds that each unit is for, in how many seconds it is, and what its parts are called.
UNITS = [(2 * 86400, 86400, "d", 3600, "h"), (2 * 3600, 3600, "h", 60, "min")]


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield from `items`, showing on stderr how many are done: as a bar on a terminal, else a line now and then."""
    total = len(items) if total is None and isinstance(items, Sized) else total
    if sys.stderr.isatty():
        yield from tqdm(items, description, total)
        return
    start = shown = monotonic()
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        if monotonic() - shown >= LOG_SECONDS:
            shown = monotonic()
            print(f"{description}: {done}/{total or '?'} in {shown - start:.0f} s", file=sys.stderr, flush=True)
    print(f"{description}: {done} done in {monotonic() - start:.1f} s", file=sys.stderr, flush=True)


def bar(description: str, total: int) -> tqdm:
    """Return a bar for work that tells by itself in the log how far it is; where there is no terminal it shows nothing."""
    return tqdm(desc=description, total=total, file=sys.stderr, disable=not sys.stderr.isatty())


def say(line: str) -> None:
    """Write a line to stderr, above the bar if there is one."""
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


def duration(seconds: float) -> str:
    """Return a time as people say it, with two digits that count."""
    for least, unit, name, part, part_name in UNITS:
        if seconds >= least:
            whole, rest = divmod(round(seconds / part) * part, unit)
            return f"{whole:.0f} {name} {rest / part:.0f} {part_name}"
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
