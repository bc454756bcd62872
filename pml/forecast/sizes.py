"""How many images a suite will have, and how many of them each fold trains on and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pml.files import read_table
from pml.folds.assign import assign

PUBLISHED = Path(__file__).parents[2] / "published"
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Nominal:
    """A data set as docs/datasets.md describes it.

    Attributes:
        images: that are indexed.
        subjects: 0 where the data set does not tell them.
        parts: images of the owners' parts, if there are any.
        megabytes: of what is downloaded; None where it is not known.
    """

    images: int
    subjects: int = 0
    parts: tuple[int, int, int] | None = None
    megabytes: int | None = None


NOMINAL = {
    "fgnet": Nominal(1_002, 82, megabytes=46),
    "morph2": Nominal(55_134, 13_617),
    "chalearn": Nominal(4_691, 0, (2_476, 1_136, 1_079)),
    # The paper keeps "about 300,000" of 523,051 (Sec. 4); how many the filters will keep is not known. The owners' page says
    # 7 GB and 1 GB.
    "imdb_wiki": Nominal(300_000, megabytes=8_000),
    "utkface": Nominal(23_708),
    "appa_real": Nominal(7_591, 0, (4_113, 1_500, 1_978)),
}
SETTING2_SHARE = 5_718 / 55_134  # of Morph II, by the rule of pml.folds.setting2
HISTOGRAMS = {
    "fgnet": "fgnet_age_histogram.csv",
    "morph2": "morph2_age_histogram.csv",
    "chalearn": "chalearn2015_age_histogram.csv",
}


@dataclass(frozen=True)
class FoldSize:
    """The images of one fold.

    Attributes:
        train: of each curriculum in turn; one number where there are none.
        validation, test: of these parts.
    """

    train: tuple[int, ...]
    validation: int
    test: int


def dataset_index(config: dict, name: str) -> tuple[pd.DataFrame, str]:
    """Return the rows of a data set's index.csv, and where they come from.

    The file itself is read where the suite has it. Else they are made up: as many as the config draws, or as the data set is
    known to have, of people with equally many pictures each, with the ages of the published histogram.
    """
    path = Path("results", config["suite"], "datasets", name, "index.csv")
    if path.exists():
        return read_table(path, "index"), "index.csv"
    dataset = config["datasets"][name]
    nominal = NOMINAL[dataset["format"]]
    drawn = next((archive["synthetic"] for archive in dataset["archives"] if "synthetic" in archive), None)
    images, subjects = (drawn["images"], drawn["subjects"]) if drawn else (nominal.images, nominal.subjects)
    numbers = np.arange(images)
    index = pd.DataFrame({"image": [f"{number:07d}" for number in numbers], "age": _ages(dataset["format"], images)})
    index["subject"] = [f"{number:05d}" for number in numbers % subjects] if subjects else None
    index["part"] = np.repeat(PARTS, _in_proportion(nominal.parts, images)) if nominal.parts else None
    # The ages ascend within a part: shuffled, so that a subject's have nothing to do with its number.
    index["subject"] = index["subject"].sample(frac=1, random_state=0).to_numpy()
    return index, "the config" if drawn else "docs/datasets.md"


def fold_sizes(experiment: dict, index: pd.DataFrame, made_up: bool) -> dict[int, FoldSize]:
    """Return the size of each fold of an experiment, by its number, from the very protocol that will draw it.

    Of an index that is `made_up`, Setting II is a share, or the length of the list that the experiment names.
    """
    protocol, options = experiment["protocol"], experiment["protocol_options"]
    if made_up and protocol.startswith("setting2"):
        count = _setting2_images(options.get("list"), len(index))
        index, options = index.sample(min(count, len(index)), random_state=0), {}
        protocol = protocol.replace("setting2", "setting1")
    folds = assign(protocol, index, experiment["fold_seed"], experiment["validation"], options, experiment["curriculum"])
    counts = folds.groupby(["fold", "part"]).size().unstack(fill_value=0).reindex(columns=PARTS, fill_value=0)
    curricula = range(1, len(experiment["curriculum"]) + 2)
    train = folds[folds["part"] == "train"]
    first = train["course"] if "course" in train else pd.Series(1, train.index)
    sizes = {}
    for fold, part in counts.iterrows():
        of_fold = first[train["fold"] == fold]
        sizes[fold] = FoldSize(
            tuple(int((of_fold <= curriculum).sum()) for curriculum in curricula), *part[["validation", "test"]]
        )
    return sizes


def _ages(format: str, images: int) -> np.ndarray:
    """Return ages in proportion to the published histogram, part by part where it has parts; evenly spread without one."""
    if format not in HISTOGRAMS:
        return np.linspace(0, 100, images).round()
    histogram = pd.read_csv(PUBLISHED / HISTOGRAMS[format], index_col=0)
    shares = histogram.to_numpy().T.ravel()  # of each age in the first part, then in the next
    return np.repeat(np.tile(histogram.index.to_numpy(float), histogram.shape[1]), _in_proportion(shares, images))


def _in_proportion(sizes: Sequence[float], images: int) -> np.ndarray:
    ends = np.round(np.cumsum(sizes) / np.sum(sizes) * images).astype(int)
    return np.diff(ends, prepend=0)


def _setting2_images(listed: str | None, images: int) -> int:
    if listed and Path(listed).exists():
        return sum(bool(line.strip()) for line in Path(listed).read_text(errors="replace").splitlines())
    return round(SETTING2_SHARE * images)
