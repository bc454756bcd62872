"""Stage: errors beyond the mean: the cumulative score up to each error (left) and the MAE in each decade of age (right).

Both are of the images that all methods were tested on. Below each decade stands its number of test images.
"""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pml.errors import InputError
from pml.files import read_table
from pml.reporting.style import MARKERS, PAGE, finish, line_style
from pml.task import Task

THRESHOLDS = range(11)  # years


def draw_errors_by_age(task: Task) -> None:
    """Draw the figure from the metrics of an experiment.

    Raises:
        InputError: a table lacks a method of the experiment.
    """
    metrics, decades = (read_table(task.inputs[name], name) for name in ("metrics", "decades"))
    methods = task.settings["methods"]
    for name, table in (("metrics", metrics), ("decades", decades)):
        if missing := {entry["method"] for entry in methods} - set(table["method"]):
            raise InputError(f"{task.inputs[name]}: column 'method' lacks {sorted(missing)}; evaluate the experiment again")
    finish(draw(metrics, decades, methods), task)


def draw(metrics: pd.DataFrame, decades: pd.DataFrame, methods: Sequence[dict]) -> Figure:
    """Draw the figure.

    Args:
        metrics: as metrics.schema.yaml.
        decades: as decades.schema.yaml.
        methods: each with its name, its label and its place in the config.
    """
    figure = Figure(figsize=(PAGE, 2.45 + 0.18 * -(-len(methods) // 4)))
    left, right = figure.subplots(1, 2)
    scores = metrics[metrics["scope"] == "common"].set_index("method")
    decades = decades[decades["scope"] == "common"]
    for entry in methods:
        method, place = entry["method"], entry["place"]
        style = line_style(place) | {"marker": MARKERS[place % len(MARKERS)], "label": entry["label"]}
        left.plot(THRESHOLDS, [100 * scores.loc[method, f"cs_{years}"] for years in THRESHOLDS], **style)
        errors = decades[decades["method"] == method].sort_values("decade")
        right.plot(errors["decade"], errors["mae"], **style)
    left.set(xlabel="error of at most (years)", ylabel="images (%)", ylim=(0, 100), xticks=THRESHOLDS)
    left.set_title("cumulative score")
    _label_decades(right, decades[decades["method"].isin(entry["method"] for entry in methods)])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(methods)))
    return figure


def _label_decades(axis: Axes, decades: pd.DataFrame) -> None:
    images = decades.groupby("decade")["images"].max()
    ticks = [f"{decade}s\n{count}" for decade, count in images.items()]
    axis.set_xticks(images.index, ticks)
    axis.set_ylim(bottom=0)
    axis.set(xlabel="decade of age, number of test images", ylabel="MAE (years)", title="error by age")
