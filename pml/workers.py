"""A function on many items, in several processes, with the results in order."""

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

CHUNK = 16  # items that a worker takes at a time
_function: Callable[[Any], Any]  # of a worker


@contextmanager
def mapping(function: Callable, workers: int) -> Iterator[Callable[[Iterable], Iterator]]:
    """Yield a `map` of `function` over items; with more than one worker, each is a fork of this process.

    What the function refers to is inherited, not copied, so it must hold no GPU and no running threads. A worker that dies
    raises BrokenProcessPool.
    """
    if workers == 1:
        yield lambda items: map(function, items)
        return
    with ProcessPoolExecutor(workers, get_context("fork"), _keep, (function,)) as pool:
        try:
            yield lambda items: pool.map(_call, items, chunksize=CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


def apart(function: Callable, *arguments: Any, seconds: int) -> Any:
    """Return what a function of a module returns for the arguments, from a fork of this process.

    If it crashes the interpreter or takes longer, this process goes on with a BrokenProcessPool.
    """
    with ProcessPoolExecutor(1, get_context("fork"), signal.alarm, (seconds,)) as pool:
        return pool.submit(function, *arguments).result()


def _keep(function: Callable) -> None:
    global _function
    _function = function


def _call(item: object) -> object:
    return _function(item)
