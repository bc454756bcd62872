"""A run while it goes on: its history on the disk, a bar on a terminal, and a logger of the user's choice.

The logger is named by an environment variable, not by the config: what a run is follows from its config, and who watches it
does not. So it is switched on and off without another fingerprint, and no job runs again.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pml.errors import InputError
from pml.files import writing
from pml.progress import bar, say
from pml.registry import find
from pml.training import processes
from pml.training.run_directory import write_rows

LOGGER = "PML_LOGGER"
History = list[dict[str, float]]  # a row for each epoch
Log = Callable[[int, dict[str, float]], object]  # of an epoch, from 1, and the numbers of its row by name


@contextmanager
def following(directory: Path, name: str, epochs: int) -> Iterator[Callable[[History], None]]:
    """Yield what is to be called with the history at the end of each epoch of a run; of several processes, the first follows.

    Raises:
        InputError: the logger that the environment names cannot be opened.
    """
    if processes.rank() > 0:
        yield lambda history: None
        return
    file = HistoryFile(directory / "history.csv")
    with open_logger(directory) as log, bar(name, epochs) as shown:

        def end_epoch(history: History) -> None:
            file.add(history)
            log(len(history), {name: value for name, value in history[-1].items() if name != "epoch"})
            shown.update(len(history) - shown.n)

        yield end_epoch


class HistoryFile:
    """history.csv, which grows by a row at the end of each epoch.

    The first call writes all rows anew. So after a restart, what a process that died had written behind its checkpoint is gone.
    """

    def __init__(self, path: Path):
        self.path = path
        self.columns: list[str] = []

    def add(self, history: History) -> None:
        """Write the last row of the history, or all rows if its columns are not those of the row before."""
        row = history[-1]
        if list(row) != self.columns:
            self.columns = list(row)
            write_rows(self.path, history)
            return
        with writing(self.path), self.path.open("a") as file:
            file.write(",".join("" if value != value else str(value) for value in row.values()) + "\n")


@contextmanager
def open_logger(directory: Path) -> Iterator[Log]:
    """Yield the logger of a run, which the environment names by a short name or as `module:Name`; it does nothing if none is.

    It is a function of the run directory that returns a context manager of a `Log`. What fails in it later is a warning, for
    nobody wants to lose a run to the one who watches it.

    Raises:
        InputError: there is no such logger, or it cannot be opened.
    """
    name = os.environ.get(LOGGER)
    if not name:
        yield lambda step, values: None
        return
    stack, failed = ExitStack(), False

    def safely(work: Callable[..., object], *arguments: object) -> None:
        nonlocal failed
        try:
            if not failed:
                work(*arguments)
        except Exception as error:  # whatever another's code does
            failed = True
            say(f"warning: {LOGGER}={name} fails, and the run goes on without it: {type(error).__name__}: {error}")

    try:
        log = stack.enter_context(find("logger", name)(directory))
    except InputError as error:
        raise InputError(f"{LOGGER}: {error}") from None
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{LOGGER}: '{name}' cannot be opened: {reason}; correct it, or unset {LOGGER}") from None
    try:
        yield lambda step, values: safely(log, step, values)
    finally:
        safely(stack.close)


@contextmanager
def tensorboard(directory: Path) -> Iterator[Log]:
    """Yield a `Log` for TensorBoard, in a folder of the run directory.

    Raises:
        InputError: the package tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        remedy = f"pip install tensorboard, or unset {LOGGER}"
        raise InputError(f"the package tensorboard cannot be imported ({error}); {remedy}") from None
    with SummaryWriter(directory / "tensorboard") as writer:

        def log(step: int, values: dict[str, float]) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)
            writer.flush()

        yield log
