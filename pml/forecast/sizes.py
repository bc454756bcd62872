"""How many images a data set will have, and how many of them each fold trains on and tests."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pml.datasets.tables import Nominal
from pml.folds.assign import assign
from pml.registry import find
from pml.suite.plan import Plan
from pml.tables import PUBLISHED, read_table

SETTING2_SHARE = 5_718 / 55_134  # of Morph II, by the rule of pml.folds.setting2


class FoldSize(NamedTuple):
    """The images of one fold: for training, of each curriculum in turn (one number where there are none), and of the others."""

    train: tuple[int, ...]
    validation: int
    test: int


def nominal(format: str) -> Nominal:
    """Return what the data set of a format is known to have; of a user's own format, nothing."""
    return getattr(find("format", format), "NOMINAL", Nominal(images=0))


def dataset_index(plan: Plan, name: str) -> tuple[pd.DataFrame, str]:
    """Return the rows of a data set's index.csv, and where they come from.

    The file itself is read where the suite has it. Else they are made up: as many as the config draws, or as the data set is
    known to have, of people with equally many pictures each, with the ages of the published histogram.
    """
    path = Path(plan.outputs("index_images", dataset=name)["index"])
    if path.exists():
        return read_table(path, "index"), "index.csv"
    dataset = plan.config["datasets"][name]
    known = nominal(dataset["format"])
    drawn = next((archive["synthetic"] for archive in dataset["archives"] if "synthetic" in archive), None)
    images, subjects = (drawn["images"], drawn["subjects"]) if drawn else (known.images, known.subjects)
    numbers = np.arange(images)
    index = pd.DataFrame({"image": [f"{number:07d}" for number in numbers], "age": _ages(known.histogram, images)})
    # The ages ascend within a part: shuffled, so that a subject's have nothing to do with its number.
    shuffled = pd.Series(numbers).sample(frac=1, random_state=0)
    index["subject"] = [f"{number:05d}" for number in shuffled % subjects] if subjects else None
    index["part"] = np.repeat(list(known.parts), _in_proportion(list(known.parts.values()), images)) if known.parts else None
    return index, "the config" if drawn else "docs/datasets.md" if images else "nothing yet"


def fold_sizes(settings: dict, index: pd.DataFrame, made_up: bool) -> dict[int, FoldSize]:
    """Return the size of each fold of an experiment, by its number, from the very protocol that will draw it.

    Of an index that is `made_up`, Setting II is a share, or the length of the list that the experiment names; of an empty one
    every fold that is needed is empty.

    Args:
        settings: of the experiment's job of assign_folds.
    """
    protocol, options, lines = settings["protocol"], settings["protocol_options"], settings["curriculum"]
    if index.empty:
        return dict.fromkeys(settings["needed"], FoldSize((0,) * (len(lines) + 1), 0, 0))
    if made_up and protocol.startswith("setting2"):
        index = index.sample(min(_setting2_images(options.get("list"), len(index)), len(index)), random_state=0)
        protocol, options = protocol.replace("setting2", "setting1"), {}
    folds = assign(protocol, index, settings["seed"], settings["validation"], options, lines)
    sizes = {}
    for fold, rows in folds.groupby("fold"):
        counts, courses = Counter(rows["part"]), rows.get("course", pd.Series(1, rows.index))[rows["part"] == "train"]
        train = tuple(int((courses <= course).sum()) for course in range(1, len(lines) + 2))
        sizes[fold] = FoldSize(train, counts["validation"], counts["test"])
    return sizes


def _ages(histogram: str | None, images: int) -> np.ndarray:
    if histogram is None:
        return np.linspace(0, 100, images).round()
    shares = pd.read_csv(PUBLISHED / histogram, index_col=0)
    counts = _in_proportion(shares.to_numpy().T.ravel(), images)  # of each age in the first part, then in the next
    return np.repeat(np.tile(shares.index.to_numpy(float), shares.shape[1]), counts)


def _in_proportion(sizes: Sequence[float], images: int) -> np.ndarray:
    ends = np.round(np.cumsum(sizes) / np.sum(sizes) * images).astype(int)
    return np.diff(ends, prepend=0)


def _setting2_images(listed: str | None, images: int) -> int:
    if listed and Path(listed).exists():
        return sum(bool(line.strip()) for line in Path(listed).read_text(errors="replace").splitlines())
    return round(SETTING2_SHARE * images)
