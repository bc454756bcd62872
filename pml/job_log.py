"""The log of a job: whether the job runs, and what it said last."""

import fcntl
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from pml.locks import lock

TAIL = 20_000  # bytes that are looked at


def hold_log() -> None:
    """Lock the file that stderr goes to, if it goes to one, until this process and those that it starts have ended.

    So another process can tell a job that runs from one that was killed, on whatever machine of a shared disk it runs.
    """
    with suppress(OSError, ValueError):  # no file, or a disk that knows no locks
        if stat.S_ISREG(os.fstat(sys.stderr.fileno()).st_mode):
            fcntl.flock(sys.stderr.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_held(log: Path) -> bool:
    """Tell whether a job that writes this log runs."""
    with suppress(OSError), log.open("rb") as file:
        return not lock(file)
    return False


def last_words(log: Path) -> tuple[bool, list[str]]:
    """Return whether a job has failed by itself, and its error lines, or else the last line of its log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return bool(errors) or any(line.startswith("Traceback ") for line in lines), errors or lines[-1:]
