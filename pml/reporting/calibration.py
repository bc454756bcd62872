"""Stage: whether predicted distributions hold what they promise: an interval of 80 % the age of 80 of 100 images, by shot."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pml.data_name import DataName
from pml.evaluation.evaluate import is_common
from pml.evaluation.metrics import SHOTS, shots
from pml.evaluation.uncertainty import estimate
from pml.reporting.style import GREY, PAGE, finish, line_style
from pml.reporting.table import read_pooled
from pml.tables import load_schema, write_table
from pml.task import Task

MASS = 0.8
MASSES = np.linspace(0, 1, 41)
ALL = "all"


def draw_calibration(task: Task) -> None:
    """Draw the figure and write the table from the pooled predictions of an experiment.

    Raises:
        InputError: the predictions lack a method of the experiment, or their seeds differ in the images.
    """
    settings = task.settings
    pooled = read_pooled(task.inputs["pooled"], settings["methods"])
    pooled = pooled[is_common(pooled)]
    pooled = pooled.assign(shot=shots(pooled["train_images"]))
    methods = [entry for entry in settings["methods"] if pooled.loc[pooled["method"] == entry["method"], "pit"].notna().any()]
    table = calibrate(pooled, methods)
    table = table.assign(data=str(DataName(**settings["data"])), experiment=task.wildcards["experiment"])
    write_table(table, task.outputs["csv"], "calibration")
    finish(draw(pooled, methods, table), task)


def calibrate(pooled: pd.DataFrame, methods: Sequence[dict]) -> pd.DataFrame:
    """Return the table `calibration` but for `data` and `experiment`.

    Args:
        pooled: as pooled.schema.yaml, with a column `shot`.
        methods: those with a distribution, each with its name and its label.
    """
    rows = []
    for entry in methods:
        own = pooled[pooled["method"] == entry["method"]]
        for name in (ALL, *SHOTS):
            of_shot = own if name == ALL else own[own["shot"] == name]
            held = estimate(of_shot, inside(of_shot["pit"], MASS))
            low, high = np.clip(held.interval, 0, 1)
            row = {"method": entry["label"], "images": name, "tested": len(of_shot) // max(own["seed"].nunique(), 1)}
            rows.append(row | {"held": held.mean, "held_low": low, "held_high": high, "reading": reading(low, high)})
    return pd.DataFrame(rows, columns=list(load_schema("calibration")["properties"]))


def inside(pit: pd.Series, mass: float) -> np.ndarray:
    """Return (N,) whether the central interval of a mass holds the age of each `pit`: 0 or 1, NaN where it is unknown."""
    return np.where(pit.isna(), np.nan, (pit - 0.5).abs() <= mass / 2)


def reading(low: float, high: float) -> str:
    """Return what the 95 % interval of the share that an interval of `MASS` holds says of it."""
    if np.isnan(low):
        return "unknown"
    return "too narrow" if high < MASS else "too wide" if low > MASS else "holds"


def draw(pooled: pd.DataFrame, methods: Sequence[dict], table: pd.DataFrame) -> Figure:
    """Draw a panel for all images and for each shot, a line for each method.

    Args:
        pooled, methods: as for `calibrate`; each method with its place in the config.
        table: what `calibrate` returns.
    """
    columns = min(4, max(len(methods), 1))
    figure = Figure(figsize=(PAGE, 2.3 + 0.15 * -(-len(methods) // columns)))
    for axis, name in zip(figure.subplots(1, 1 + len(SHOTS), sharey=True), (ALL, *SHOTS), strict=True):
        rows = pooled if name == ALL else pooled[pooled["shot"] == name]
        tested = len(rows.drop_duplicates(["fold", "image"]))
        axis.set(title=f"{name if name == ALL else f'{name}-shot'}: {tested:,} images", xlim=(0, 100), ylim=(0, 100))
        axis.set(xlabel="predicted interval (%)", xticks=[0, 20, 40, 60, 80, 100], aspect="equal")
        if not methods:
            axis.text(50, 50, "no method\nhas a distribution", ha="center", va="center")
            continue
        axis.plot([0, 100], [0, 100], color=GREY, linewidth=0.8, zorder=0)
        for number, entry in enumerate(methods):
            style, pit = line_style(entry["place"]), rows.loc[rows["method"] == entry["method"], "pit"]
            if pit.empty:
                continue
            shares = [100 * inside(pit, mass).mean() for mass in MASSES]
            axis.plot(100 * MASSES, shares, **style, label=entry["label"])
            (row,) = table[(table["method"] == entry["label"]) & (table["images"] == name)].itertuples()
            beside = 100 * MASS + number - (len(methods) - 1) / 2
            ends = [100 * row.held_low, 100 * row.held_high]
            axis.plot([beside, beside], ends, color=style["color"], linewidth=1.5, solid_capstyle="butt")
    figure.axes[0].set_ylabel("images whose age it holds (%)")
    if methods:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure
