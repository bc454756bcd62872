"""Stage: training curves: the loss and each of its terms over the epochs, one panel per term.

A line is a method's mean over its runs (folds and seeds), its band the range from the 10th to the 90th percentile of the runs.
Methods minimise different losses, so only terms of the same meaning compare in height; elsewhere look at the shape.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pml.reporting.style import COLUMN, GREY, PAGE, finish, line_style
from pml.tables import read_numbers
from pml.task import Task
from pml.training.run_directory import check_run, read_runs

COLUMNS = 4
LOG_RATIO = 20  # an axis is logarithmic if its greatest mean exceeds its least by more than this factor


def draw_training_curves(task: Task) -> None:
    """Draw the histories of the runs that the tables of finished runs list."""
    histories = load_histories(read_runs(task.inputs["jobs"]))
    finish(draw(histories, task.settings["methods"], task.settings["courses"]), task)


def load_histories(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the loss terms of all runs in long form: method, epoch, term, value, the terms in their order of appearance.

    A run without history.csv is one of a method that is not trained, and is left out.

    Raises:
        InputError: a history is damaged, or has no epoch or loss.
    """
    frames = []
    for method, run in zip(runs["method"], runs["run"], strict=True):
        path = Path(run) / "history.csv"
        check_run(path.parent, path.name)
        if not path.exists():
            continue
        history = read_numbers(path, ["epoch", "loss"]).drop(columns="learning_rate", errors="ignore")
        terms = history.melt("epoch", var_name="term").replace([np.inf, -np.inf], np.nan)
        frames.append(terms.assign(method=method))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def summarise(histories: pd.DataFrame) -> pd.DataFrame:
    """Return mean, low and high (10th and 90th percentile) over the runs, indexed by term, method and epoch."""
    values = histories.groupby(["term", "method", "epoch"], sort=False)["value"]
    return pd.DataFrame({"mean": values.mean(), "low": values.quantile(0.1), "high": values.quantile(0.9)}).dropna()


def draw(histories: pd.DataFrame, methods: Sequence[dict], courses: Sequence[int] = ()) -> Figure:
    """Draw the figure.

    Args:
        histories: as `load_histories` returns them.
        methods: each with its name, its label and its place in the config.
        courses: the last epoch of each curriculum but the last one, where a line is drawn.
    """
    if histories.empty:  # an experiment of references alone, which are not trained
        figure = Figure(figsize=(COLUMN, 0.8))
        figure.text(0.5, 0.3, "no method of this experiment is trained", ha="center")
        return figure
    summary = summarise(histories)
    terms, trained = histories["term"].unique(), set(histories["method"])
    methods = [entry for entry in methods if entry["method"] in trained]
    columns = min(COLUMNS, len(terms))
    rows = -(-len(terms) // columns)
    figure = Figure(figsize=(max(COLUMN, PAGE * columns / COLUMNS), 0.6 + 0.18 * -(-len(methods) // 4) + 1.6 * rows))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, term in zip(axes, terms, strict=False):
        _draw_term(axis, summary.loc[term], methods)
        for epoch in courses:
            axis.axvline(epoch + 0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axis.set(title=term.replace("_", " "), xlabel="epoch")
    for axis in axes[len(terms) :]:
        axis.remove()
    # Not every method has every term, but all have a loss.
    handles, names = axes[list(terms).index("loss")].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(names)))
    return figure


def _draw_term(axis: Axes, summary: pd.DataFrame, methods: Sequence[dict]) -> None:
    for entry in methods:
        if entry["method"] not in summary.index:
            continue
        curve = summary.loc[entry["method"]].sort_index()
        style = line_style(entry["place"])
        # A single epoch is a point, which a line would not show.
        axis.plot(curve.index, curve["mean"], label=entry["label"], marker="." if len(curve) == 1 else "", **style)
        axis.fill_between(curve.index, curve["low"], curve["high"], color=style["color"], alpha=0.2, linewidth=0)
    if summary["low"].min() > 0 and summary["mean"].max() > LOG_RATIO * summary["mean"].min():
        axis.set_yscale("log")
    axis.locator_params(axis="x", integer=True, nbins=5)
