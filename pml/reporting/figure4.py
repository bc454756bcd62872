"""Stage: Figure 4: t-SNE of the features of majority and minority ages, as two methods learn them.

A column each for (a) majority ages, (b) minority ages, (c) both; a row per method. Training and test images of a panel share
one embedding, so that a test part of a few images (one subject of FG-NET) has a place too. The ages come from the histogram of
the training part (`head_and_tail_ages`), unless the config names them; config/paper.yaml has those of the authors' own plot.

An embedding can be pretty by chance, so each panel states the neighbourhood purity of the features themselves
(`neighbourhood_purity`) and what it would be if age had no influence on the features. It is taken over all n images; at most
100 per age and part are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from pml.errors import InputError
from pml.files import read_arrays, replacing
from pml.progress import progress
from pml.reporting.style import MARKERS, PAGE, PALETTE, finish
from pml.task import Task

AGES = 6
NEIGHBOURS = 5
MIN_IMAGES = NEIGHBOURS + 1  # with fewer, even a perfect class could not reach purity 1
MAX_DRAWN = 100  # images per age and part: more would only overprint each other
PERPLEXITY, ITERATIONS, SEED = 20, 1100, 0
TAIL_MARKERS = ["X", "<", "p", ">", "h", "d"]


@dataclass(frozen=True)
class Features:
    """Features of the images of one fold under one method, all with N rows.

    Attributes:
        images: names.
        parts: "train" or "test".
        ages: whole years, the label rounded.
        features: (N, D) float32.
    """

    images: np.ndarray
    parts: np.ndarray
    ages: np.ndarray
    features: np.ndarray


def draw_figure4(task: Task) -> None:
    """Draw the figure, and write the table of its numbers.

    Raises:
        InputError: the methods have features of other images, or there are too few ages to choose from.
    """
    paths, chosen = task.inputs["features"], task.settings
    methods = [read_features(path) for path in paths]
    first = methods[0]
    for path, method in zip(paths, methods, strict=True):
        if not (np.array_equal(method.images, first.images) and np.array_equal(method.parts, first.parts)):
            raise InputError(f"{path}: 'image' or 'part' differs from {paths[0]}; give methods of the same fold")
    head, tail = head_and_tail_ages(first.ages[first.parts == "train"])
    if len(head) == 0 and not (chosen["head"] and chosen["tail"]):
        remedy = "name the ages under figures.figure4.head and tail"
        raise InputError(f"{paths[0]}: 'age': fewer than two ages have two training images; {remedy}")
    labels = [entry["label"] for entry in chosen["methods"]]
    figure, numbers = draw(methods, labels, np.array(chosen["head"] or head), np.array(chosen["tail"] or tail))
    finish(figure, task)
    with replacing(task.outputs["csv"]) as temporary:
        numbers.to_csv(temporary, index=False, float_format="%.4f", lineterminator="\n")


def head_and_tail_ages(ages: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return six majority and six minority ages, each ascending, chosen from the histogram alone.

    Ages with fewer than six images are left out, or with fewer than two if that would leave fewer than twelve ages. The rest
    are sorted by their number of images, of equally many the younger first. The first third is the head, the last third the
    tail, or six ages each if a third is fewer, or half of them if there are fewer than twelve. Of either, sorted by age, six
    at an even stride are taken, with both ends; all if fewer than six.

    Args:
        ages: (N,) whole years, one per image.
    """
    values, counts = np.unique(ages, return_counts=True)
    least = MIN_IMAGES if (counts >= MIN_IMAGES).sum() >= 2 * AGES else 2
    values, counts = values[counts >= least], counts[counts >= least]
    values = values[np.argsort(-counts, kind="stable")]
    size = min(max(AGES, len(values) // 3), len(values) // 2)
    head, tail = np.sort(values[:size]), np.sort(values[len(values) - size :])
    stride = np.linspace(0, size - 1, min(AGES, size)).round().astype(int)
    return head[stride], tail[stride]


def neighbourhood_purity(
    features: np.ndarray, ages: np.ndarray, train_features: np.ndarray, train_ages: np.ndarray, itself: bool
) -> tuple[float, float]:
    """Return how far the nearest training images share an image's age, and the same for features that know nothing of age.

    The purity of an image is the share of its k = 5 nearest training images (Euclidean, in feature space; all if fewer) that
    have its age. It is averaged over the images of an age, then over ages, so that a rare age counts as much as a common one.

    Args:
        features: (N, D), of the images that are judged.
        ages: (N,) whole years.
        train_features: (M, D), among which neighbours are sought.
        train_ages: (M,) whole years.
        itself: whether the N images are the M training images, none of which is then its own neighbour.

    Returns:
        Purity and its expectation under random neighbours, both in [0, 1]; NaN if there is no image or no neighbour.
    """
    others = len(train_ages) - itself
    if len(ages) == 0 or others < 1:
        return np.nan, np.nan
    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, others)).fit(train_features)
    neighbours = search.kneighbors(None if itself else features, return_distance=False)
    purity = (train_ages[neighbours] == ages[:, None]).mean(axis=1)
    same_age = pd.Series(train_ages).value_counts().reindex(ages, fill_value=0).to_numpy()
    chance = (same_age - itself) / others
    by_age = pd.DataFrame({"purity": purity, "chance": chance}).groupby(ages).mean().mean()
    return by_age["purity"], by_age["chance"]


def embed(features: np.ndarray) -> np.ndarray:
    """Return the (N, 2) t-SNE embedding of (N, D) features: PCA start, 1,100 iterations, seed 0.

    The perplexity is 20, or a third of the other images if that is less; one image is put at the origin.
    """
    count = len(features)
    if count < 2:
        return np.zeros((count, 2))
    tsne = TSNE(perplexity=min(PERPLEXITY, (count - 1) / 3), max_iter=ITERATIONS, init="pca", random_state=SEED)
    # Threads add up in varying order, which t-SNE blows up to another picture each time.
    with threadpool_limits(1):
        return tsne.fit_transform(features)


