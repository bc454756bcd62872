"""Locks that tell one process whether another is at work on a file."""

import fcntl
from typing import IO


def lock(file: IO) -> bool:
    """Lock a file until it is closed, and tell whether no other process holds it; no lock is held where the disk knows none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
