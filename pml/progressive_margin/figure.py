"""The margins of one run of PML: the classes at its end, against their number of samples, and the margins over the epochs.

Above, a point is an age: phi, the mean psi to the other ages, the spread of its row of the fused margin before it is
standardised, and the margin at its own age as applied. Below, a line is a mean over the classes, with a band of one standard
deviation either way and dotted lines at the least and the greatest value; the last panel has the means of phi and psi.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from pml.progressive_margin.method import PML
from pml.reporting.style import PAGE, PALETTE, line_style
from pml.tables import check_table

LOG_RATIO = 10  # the number of samples is on a logarithmic axis if its greatest exceeds its least by more than this factor
OF_CLASSES = {
    "phi": "phi",
    "psi": "mean psi to others",
    "margin_spread": "spread of the margin",
    "applied_own": "own margin, applied",
}
DOT: dict[str, Any] = {"color": PALETTE[0], "alpha": 0.8, "markeredgewidth": 0}
BAND: dict[str, Any] = {"color": PALETTE[0], "alpha": 0.2, "linewidth": 0}
BOUND: dict[str, Any] = {"color": PALETTE[0], "linestyle": ":", "linewidth": 0.8}
OVER_EPOCHS = {"ordinal": "ordinal margin", "variational": "variational margin", "applied": "margin as applied"}


def draw(method: PML, diagnostics: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    """Draw the figure, and return the `class_margins` table that is shown above."""
    classes = check_table(margins_of_classes(method), "class_margins", "class_margins")
    figure = Figure(figsize=(PAGE, 4.0))
    above, below = figure.subplots(2, 4)
    seen = classes[classes["count"] > 0]
    scale = "log" if seen["count"].max() > LOG_RATIO * seen["count"].min() else "linear"
    for axis, (column, title) in zip(above, OF_CLASSES.items(), strict=True):
        axis.plot(seen["count"], seen[column], "o", markersize=2.8, **DOT)
        axis.set(title=title, xlabel="samples seen of the age", xscale=scale)
        axis.xaxis.set_minor_formatter(NullFormatter())
        if scale == "log":
            axis.set_xlim(10 ** np.floor(np.log10(seen["count"].min())), None)  # from a power of ten, which has a label
    for axis, (name, title) in zip(below, OVER_EPOCHS.items(), strict=False):
        _draw_epochs(axis, diagnostics, name)
        axis.set(title=title)
    for place, name in enumerate(("phi", "psi")):
        style = {"label": name, "marker": _marker(diagnostics), **line_style(place)}
        below[-1].plot(diagnostics["epoch"], diagnostics[f"{name}_mean"], **style)
    below[-1].set(title="mean phi and psi")
    below[-1].legend()
    for axis in below:
        axis.set_xlabel("epoch")
        if len(diagnostics) == 1:
            axis.set_xticks(diagnostics["epoch"])
        else:
            axis.locator_params(axis="x", integer=True, nbins=5)
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=2.8, label="an age, at the end", **DOT),
        Line2D([], [], color=PALETTE[0], label="mean over the classes"),
        Patch(**BAND, label="one standard deviation either way"),
        Line2D([], [], **BOUND, label="least and greatest"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure, classes


@torch.no_grad()
def margins_of_classes(method: PML) -> pd.DataFrame:
    """Return the class statistics and the margins that a run ended with, a row for each age."""
    statistics, fused, applied = method.statistics, method.fused(), method.margins()
    columns = {
        "age": method.ages.int(),
        "count": statistics.counts.int(),
        "phi": statistics.intra_class_variance,
        "psi": statistics.psi_to_others(),
        "margin_mean": fused.mean(1),
        "margin_spread": fused.std(1, correction=0),
        "applied_own": applied.diag(),
        "applied_spread": applied.std(1, correction=0),
    }
    return pd.DataFrame({name: values.cpu().numpy() for name, values in columns.items()})


def _draw_epochs(axis: Axes, diagnostics: pd.DataFrame, name: str) -> None:
    epochs, mean, std = diagnostics["epoch"], diagnostics[f"{name}_mean"], diagnostics[f"{name}_std"]
    axis.plot(epochs, mean, color=PALETTE[0], marker=_marker(diagnostics))
    axis.fill_between(epochs, mean - std, mean + std, **BAND)
    for bound in ("min", "max"):
        axis.plot(epochs, diagnostics[f"{name}_{bound}"], **BOUND)


def _marker(diagnostics: pd.DataFrame) -> str:
    return "." if len(diagnostics) == 1 else ""  # a single epoch is a point, which a line would not show
