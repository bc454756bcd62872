"""Stage: the cumulative score, the share of images within each error, on the images that all methods were tested on."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from pml.evaluation.metrics import CS_THETAS
from pml.reporting.style import COLUMN, MARKERS, finish, line_style
from pml.reporting.table import read_methods
from pml.task import Task

LEGEND_COLUMNS = 2


def draw_cumulative_score(task: Task) -> None:
    """Draw the figure from the metrics of an experiment.

    Raises:
        InputError: the metrics lack a method of the experiment.
    """
    methods = task.settings["methods"]
    finish(draw(read_methods(task.inputs["metrics"], "metrics", methods), methods), task)


def draw(metrics: pd.DataFrame, methods: Sequence[dict]) -> Figure:
    """Draw the figure.

    Args:
        metrics: as metrics.schema.yaml.
        methods: each with its name, its label and its place in the config.
    """
    figure = Figure(figsize=(COLUMN, 2.2 + 0.15 * -(-len(methods) // LEGEND_COLUMNS)))
    axis = figure.subplots()
    scores = metrics[metrics["scope"] == "common"].set_index("method")
    for entry in methods:
        style = line_style(entry["place"]) | {"marker": MARKERS[entry["place"] % len(MARKERS)], "label": entry["label"]}
        axis.plot(CS_THETAS, [100 * scores.loc[entry["method"], f"cs_{years}"] for years in CS_THETAS], **style)
    axis.set(xlabel="error of at most (years)", ylabel="images (%)", ylim=(0, 100), xticks=CS_THETAS)
    figure.legend(loc="outside lower center", ncols=LEGEND_COLUMNS)
    return figure
