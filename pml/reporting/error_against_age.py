"""Stage: each method's MAE along the ages, over the histogram of the ages that it trained on.

Up to `OVERLAID` methods share one panel. More have a panel each, with the line of one reference in all of them, lest the bands
hide one another. A panel shows the images that all methods in it were tested on.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, StepPatch

from pml.errors import InputError
from pml.evaluation.evaluate import is_common
from pml.evaluation.uncertainty import estimate, people_of
from pml.reporting.style import COLUMN, PAGE, finish, line_style
from pml.reporting.table import read_pooled
from pml.tables import check_indexed, read_table
from pml.task import Task

OVERLAID, COLUMNS = 2, 4
YEARS, PEOPLE = 5, 10  # a bin's width where enough people are in it; with fewer than so many it is joined with the next
BARS, BAND = "#DDDDDD", 0.25


def draw_error_against_age(task: Task) -> None:
    """Draw the figure from the pooled predictions of an experiment and the images that they were trained on.

    Raises:
        InputError: the predictions lack a method of the experiment or their seeds differ in the images, or the folds lack one
            that was predicted or name an image that the index lacks.
    """
    inputs, methods = task.inputs, task.settings["methods"]
    pooled = read_pooled(inputs["pooled"], methods)
    training = training_images(inputs["index"], inputs["folds"], pooled["fold"].unique())
    finish(draw(pooled, training, methods, task.settings["reference"], task.settings["trained"]), task)


def training_images(index_path: str, folds_path: str, ran: Sequence[int]) -> pd.Series:
    """Return the number of training images of each whole age that has any, ascending: the mean over the folds that `ran`.

    Raises:
        InputError: a fold is not in the table at `folds_path`, or one of its images not in the index.
    """
    index, folds = read_table(index_path, "index").set_index("image"), read_table(folds_path, "folds")
    check_indexed(folds["image"], folds_path, index.index, index_path)
    if missing := sorted({int(fold) for fold in ran} - set(folds["fold"])):
        raise InputError(f"{folds_path}: column 'fold' lacks {missing}, which have predictions; train again")
    images = folds.loc[(folds["part"] == "train") & folds["fold"].isin(ran), "image"]
    return index.loc[images, "age"].round().value_counts().sort_index() / len(ran)


def bin_starts(ages: pd.Series, people: pd.Series) -> np.ndarray:
    """Return the first whole age of each bin, ascending.

    Bins of `YEARS` years, from young to old, each joined with the next until it has `PEOPLE` people; what is left at the end
    joins the last one.

    Args:
        ages: (N,) of the test images.
        people: (N,) who is on each, or the image itself where nobody knows.
    """
    starts, open_since, inside = [], None, set()
    for start, of_bin in people.groupby(ages.round() // YEARS * YEARS):
        open_since = start if open_since is None else open_since
        inside |= set(of_bin)
        if len(inside) >= PEOPLE:
            starts.append(open_since)
            open_since, inside = None, set()
    return np.array(starts or [open_since], dtype=float)


def errors_by_bin(rows: pd.DataFrame, starts: np.ndarray) -> pd.api.typing.SeriesGroupBy:
    """Return the absolute errors in years of one method's rows of `pooled`, grouped by the bins that `bin_starts` returns."""
    errors = (rows["predicted_age"] - rows["age"]).abs()
    return errors.groupby(starts[np.searchsorted(starts, rows["age"].round(), side="right") - 1])


