"""Figure 3: the distributions that two methods predict for six test faces, over the label distribution.

The six images are chosen without a look at the predictions: at six evenly spaced ages from the youngest to the oldest test
image, the image nearest in age; of equally near ones the first by name.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pml.errors import InputError, stage_main
from pml.evaluation.metrics import central_interval
from pml.files import read_table
from pml.label_distribution import gaussian_label_distribution
from pml.reporting.arguments import figure_parser
from pml.reporting.style import GREY, PAGE, line_style, save, set_title

SIGMA = 2.0  # years, of the label distribution drawn
SHOWN = 6
MASS = 0.99  # an axis is wide enough for this central share of every distribution


def choose_images(ages: pd.Series) -> list[str]:
    """Return the names of at most six images, from young to old, by the rule above.

    Args:
        ages: labels in years, indexed by image name.
    """
    left = ages.sort_index()
    chosen = []
    for target in np.linspace(ages.min(), ages.max(), min(SHOWN, len(ages))):
        chosen.append((left - target).abs().idxmin())
        left = left.drop(chosen[-1])
    return sorted(chosen, key=lambda image: (ages[image], image))


def load_predictions(runs: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the test predictions of one method and seed over all folds, and the ages of its classes.

    An image that several folds test is taken from the first of them.

    Returns:
        A frame indexed by image with the columns predicted_age (years) and distribution ((K,) arrays); (K,) ages in years.

    Raises:
        InputError: a run has no distribution, or one that does not fit its predictions or the other folds' ages.
    """
    frames, ages = [], None
    for run in runs.sort_values("fold")["run"]:
        frame = read_table(Path(run) / "predictions.csv", "predictions").set_index("image")
        path = Path(run) / "predictions.npz"
        if not path.exists():
            raise InputError(f"{path}: no such file; Figure 3 needs a method that predicts a distribution")
        with np.load(path) as arrays:
            if ages is not None and not np.array_equal(ages, arrays["ages"]):
                raise InputError(f"{path}: 'ages' differ from those of the fold before; train the folds with the same classes")
            ages, distribution = arrays["ages"], arrays["distribution"]
        if distribution.shape != (len(frame), len(ages)):
            raise InputError(f"{path}: 'distribution' does not have a row per prediction and a column per age; run it again")
        frames.append(frame.assign(distribution=list(distribution))[["predicted_age", "distribution"]])
    predictions = pd.concat(frames)
    return predictions[~predictions.index.duplicated()], ages


