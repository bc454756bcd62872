"""Stage: the figure that a method draws of one of its runs, and a table of what it shows."""

from pathlib import Path
from pkgutil import resolve_name

import torch

from pml.errors import InputError
from pml.files import replacing
from pml.reporting.style import finish
from pml.tables import read_numbers
from pml.task import Task
from pml.training.model import load_model
from pml.training.run_directory import REDO, check_run


def draw_diagnostics(task: Task) -> None:
    """Draw a run by its method's `figure`.

    Raises:
        InputError: the run has no model or no diagnostics, or its method draws nothing.
    """
    run = Path(task.settings["run"])
    model, settings = load_model(run, torch.device("cpu"))
    if model.method.figure is None:
        raise InputError(f"{run}: method '{settings.method}' has no figure; name a run of one that draws its diagnostics")
    check_run(run, "diagnostics.csv")
    diagnostics = read_numbers(run / "diagnostics.csv")
    try:
        figure, table = resolve_name(model.method.figure)(model.method, diagnostics)
    except KeyError as error:
        raise InputError(f"{run / 'diagnostics.csv'}: no column {error}; {REDO}") from None
    finish(figure, task)
    with replacing(task.outputs["csv"]) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