def draw(
    pooled: pd.DataFrame, training: pd.Series, methods: Sequence[dict], reference: str, trained: Collection[str]
) -> Figure:
    """Draw the figure.

    Args:
        pooled: as pooled.schema.yaml, with all of the methods.
        training: as `training_images` returns it.
        methods: each with its name, its label and its place in the config.
        reference: the method whose line stands in every panel, where methods have a panel each.
        trained: those that look at pixels. The others may be so far off that they would press these lines together, so the
            axis has the height of these.
    """
    (compared,) = [entry for entry in methods if entry["method"] == reference]
    overlaid = len(methods) <= OVERLAID
    groups = [methods] if overlaid else [[compared] if entry is compared else [entry, compared] for entry in methods]
    columns = min(COLUMNS, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(COLUMN, 2.5) if overlaid else (PAGE, 0.5 + 1.5 * rows))
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    decisive = trained or [entry["method"] for entry in methods]
    peaks = []
    for number, (axis, group) in enumerate(zip(axes, groups, strict=False)):
        peaks.append(_draw_panel(axis, pooled, group, len(group) if overlaid else 1, decisive))
        if not overlaid:
            axis.set_title(f"{group[0]['label']}\n{axis.get_title()}")
        _draw_training(axis, training, labelled=number % columns == columns - 1 or number == len(groups) - 1)
        if number % columns == 0:
            axis.set_ylabel("MAE (years)")
        if number + columns >= len(groups):
            axis.set_xlabel("age (years)")
            axis.tick_params(labelbottom=True)
    for axis in axes[len(groups) :]:
        axis.remove()
    ages = [*training.index, *pooled["age"].round()]
    top = 1.05 * max(*peaks, 1)
    axes[0].set(xlim=(min(ages) - 0.5, max(ages) + 0.5), ylim=(0, top))
    for axis in [] if overlaid else axes[: len(groups)]:
        _tell_what_is_above(axis, top)
    band = line_style(methods[0]["place"])["color"]
    handles: list[Artist] = [
        Line2D([], [], **line_style(entry["place"]), label=entry["label"]) for entry in (methods if overlaid else [compared])
    ]
    of_reference = pooled[pooled["method"] == reference]
    if not estimate(of_reference, of_reference["predicted_age"]).unknown:
        handles.append(Patch(color=band, alpha=BAND, linewidth=0, label="95 % interval"))
    handles.append(Patch(color=BARS, label="training images"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if overlaid else len(handles))
    return figure


def _draw_panel(axis: Axes, pooled: pd.DataFrame, group: Sequence[dict], banded: int, decisive: Collection[str]) -> float:
    """Draw a line for each method of a group and a band for the first `banded`; its title says what they were tested on.

    Return the greatest height of a line or a band of the `decisive` methods, in years.
    """
    rows = pooled[pooled["method"].isin([entry["method"] for entry in group])]
    rows = rows[is_common(rows)]
    images, people = rows.drop_duplicates(["fold", "image"]), people_of(rows)
    subjects = images["subject"].nunique()
    axis.set_title(f"{len(images):,} images" + (f", {subjects:,} {'people' if subjects > 1 else 'person'}" if subjects else ""))
    if images.empty:  # methods that ran on different folds
        return 0
    starts, peak = bin_starts(images["age"], people[images.index]), 0.0
    edges = np.append(starts, images["age"].max().round() + 1) - 0.5
    for number, entry in enumerate(group):
        errors = errors_by_bin(rows[rows["method"] == entry["method"]], starts)
        style, means = line_style(entry["place"]), errors.mean()
        axis.stairs(means, edges, baseline=None, linewidth=1.1, **style)
        heights = [*means]
        if number < banded:
            low, high = np.transpose([estimate(rows.loc[of_bin.index], of_bin).interval for _, of_bin in errors])
            axis.stairs(high, edges, baseline=low, fill=True, color=style["color"], alpha=BAND, linewidth=0)
            heights += [*high]
        peak = np.nanmax([peak, *heights]) if entry["method"] in decisive else peak
    return peak


def _tell_what_is_above(axis: Axes, top: float) -> None:
    """Say how large the errors of a panel's first method are, if its whole line is above the axis."""
    lines = [patch for patch in axis.patches if isinstance(patch, StepPatch) and not patch.get_fill()]
    if lines and (least := np.nanmin(lines[0].get_data()[0])) > top:
        axis.text(0.5, 0.97, f"above: {least:.1f} or more", transform=axis.transAxes, ha="center", va="top")


def _draw_training(axis: Axes, training: pd.Series, labelled: bool) -> None:
    """Draw the histogram of `training_images` behind the lines of a panel, on an axis of its own."""
    behind = axis.twinx()
    axis.set_zorder(behind.get_zorder() + 1)
    axis.patch.set_visible(False)
    behind.bar(training.index, training, width=1, color=BARS)
    behind.tick_params(right=labelled, labelright=labelled, colors="#777777")
    behind.locator_params(axis="y", nbins=4, integer=True)
    if labelled:
        behind.set_ylabel("training images", color="#777777")
