"""Errors beyond the mean: the cumulative score up to each error (left) and the MAE in each decade of age (right).

Both are of the images that all methods were tested on. Below each decade stands its number of test images.
"""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pml.errors import InputError, stage_main
from pml.files import read_table
from pml.reporting.arguments import figure_parser, method_label
from pml.reporting.style import MARKERS, PAGE, line_style, save, set_title

THRESHOLDS = range(11)  # years


def draw(metrics: pd.DataFrame, decades: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw the methods that `labels` names, in its order.

    Args:
        metrics: as metrics.schema.yaml.
        decades: as decades.schema.yaml.
        labels: the printed name of each method.
    """
    figure = Figure(figsize=(PAGE, 2.45 + 0.18 * -(-len(labels) // 4)))
    left, right = figure.subplots(1, 2)
    scores = metrics[metrics["scope"] == "common"].set_index("method")
    decades = decades[decades["scope"] == "common"]
    for place, (method, label) in enumerate(labels.items()):
        style = line_style(place) | {"marker": MARKERS[place % len(MARKERS)], "label": label}
        left.plot(THRESHOLDS, [100 * scores.loc[method, f"cs_{years}"] for years in THRESHOLDS], **style)
        errors = decades[decades["method"] == method].sort_values("decade")
        right.plot(errors["decade"], errors["mae"], **style)
    left.set(xlabel="error of at most (years)", ylabel="images (%)", ylim=(0, 100), xticks=THRESHOLDS)
    left.set_title("cumulative score")
    _label_decades(right, decades[decades["method"].isin(labels)])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(labels)))
    return figure


def _label_decades(axis: Axes, decades: pd.DataFrame) -> None:
    images = decades.groupby("decade")["images"].max()
    ticks = [f"{decade}s\n{count}" for decade, count in images.items()]
    axis.set_xticks(images.index, ticks)
    axis.set_ylim(bottom=0)
    axis.set(xlabel="decade of age, number of test images", ylabel="MAE (years)", title="error by age")


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Read the metrics that the command line names and write the figure."""
    parser = figure_parser(__doc__)
    parser.add_argument("--metrics", required=True)
    parser.add_argument("--decades", required=True)
    parser.add_argument("--labels", nargs="+", type=method_label, required=True, help="method=Label of each method to draw")
    options = parser.parse_args(arguments)

    labels = dict(options.labels)
    metrics, decades = read_table(options.metrics, "metrics"), read_table(options.decades, "decades")
    for path, table in ((options.metrics, metrics), (options.decades, decades)):
        if missing := set(labels) - set(table["method"]):
            raise InputError(f"{path}: column 'method' lacks {sorted(missing)}; leave it out of --labels or evaluate it first")
    figure = draw(metrics, decades, labels)
    set_title(figure, options.data, options.synthetic)
    save(figure, options.pdf, options.png)


if __name__ == "__main__":
    main()
