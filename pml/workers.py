"""A function on many items, in several processes, with the results in order; and processes that end with their parent."""

import ctypes
import multiprocessing
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from pml.errors import InputError

CHUNK = 16  # items that a worker takes at a time
AHEAD = 3  # chunks for each worker that are given out before their results are asked for
MOST_MEMORY = 4 * 2**30  # bytes that a function may take apart; IMDB's labels, the largest, take a quarter
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_function: Callable[[Any], Any]  # of a worker


@contextmanager
def mapping(function: Callable, workers: int, chunk: int = CHUNK) -> Iterator[Callable[[Iterable], Iterator]]:
    """Yield a `map` of `function` over items; with more than one worker, each is a fork of this process.

    What the function refers to is inherited, not copied, so it must hold no GPU and no running threads. Items are drawn as
    results are taken, so neither pile up, however many there are.

    Raises:
        InputError: a worker was killed.
    """
    if workers == 1:
        yield lambda items: map(function, items)
        return
    try:
        with pool_of(workers, "fork", _keep, function) as pool:
            yield lambda items: _in_order(pool, iter(items), workers, chunk)
    except BrokenProcessPool:
        problem = f"one of {workers} worker processes was killed, probably for lack of memory"
        raise InputError(f"{problem}; give the same command again with fewer threads or more memory") from None


def apart(function: Callable, *arguments: Any, seconds: int) -> Any:
    """Return what a function of a module returns for the arguments, from a fork of this process.

    If it crashes the interpreter or takes longer, this process goes on with a BrokenProcessPool that says so. On Linux it gets
    a MemoryError if it takes much more memory than this process has.
    """
    try:
        with pool_of(1, "fork", _limit, seconds) as pool:
            return pool.submit(function, *arguments).result()
    except BrokenProcessPool:
        raise BrokenProcessPool(f"its reader crashed, ran out of memory or took more than {seconds} seconds") from None


@contextmanager
def pool_of(workers: int, start: str, begin: Callable, *arguments: Any) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes that each call `begin` first; they end with the block, or with this process if it is killed.

    Args:
        start: "fork" or "spawn".
    """
    with ProcessPoolExecutor(workers, multiprocessing.get_context(start), _begin, (os.getpid(), begin, arguments)) as pool:
        try:
            yield pool
        except BaseException:
            for worker in multiprocessing.active_children():  # lest this process wait for what nobody will ask for
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def interrupted_later() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block; for what is started in it, it never comes."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with(parent: int) -> None:
    """Let this process be killed when its parent, of this number, ends; it does so on Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it has ended already


def _begin(parent: int, begin: Callable, arguments: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too, which ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with(parent)
    begin(*arguments)


def _limit(seconds: int) -> None:
    signal.alarm(seconds)
    if sys.platform == "linux":
        data = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        limit = data + MOST_MEMORY if most == resource.RLIM_INFINITY else min(data + MOST_MEMORY, most)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _keep(function: Callable) -> None:
    global _function
    _function = function


def _in_order(pool: ProcessPoolExecutor, items: Iterator, workers: int, chunk: int) -> Iterator:
    waiting: deque[Future] = deque()
    while True:
        while len(waiting) < AHEAD * workers and (some := list(islice(items, chunk))):
            waiting.append(pool.submit(_call_each, some))
        if not waiting:
            return
        yield from waiting.popleft().result()


def _call_each(items: list) -> list:
    return [_function(item) for item in items]
