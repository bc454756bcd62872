"""Stage: Figure 3: the distributions that two methods predict for six test faces, over the label distribution.

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

from pml.errors import InputError
from pml.evaluation.metrics import central_interval
from pml.faces.store import read_store
from pml.methods.label_distribution import gaussian_label_distribution
from pml.reporting.style import GREY, PAGE, finish, line_style
from pml.tables import read_table
from pml.task import Task
from pml.training.run_directory import check_run, read_distribution, read_runs

SIGMA = 2.0  # years, of the label distribution drawn
SHOWN = 6
MASS = 0.99  # an axis is wide enough for this central share of every distribution


def draw_figure3(task: Task) -> None:
    """Draw the figure; without the faces if the task has no store of them.

    Raises:
        InputError: the methods share no seed or no tested image, or a run has no distribution.
    """
    inputs, methods = task.inputs, task.settings["methods"]
    predictions = [load_predictions(runs) for runs in runs_of(inputs["jobs"], [entry["method"] for entry in methods])]
    tested = predictions[0][0].index.intersection(predictions[1][0].index)
    ages = read_table(inputs["index"], "index").set_index("image")["age"]
    ages = ages[ages.index.isin(tested)]
    if ages.empty:
        raise InputError(f"{inputs['index']}: column 'image' names no image that both methods tested; train again")
    images = choose_images(ages)
    faces = read_faces(inputs["faces"], inputs["faces_table"], images) if "faces" in inputs else None
    finish(draw(images, ages, predictions, methods, faces), task)


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
    frames: list[pd.DataFrame] = []
    ages = np.empty(0)
    for run in runs.sort_values("fold")["run"]:
        check_run(Path(run), "predictions.csv", "predictions.npz")
        frame = read_table(Path(run) / "predictions.csv", "predictions").set_index("image")
        path = Path(run) / "predictions.npz"
        found = read_distribution(Path(run), len(frame))
        if found is None:
            raise InputError(f"{path}: no such file; Figure 3 needs a method that predicts a distribution")
        if frames and not np.array_equal(ages, found[0]):
            raise InputError(f"{path}: 'ages' differ from those of the fold before; train the folds with the same classes")
        ages, distribution = found
        frames.append(frame.assign(distribution=list(distribution))[["predicted_age", "distribution"]])
    predictions = pd.concat(frames)
    return predictions[~predictions.index.duplicated()], ages


def draw(
    images: Sequence[str],
    true_ages: pd.Series,
    predictions: Sequence[tuple[pd.DataFrame, np.ndarray]],
    methods: Sequence[dict],
    faces: np.ndarray | None,
) -> Figure:
    """Draw the figure.

    Args:
        images: names of the images, one per column.
        true_ages: labels in years, by image.
        predictions: of each method, as `load_predictions` returns them.
        methods: each with its label and its place in the config.
        faces: (N, size, size, 3) uint8, the aligned faces in the order of `images`, or None to leave that row out.
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
        within += _draw_predictions(axes[-1, column], shown, methods)
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


def _draw_label(axis: Axes, true_age: float, ages: np.ndarray) -> tuple[int, int]:
    label = gaussian_label_distribution(torch.tensor([true_age]), torch.tensor(ages).float(), SIGMA)[0].numpy()
    axis.fill_between(ages, label, color=GREY, alpha=0.45, linewidth=0, label="label distribution")
    return central_interval(ages, label, MASS)


def _draw_predictions(axis: Axes, shown: list[tuple[pd.Series, np.ndarray]], methods: Sequence[dict]) -> list[tuple[int, int]]:
    """Draw each method's distribution and note its predicted age; return their central intervals."""
    intervals = []
    for number, ((row, ages), method) in enumerate(zip(shown, methods, strict=True)):
        style, label = line_style(method["place"]), method["label"]
        axis.plot(ages, row["distribution"], label=label, **style)
        note = f"{label} {row['predicted_age']:.1f}"
        height = 1.04 + 0.14 * (len(methods) - 1 - number)
        axis.text(0.5, height, note, color=style["color"], transform=axis.transAxes, ha="center", va="bottom", fontsize=7)
        intervals.append(central_interval(ages, row["distribution"], MASS))
    return intervals


def runs_of(jobs: Sequence[str], methods: Sequence[str]) -> list[pd.DataFrame]:
    """Return the runs of each method under the lowest seed that all of them have.

    Raises:
        InputError: the job files list no seed that all methods share.
    """
    runs = read_runs(jobs)
    seeds = set.intersection(*(set(runs.loc[runs["method"] == method, "seed"]) for method in methods))
    if not seeds:
        raise InputError(f"{', '.join(jobs)}: column 'method': {', '.join(methods)} share no seed; name the jobs of both")
    return [runs[(runs["method"] == method) & (runs["seed"] == min(seeds))] for method in methods]


def read_faces(store: str, table: str, images: Sequence[str]) -> np.ndarray:
    """Return the (N, size, size, 3) uint8 faces of `images`, in their order.

    Raises:
        InputError: an image has no face, or the store is damaged or of other faces than the table.
    """
    stored, faces = read_table(table, "faces")["image"], read_store(store)
    if len(stored) != len(faces):
        raise InputError(f"{store}: {len(faces)} faces, but {table} has {len(stored)}; align the faces again")
    rows = pd.Index(stored).get_indexer(images)
    if (rows < 0).any():
        raise InputError(f"{table}: column 'image' lacks {images[rows.argmin()]}, which was tested; align the faces again")
    return faces[rows]
