"""Progress of long work: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Iterable, Iterator, Sized
from time import monotonic
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LOG_SECONDS = 15


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
