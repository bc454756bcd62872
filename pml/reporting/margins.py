"""The margins of one run of PML: the classes at its end, against their number of samples, and the margins over the epochs.

Above, a point is an age: phi, the mean psi to the other ages, the spread of its row of the fused margin before it is
standardised, and the margin at its own age as applied. Below, a line is a mean over the classes, with a band of one standard
deviation either way and dotted lines at the least and the greatest value; the last panel has the means of phi and psi.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from pml.errors import InputError, stage_main
from pml.files import read_table
from pml.reporting.arguments import figure_parser
from pml.reporting.style import PAGE, PALETTE, line_style, save, set_title

LOG_RATIO = 10  # the number of samples is on a logarithmic axis if its greatest exceeds its least by more than this factor
OF_CLASSES = {
    "phi": "phi",
    "psi": "mean psi to others",
    "margin_spread": "spread of the margin",
    "applied_own": "own margin, applied",
}
OVER_EPOCHS = {"ordinal": "ordinal margin", "variational": "variational margin", "applied": "margin as applied"}


def read_margins(path: str) -> pd.DataFrame:
    """Read a run's margins.csv.

    Raises:
        InputError: the file is missing or is no margins.csv of PML.
    """
    try:
        margins = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a margins.csv: {error}; name one of a run of PML") from None
    needed = ["epoch", "phi_mean", "psi_mean"]
    needed += [f"{name}_{statistic}" for name in OVER_EPOCHS for statistic in ("mean", "std", "min", "max")]
    if missing := [name for name in needed if name not in margins]:
        raise InputError(f"{path}: columns missing: {missing}; name the margins.csv of a run of PML")
    return margins


def draw(classes: pd.DataFrame, margins: pd.DataFrame) -> Figure:
    """Draw the figure from a `class_margins` table and a margins.csv."""
    figure = Figure(figsize=(PAGE, 3.8))
    above, below = figure.subplots(2, 4)
    seen = classes[classes["count"] > 0]
    scale = "log" if seen["count"].max() > LOG_RATIO * seen["count"].min() else "linear"
    for axis, (column, title) in zip(above, OF_CLASSES.items(), strict=True):
        axis.scatter(seen["count"], seen[column], s=8, color=PALETTE[0], linewidths=0, alpha=0.8)
        axis.set(title=title, xlabel="samples seen of the age", xscale=scale)
        axis.xaxis.set_minor_formatter(NullFormatter())
        if scale == "log":
            axis.set_xlim(10 ** np.floor(np.log10(seen["count"].min())), None)  # from a power of ten, which has a label
    for axis, (name, title) in zip(below, OVER_EPOCHS.items(), strict=False):
        _draw_epochs(axis, margins, name)
        axis.set(title=title)
    for place, name in enumerate(("phi", "psi")):
        below[-1].plot(margins["epoch"], margins[f"{name}_mean"], label=name, marker=_marker(margins), **line_style(place))
    below[-1].set(title="mean phi and psi")
    below[-1].legend()
    for axis in below:
        axis.set_xlabel("epoch")
        if len(margins) == 1:
            axis.set_xticks(margins["epoch"])
        else:
            axis.locator_params(axis="x", integer=True, nbins=5)
    return figure


def _draw_epochs(axis: Axes, margins: pd.DataFrame, name: str) -> None:
    epochs, mean, std = margins["epoch"], margins[f"{name}_mean"], margins[f"{name}_std"]
    colour = PALETTE[0]
    axis.plot(epochs, mean, color=colour, marker=_marker(margins))
    axis.fill_between(epochs, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)
    for bound in ("min", "max"):
        axis.plot(epochs, margins[f"{name}_{bound}"], color=colour, linestyle=":", linewidth=0.8)


def _marker(margins: pd.DataFrame) -> str:
    return "." if len(margins) == 1 else ""  # a single epoch is a point, which a line would not show


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Read the tables that the command line names and write the figure."""
    parser = figure_parser(__doc__)
    parser.add_argument("--classes", required=True, help="table of pml.progressive_margin.inspector")
    parser.add_argument("--margins", required=True, help="margins.csv of the same run")
    options = parser.parse_args(arguments)
    figure = draw(read_table(options.classes, "class_margins"), read_margins(options.margins))
    set_title(figure, options.data, options.synthetic)
    save(figure, options.pdf, options.png)


if __name__ == "__main__":
    main()
