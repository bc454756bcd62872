"""A command in a process of its own: a fork of this one, since an import of PyTorch takes longer than most jobs."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

LONGEST = 300  # seconds that it may take
SIGNALS = [signal.SIGINT, signal.SIGTERM]
LINGERING = 5  # seconds in which all its processes end after it


class Job:
    """A command that works in `folder`; what it prints goes to a file beside the folder, called for the command.

    Its end is that of the process. An exception is printed as Python shows it.
    """

    def __init__(self, command: Callable, arguments: Sequence[str], folder: Path, name: str):
        self.log = folder.with_suffix(f".{name}")
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until it answers them as a process of its own does
        self.process = os.fork()
        if self.process == 0:
            code = 1
            try:
                os.setsid()
                output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(output, 1)
                os.dup2(output, 2)
                sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
                os.chdir(folder)
                command(arguments)
                code = 0
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else int(error.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def kill(self, number: int) -> None:
        """Send a signal to it, and Ctrl-C to all its processes as a terminal does."""
        os.killpg(self.process, number) if number == signal.SIGINT else os.kill(self.process, number)

    def wait(self) -> int:
        """Return its exit code, or minus the signal that ended it; all its processes have ended then."""
        end = time.monotonic() + LONGEST
        while not (ended := os.waitpid(self.process, os.WNOHANG))[0]:
            assert time.monotonic() < end, f"still at work: {self.printed}"
            time.sleep(0.002)
        end = time.monotonic() + LINGERING
        while left := self._others():
            assert time.monotonic() < end, f"processes outlive it: {left}"
            time.sleep(0.05)
        return os.waitstatus_to_exitcode(ended[1])

    @property
    def printed(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace")

    def _others(self) -> list[str]:
        """Return the processes of its session, but for those that have ended."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
            except OSError:  # ended in the meantime
                continue
            if int(session) == self.process and state not in "ZX":
                found.append(stat.parent.name)
        return found


def check_message(printed: str) -> None:
    """Check that what a failed command printed ends in one line for its user, and has no traceback."""
    assert "Traceback" not in printed, printed
    assert printed.splitlines()[-1].startswith("error: "), printed
