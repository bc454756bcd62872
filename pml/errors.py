"""The one error a user is meant to read, and how a stage ends on it, on an error of the disk, and on being interrupted."""

import atexit
import errno
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

PATH = (str, bytes, os.PathLike)
SHOWN = 50  # names of a list
AGAIN = "give the same command again; what is finished is kept"
FULL = f"no space is left on its disk; free some and {AGAIN}"
DENIED = "no permission; give yourself the right to it, or work in another folder"
IN_THE_WAY = "a file is where a folder should be, or a folder where a file; move it away"
# What the disk says of itself, whatever is written.
OF_DISK = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: f"your share of its disk is used up; free some and {AGAIN}",
    errno.EROFS: "its disk is read-only; make it writable, or work in another folder",
    errno.EIO: f"its disk fails; check the disk, or work on another one, and {AGAIN}",
    errno.EFBIG: "it is larger than its disk or your limits allow; raise them, or work on another disk",
}
OF_PATH = {
    errno.ENOENT: "there is no such file or folder; run what makes it, or correct the name",
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EEXIST: IN_THE_WAY,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EISDIR: IN_THE_WAY,
    errno.ENOTEMPTY: IN_THE_WAY,
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EPIPE: "what read it has ended; start that again",
}


class InputError(Exception):
    """Bad input. Each message, one line whatever it quotes, names the file, the field and the remedy.

    Attributes:
        problems: the messages, more than one where several things were checked.
    """

    def __init__(self, *messages: str):
        self.problems = ["".join(one if one.isprintable() else repr(one)[1:-1] for one in message) for message in messages]
        super().__init__("; ".join(self.problems))


class Interruption(KeyboardInterrupt):
    """Ctrl-C or SIGTERM. Of a plain KeyboardInterrupt in what `exec` runs, Python ends by SIGINT, even if it was caught."""


def suggest(unknown: object, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known name nearest to `unknown`, else the first of the known names."""
    known = sorted(set(known))
    near = get_close_matches(str(unknown), known, n=1)
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(known[:SHOWN])}{more}"


def remedy_of(error: OSError) -> str:
    """Return what an error of the disk says, and what to do."""
    known = OF_DISK | OF_PATH
    return known.get(error.errno or 0, f"{error.strerror or error}; check the disk, and {AGAIN}")


def disk_error(error: BaseException | None, *paths: Path) -> OSError | None:
    """Return the error of the disk that an error is, or on whose occasion it was raised; None if it is another's.

    Libraries raise errors of their own on the occasion: PyTorch a RuntimeError, Pillow an OSError without a number.

    Args:
        paths: the files and folders that were written. An error that names another one is not theirs.
    """
    while error is not None:
        if isinstance(error, OSError):
            named = [Path(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, PATH)]
            if any(path == name or path in name.parents or name in path.parents for name in named for path in paths):
                return error
            if not named and error.errno in OF_DISK:
                return error
        error = error.__context__
    return None


def stage_main(main: Callable[..., None]) -> Callable[..., None]:
    """Wrap a stage's `main` so that what a user can mend is one line on stderr, without a traceback.

    That is each problem of an `InputError`, or an error of the disk, with exit code 2; or Ctrl-C or SIGTERM, with 130 or 143.
    For these `main` gets an `Interruption`, to clean up; the line tells the notes that it adds.
    """

    @functools.wraps(main)
    def wrapped(*arguments: Any, **options: Any) -> None:
        received: list[int] = []

        def interrupt(number: int, frame: object) -> None:
            received.append(number)
            raise Interruption

        def interrupt_again(unraisable: "sys.UnraisableHookArgs") -> None:
            if unraisable.exc_type is Interruption:  # it came in a finaliser, whose errors go nowhere
                threading.Timer(0.01, os.kill, (os.getpid(), received[0])).start()
            else:
                hook(unraisable)

        hook, sys.unraisablehook = sys.unraisablehook, interrupt_again
        # What is ignored from the start, as in a shell's background, stays so.
        answered = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) != signal.SIG_IGN]
        before = {each: signal.signal(each, interrupt) for each in answered}
        try:
            main(*arguments, **options)
            sys.stdout.flush()
        except BaseException as error:
            for each in answered:
                signal.signal(each, signal.SIG_DFL)  # a second one breaks off what follows
            # Whatever came of it: a library may answer an interruption with an error of its own.
            line = _interruption(error) if received else _complaint(error)
            if line is None:
                raise
            _end(line, 128 + received[0] if received else 2)
        finally:
            sys.unraisablehook = hook
            for each, handler in before.items():
                signal.signal(each, handler)
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which ends the rest without a traceback

    return wrapped


def _interruption(error: BaseException) -> str | None:
    """Return the line of a process that was interrupted; of several processes of torchrun one has it."""
    if os.environ.get("RANK", "0") != "0":
        return ""
    notes = "; ".join(getattr(error, "__notes__", [])) or "what is finished is kept"
    return f"interrupted: {notes}; give the same command again to go on"


def _complaint(error: BaseException) -> str | None:
    """Return the line of what a user can mend; None for an error of the code."""
    if isinstance(error, InputError):
        return "\n".join(f"error: {problem}" for problem in error.problems)
    if isinstance(error, OSError) and isinstance(error.filename, PATH):
        return f"error: {InputError(f'{os.fsdecode(error.filename)}: {remedy_of(error)}')}"
    if isinstance(error, OSError) and error.errno in {*OF_DISK, errno.EPIPE}:
        return f"error: output: cannot be written, {remedy_of(error)}"
    return None


def _end(line: str, code: int) -> None:
    for name, text in (("stdout", ""), ("stderr", line)):
        try:
            print(text, end="\n" if text else "", file=getattr(sys, name), flush=True)
        except OSError:
            setattr(sys, name, None)  # its disk is full, and Python would fail on it again at the end of the process
    sys.exit(code)
