"""Stage: the figures of one experiment, one after the other; a process for each would spend most of its time on imports."""

from dataclasses import replace

from pml.reporting.calibration import draw_calibration
from pml.reporting.cumulative_score import draw_cumulative_score
from pml.reporting.curves import draw_training_curves
from pml.reporting.error_against_age import draw_error_against_age
from pml.reporting.shots import draw_shots
from pml.task import Task

FIGURES = {
    "training_curves": draw_training_curves,
    "cumulative_score": draw_cumulative_score,
    "error_against_age": draw_error_against_age,
    "shots": draw_shots,
    "calibration": draw_calibration,
}


def draw_experiment(task: Task) -> None:
    """Draw all figures; the task has the inputs and the settings of each, and outputs named `<figure>_<kind>`."""
    for name, draw in FIGURES.items():
        own = {key.removeprefix(f"{name}_"): path for key, path in task.outputs.items() if key.startswith(f"{name}_")}
        draw(replace(task, outputs=own))