def draw(
    images: Sequence[str],
    true_ages: pd.Series,
    predictions: Sequence[tuple[pd.DataFrame, np.ndarray]],
    labels: Sequence[str],
    faces: Sequence[np.ndarray] | None,
) -> Figure:
    """Draw the figure.

    Args:
        images: names of the images, one per column.
        true_ages: labels in years, by image.
        predictions: of each method, as `load_predictions` returns them.
        labels: the methods' names, as printed.
        faces: the aligned faces, (size, size, 3) uint8 each, in the order of `images`, or None to leave that row out.
    """
    rows = 2 if faces is not None else 1
    figure = Figure(figsize=(PAGE, 1.15 + 0.95 * rows))
    axes = figure.subplots(rows, len(images), squeeze=False, sharey="row")
    intervals = []
    for column, image in enumerate(images):
        axes[0, column].set_title(f"age {true_ages[image]:g}", fontweight="bold", pad=4 if rows == 2 else 24)
        if faces is not None:
            axes[0, column].imshow(faces[column])
            axes[0, column].set_axis_off()
        shown = [(frame.loc[image], ages) for frame, ages in predictions]
        within = [_draw_label(axes[-1, column], true_ages[image], shown[0][1])]
        within += _draw_predictions(axes[-1, column], shown, labels)
        intervals.append((min(low for low, _ in within), max(high for _, high in within)))
    axes[-1, 0].set_ylabel("probability")
    axes[-1, 0].set_ylim(bottom=0)
    # One axis for all, so that narrow and broad, young and old can be told apart by eye.
    lows, highs = zip(*intervals, strict=True)
    for axis in axes[-1]:
        axis.set_xlim(min(lows) - 1, max(highs) + 1)
        axis.set_xlabel("age (years)")
        axis.locator_params(axis="x", nbins=4, integer=True)
    figure.legend(*axes[-1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_label(axis: Axes, true_age: float, ages: np.ndarray) -> tuple[float, float]:
    label = gaussian_label_distribution(torch.tensor([true_age]), torch.tensor(ages).float(), SIGMA)[0].numpy()
    axis.fill_between(ages, label, color=GREY, alpha=0.45, linewidth=0, label="label distribution")
    return central_interval(ages, label, MASS)


def _draw_predictions(
    axis: Axes, shown: list[tuple[pd.Series, np.ndarray]], labels: Sequence[str]
) -> list[tuple[float, float]]:
    """Draw each method's distribution and note its predicted age; return their central intervals."""
    intervals = []
    for place, ((row, ages), label) in enumerate(zip(shown, labels, strict=True)):
        style = line_style(place)
        axis.plot(ages, row["distribution"], label=label, **style)
        note = f"{label} {row['predicted_age']:.1f}"
        height = 1.04 + 0.14 * (len(labels) - 1 - place)
        axis.text(0.5, height, note, color=style["color"], transform=axis.transAxes, ha="center", va="bottom", fontsize=7)
        intervals.append(central_interval(ages, row["distribution"], MASS))
    return intervals


def runs_of(jobs: Sequence[str], methods: Sequence[str]) -> list[pd.DataFrame]:
    """Return the runs of each method under the lowest seed that all of them have.

    Raises:
        InputError: the job files list no seed that all methods share.
    """
    runs = pd.concat([read_table(job, "runs") for job in jobs])
    seeds = set.intersection(*(set(runs.loc[runs["method"] == method, "seed"]) for method in methods))
    if not seeds:
        raise InputError(f"{', '.join(jobs)}: column 'method': {', '.join(methods)} share no seed; name the jobs of both")
    return [runs[(runs["method"] == method) & (runs["seed"] == min(seeds))] for method in methods]


def read_faces(store: str, table: str, images: Sequence[str]) -> np.ndarray:
    """Return the (N, size, size, 3) uint8 faces of `images`, in their order.

    Raises:
        InputError: an image has no face.
    """
    rows = pd.Index(read_table(table, "faces")["image"]).get_indexer(images)
    if (rows < 0).any():
        raise InputError(f"{table}: column 'image' lacks {images[rows.argmin()]}, which was tested; align the faces again")
    return np.load(store, mmap_mode="r")[rows]


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Read the files that the command line names and write the figure."""
    parser = figure_parser(__doc__)
    parser.add_argument("--index", required=True)
    parser.add_argument("--faces-table", required=True)
    parser.add_argument("--faces", required=True)
    parser.add_argument("--jobs", nargs="+", required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--baseline", required=True)
    parser.add_argument("--labels", nargs=2, required=True, help="the two methods' names, as printed")
    parser.add_argument("--hide-faces", action="store_true", help="leave the faces out, to publish without pictures of people")
    options = parser.parse_args(arguments)

    predictions = [load_predictions(runs) for runs in runs_of(options.jobs, [options.method, options.baseline])]
    tested = predictions[0][0].index.intersection(predictions[1][0].index)
    ages = read_table(options.index, "index").set_index("image")["age"]
    ages = ages[ages.index.isin(tested)]
    if ages.empty:
        raise InputError(f"{options.index}: column 'image' names no image that both methods tested; give this data set's runs")
    images = choose_images(ages)
    faces = None if options.hide_faces else read_faces(options.faces, options.faces_table, images)
    figure = draw(images, ages, predictions, options.labels, faces)
    set_title(figure, options.data, options.synthetic)
    save(figure, options.pdf, options.png)


if __name__ == "__main__":
    main()