def purities(method: Features, ages: np.ndarray) -> dict[str, tuple[int, float, float]]:
    """Return images, purity and chance level of the train and the test part, among the images of `ages`."""
    inside = np.isin(method.ages, ages)
    train = inside & (method.parts == "train")
    found = {}
    for part in ("train", "test"):
        rows = inside & (method.parts == part)
        purity = neighbourhood_purity(
            method.features[rows], method.ages[rows], method.features[train], method.ages[train], itself=part == "train"
        )
        found[part] = (int(rows.sum()), *purity)
    return found


def drawn(method: Features, ages: np.ndarray) -> np.ndarray:
    """Return the rows of a panel: of each age and part, at most 100 images, drawn at random with seed 0."""
    rows = np.flatnonzero(np.isin(method.ages, ages))
    rows = np.random.default_rng(SEED).permutation(rows)
    place = pd.DataFrame({"age": method.ages[rows], "part": method.parts[rows]}).groupby(["age", "part"]).cumcount()
    return np.sort(rows[place < MAX_DRAWN])


def draw(methods: Sequence[Features], labels: Sequence[str], head: np.ndarray, tail: np.ndarray) -> tuple[Figure, pd.DataFrame]:
    """Draw the figure; return with it the numbers it shows: method, panel, part, images, purity, chance."""
    panels = {
        f"(a) {len(head)} majority ages": head,
        f"(b) {len(tail)} minority ages": tail,
        "(c) both": np.concatenate([head, tail]),
    }
    marks = {age: (MARKERS[i], PALETTE[i]) for i, age in enumerate(head)}
    marks |= {age: (TAIL_MARKERS[i], PALETTE[i]) for i, age in enumerate(tail)}
    figure = Figure(figsize=(PAGE, 0.8 + 2.3 * len(methods)))
    axes = figure.subplots(len(methods), len(panels), squeeze=False)
    cells = [(row, column) for row in range(len(methods)) for column in range(len(panels))]
    numbers = []
    for row, column in progress(cells, "t-SNE"):
        axis, method, (title, ages) = axes[row, column], methods[row], list(panels.items())[column]
        rows = drawn(method, ages)
        _draw_panel(axis, embed(method.features[rows]), method.ages[rows], method.parts[rows], marks)
        found = purities(method, ages)
        numbers += [(labels[row], title, part, *values) for part, values in found.items()]
        axis.set_xlabel("\n".join(_describe(part, *values) for part, values in found.items()), fontsize=7)
        if row == 0:
            axis.set_title(title)
        if column == 0:
            axis.set_ylabel(labels[row], fontweight="bold")
    _draw_legend(figure, marks, head, tail)
    return figure, pd.DataFrame(numbers, columns=["method", "panel", "part", "images", "purity", "chance"])


def _describe(part: str, images: int, purity: float, chance: float) -> str:
    if np.isnan(purity):
        return f"{part}: no images"
    return f"{part} purity {purity:.2f} (chance {chance:.2f}), n={images}"


def _draw_panel(axis: Axes, points: np.ndarray, ages: np.ndarray, parts: np.ndarray, marks: dict) -> None:
    """Scatter the points: training images filled, test images outlined; few are drawn larger than many."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(True)
    test = parts == "test"
    train_size, test_size = 12 if len(points) < 300 else 6, 24 if test.sum() < 50 else 10
    for age, (marker, colour) in marks.items():
        train_points, test_points = points[(ages == age) & ~test], points[(ages == age) & test]
        axis.scatter(train_points[:, 0], train_points[:, 1], s=train_size, marker=marker, color=colour, linewidths=0, alpha=0.8)
        outline = {"facecolors": "none", "edgecolors": colour, "linewidths": 0.8}
        axis.scatter(test_points[:, 0], test_points[:, 1], s=test_size, marker=marker, zorder=3, **outline)


def _draw_legend(figure: Figure, marks: dict, head: np.ndarray, tail: np.ndarray) -> None:
    def entry(label: str, marker: str = "", colour: str = "black", **style) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, label=label, **style)

    # A legend fills column by column: a pair of one majority and one minority age, the parts last.
    entries = [entry("majority ages:"), entry("minority ages:")]
    for pair in zip(head, tail, strict=True):
        entries += [entry(f"{age}", *marks[age]) for age in pair]
    entries += [entry("train", "o"), entry("test", "o", markerfacecolor="none")]
    spacing = {"handlelength": 1, "handletextpad": 0.3, "columnspacing": 1.4}
    figure.legend(handles=entries, loc="outside lower center", ncols=len(entries) // 2, **spacing)


def read_features(path: str) -> Features:
    """Read a features file: arrays image, part, age (N,) and features (N, D).

    Raises:
        InputError: the file is missing, is not such a file, or its arrays do not have the same length.
    """
    arrays = read_arrays(path, image=1, part=1, age=1, features=2)
    if not np.isin(arrays["part"], ["train", "test"]).all() or arrays["age"].dtype.kind != "f":
        raise InputError(f"{path}: 'part' or 'age' holds other things than it should; run the stage that writes it again")
    features = Features(arrays["image"], arrays["part"], arrays["age"].round().astype(int), arrays["features"])
    if not len(features.images) == len(features.parts) == len(features.ages) == len(features.features):
        raise InputError(f"{path}: 'image', 'part', 'age' and 'features' differ in length; run the stage that writes it again")
    return features
