"""Stage: the error of each method on many-, medium- and few-shot images, with intervals."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pml.evaluation.evaluate import is_common
from pml.evaluation.metrics import FEW, MANY, SHOTS, shots
from pml.evaluation.uncertainty import estimate
from pml.reporting.style import PAGE, PALETTE, finish
from pml.reporting.table import read_pooled
from pml.task import Task

MEANING = {"many": f"more than {MANY}", "medium": f"{FEW} to {MANY}", "few": f"fewer than {FEW}"}


def draw_shots(task: Task) -> None:
    """Draw the figure from the pooled predictions of an experiment.

    Raises:
        InputError: the predictions lack a method of the experiment, or their seeds differ in the images.
    """
    methods = task.settings["methods"]
    pooled = read_pooled(task.inputs["pooled"], methods)
    finish(draw(pooled[is_common(pooled)], methods, task.settings["trained"]), task)


def draw(pooled: pd.DataFrame, methods: Sequence[dict], trained: Collection[str]) -> Figure:
    """Draw a panel for each shot, a bar for each method.

    Args:
        pooled: as pooled.schema.yaml, the images that all methods were tested on.
        methods: each with its name and its label.
        trained: those that look at pixels. The others may be so far off that they would press these bars together, so the
            axis has the length of these.
    """
    figure = Figure(figsize=(PAGE, 0.9 + 0.2 * len(methods)))
    shot, names = shots(pooled["train_images"]), [entry["method"] for entry in methods]
    decisive = np.array([name in trained or not trained for name in names])
    for axis, name in zip(figure.subplots(1, len(SHOTS), sharey=True), SHOTS, strict=True):
        rows = pooled[shot == name]
        images = len(rows.drop_duplicates(["fold", "image"]))
        axis.set_title(f"{name}-shot ({MEANING[name]})\n{images:,} images")
        axis.set_xlabel("MAE (years)")
        axis.tick_params(axis="y", length=0)
        if rows.empty:
            axis.text(0.5, 0.5, "no images", transform=axis.transAxes, ha="center", va="center")
            axis.set_xticks([])
            continue
        of_methods = [rows[rows["method"] == method] for method in names]
        errors = [estimate(own, (own["predicted_age"] - own["age"]).abs()) for own in of_methods]
        means, ends = np.array([each.mean for each in errors]), np.clip([each.interval for each in errors], 0, None)
        colours = [PALETTE[0] if method in trained else "#BBBBBB" for method in names]
        axis.barh(range(len(names)), means, height=0.7, color=colours, alpha=0.6)
        for line, (mean, interval) in enumerate(zip(means, ends, strict=True)):
            axis.plot(interval, [line, line], color="black", linewidth=0.8)
            axis.annotate(f"{mean:.2f}", (0, line), (3, 0), textcoords="offset points", va="center_baseline", fontsize=6.5)
        axis.set_xlim(0, 1.05 * np.nanmax([*means[decisive], *ends[decisive, 1]]))
    figure.axes[0].set_yticks(range(len(methods)), [entry["label"] for entry in methods])
    figure.axes[0].set_ylim(len(methods) - 0.5, -0.5)
    return figure
