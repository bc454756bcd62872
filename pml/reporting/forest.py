"""Stage: a forest plot of a comparison: how far each row lies from the reference, on all images and on few-shot ones.

It draws what the comparison's table holds and computes nothing of its own.
"""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pml.errors import InputError
from pml.evaluation.verdict import EQUIVALENT, REFERENCE, SHOWN
from pml.reporting.style import GREY, PAGE, finish, line_style
from pml.reporting.table import as_text
from pml.tables import read_table
from pml.task import Task

PANELS = {"difference": "all images", "difference_few": "few-shot images"}  # by the columns that they show
FAR = 4  # rows that reach more than so many times as far from 0 as the median row run off the axis, lest they press it flat
SHADE = "#EEEEEE"
LEAST_HEIGHT = 2.0  # inches, for the words around a single row
CHARACTERS = 40  # of a label before it is broken
TEXT: dict[str, Any] = {"va": "center_baseline", "fontsize": 6.5, "color": "#555555"}


def draw_forest(task: Task) -> None:
    """Draw the figure from the table of a comparison.

    Raises:
        InputError: the table has no reference, or a method that the config does not compare.
    """
    path, places = task.inputs["table"], task.settings["places"]
    table = read_table(path, "comparison")
    if not (table["verdict"] == REFERENCE).any():
        raise InputError(f"{path}: column 'verdict' has no row 'reference'; write the table again")
    if unknown := sorted(set(table["method"]) - set(places)):
        raise InputError(f"{path}: column 'method' has {unknown}, which the config does not compare; write the table again")
    finish(draw(table, places, task.settings["margin"]), task)


def draw(table: pd.DataFrame, places: dict[str, int], margin: float) -> Figure:
    """Draw the figure, a line for each row of the table, downwards in its order.

    Args:
        table: as comparison.schema.yaml.
        places: of each method's label, its place in the config.
        margin: years within which a difference counts as none; shaded.
    """
    several = table["experiment"].nunique() > 1
    labels = table["method"].map(lambda label: fill(label, CHARACTERS))
    heights = labels.str.count("\n") + 1
    # Where there are several experiments, a line with the name of each stands above its rows.
    heads = (table["experiment"] != table["experiment"].shift()).cumsum() if several else 0
    table = table.assign(line=heights.cumsum() - (heights + 1) / 2 + heads, head=heights.cumsum() - heights + heads - 1)
    lines = table["line"].max() + heights.iloc[-1] / 2 + 0.5
    figure = Figure(figsize=(PAGE, max(LEAST_HEIGHT, 1.15 + 0.16 * lines)))
    axes = figure.subplots(1, len(PANELS), sharey=True)
    reference = table[table["verdict"] == REFERENCE].iloc[0]
    name = reference["method"] + (f" in {reference['experiment']}" if several else "")
    xlabel = fill(f"error minus that of {name}", CHARACTERS) + "\n(years; negative is better)"
    for axis, (column, title) in zip(axes, PANELS.items(), strict=True):
        axis.set(title=title, xlabel=xlabel)
        axis.axvspan(-margin, margin, color=SHADE, linewidth=0, zorder=-1)
        _draw_rows(axis, table, column, places)
    axes[0].set_ylim(lines - 0.4, -0.6)
    axes[0].set_yticks(table["line"], labels)
    if several:
        for experiment, head in table.groupby("experiment", sort=False)["head"].min().items():
            place = axes[0].get_yaxis_transform()
            axes[0].text(-0.03, head, experiment, transform=place, ha="right", va="center_baseline", fontweight="bold")
    _write_beside(axes[0], table["line"], "images", as_text(table["images_paired"], "{:,d}"), 38)
    _write_beside(axes[0], table["line"], "seeds", as_text(table["seeds"], "{:d}"), 62)
    _write_beside(axes[1], table["line"], "images", as_text(table["images_few"], "{:,d}"), 38)
    points = {"a difference is shown": ("o", "black"), "no difference shown": ("o", "white"), "equivalent": ("s", "white")}
    handles: list[Artist] = [
        Line2D([], [], color="black", marker=marker, markerfacecolor=face, label=label)
        for label, (marker, face) in points.items()
    ]
    handles.append(Patch(color=SHADE, linewidth=0, label=f"within {margin:g} years"))
    handles.append(Line2D([], [], color="black", marker="D", linestyle="", label="reference"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def shown_range(ends: pd.DataFrame) -> tuple[float, float]:
    """Return the first and the last value of an axis that has 0 and the rows of `ends`, but for those that are `FAR` off.

    Args:
        ends: a row for each difference, with its value and the ends of its interval, which may be NaN.
    """
    reach = ends.abs().max(axis=1)
    near = ends[reach <= FAR * reach.median()]
    low, high = min(near.min(axis=None), 0), max(near.max(axis=None), 0)
    margin = 0.06 * (high - low) or 1
    return low - margin, high + margin


def _draw_rows(axis: Axes, table: pd.DataFrame, column: str, places: dict[str, int]) -> None:
    """Draw the differences that stand in a column, with their intervals."""
    verdicts = table[f"verdict{column.removeprefix('difference')}"]
    is_reference = verdicts == REFERENCE
    ends = table.loc[~is_reference, [column, f"{column}_low", f"{column}_high"]].dropna(subset=column)
    left, right = shown_range(ends) if len(ends) else (-1.0, 1.0)
    axis.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axis.plot(np.zeros(is_reference.sum()), table.loc[is_reference, "line"], "D", color="black")
    for row, (value, low, high) in ends.iterrows():
        line, colour = table.loc[row, "line"], line_style(places[table.loc[row, "method"]])["color"]
        style = {"color": colour, "markerfacecolor": colour if verdicts[row] in SHOWN else "white"}
        axis.plot([low, high], [line, line], color=colour)
        axis.plot(value, line, "s" if verdicts[row] == EQUIVALENT else "o", **style)
        for end, arrow, leaves in ((left, "<", min(low, value) < left), (right, ">", max(high, value) > right)):
            if leaves:
                axis.plot(end, line, arrow, clip_on=False, **style)
        if not left <= value <= right:
            end, side, gap = (left, "left", 6) if value < left else (right, "right", -6)
            text, behind = f"{value:+.2f}".replace("-", "−"), {"facecolor": "white", "edgecolor": "none", "pad": 1}
            axis.annotate(text, (end, line), (gap, 0), textcoords="offset points", ha=side, bbox=behind, **TEXT)
    for line in table.loc[table[column].isna(), "line"]:
        axis.text(0.5, line, "no common images", transform=axis.get_yaxis_transform(), ha="center", **TEXT)
    axis.set_xlim(left, right)
    axis.tick_params(axis="y", length=0, pad=8)  # room for an arrow
    axis.spines["left"].set_visible(False)


def _write_beside(axis: Axes, lines: pd.Series, name: str, cells: pd.Series, points: int) -> None:
    """Write a column of text below its name, ending so many points right of a panel."""
    for line, cell in [(-1, name), *zip(lines, cells, strict=True)]:
        place = axis.get_yaxis_transform()
        axis.annotate(cell, (1, line), (points, 0), xycoords=place, textcoords="offset points", ha="right", **TEXT)
