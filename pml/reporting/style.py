"""How every figure looks: sizes of a CVPR page, a palette for all eyes, and files with the same bytes each time."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from pml.data_name import DataName
from pml.files import replacing
from pml.task import Task

matplotlib.use("Agg")

COLUMN, PAGE = 3.25, 6.9  # widths in inches
GREY = "#999999"
# Okabe and Ito's palette without its yellow, which is too pale for a line on white.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
# Four dashes and seven colours have no common divisor, so the first 28 lines differ, the first four also in grey.
DASHES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P"]

matplotlib.rcParams.update(
    {
        "font.size": 7.5,
        "axes.titlesize": 7.5,
        "axes.labelsize": 7.5,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "legend.handlelength": 2.6,
        "figure.titlesize": 8,
        "figure.constrained_layout.use": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.1,
        "lines.markersize": 3.5,
        "pdf.fonttype": 42,
    }
)


def line_style(place: int) -> dict:
    """Return colour and dash of the method at a place of the config, for `Axes.plot`: the same in every figure of a suite."""
    return {"color": PALETTE[place % len(PALETTE)], "linestyle": DASHES[place % len(DASHES)]}


def set_title(figure: Figure, name: DataName) -> None:
    """Name the data above the figure; if it is synthetic, say so where nobody can miss it."""
    if name.synthetic:
        figure.suptitle(f"{name.label}: synthetic data", color="#D55E00", fontweight="bold")
    else:
        figure.suptitle(name.label)


def save(figure: Figure, pdf: str | Path, png: str | Path) -> None:
    """Write the figure to `pdf` and, at 300 dots per inch, to `png`; the same figure gives the same bytes."""
    with replacing(pdf) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None})
    figure.set_layout_engine("none")  # what the first file has laid out stays, for to do it again takes as long as to draw
    with replacing(png) as temporary:
        figure.savefig(temporary, format="png", dpi=300)


def finish(figure: Figure, task: Task) -> None:
    """Name the data above a figure and write it to the task's `pdf` and `png`."""
    set_title(figure, DataName(**task.settings["data"]))
    save(figure, task.outputs["pdf"], task.outputs["png"])
