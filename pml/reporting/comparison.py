"""A comparison of methods with one of them, image by image, as CSV, Markdown and LaTeX.

    python -m pml.reporting.comparison --comparison parts --experiments experiments.json --reference utkface_random kl
        --data UTKFace --csv parts.csv --markdown parts.md --latex parts.tex

experiments.json lists the experiments, each with the keys `experiment`, `pooled` (the path of its pooled.csv), `note` (what its
trainings had to work with, for the caption) and `labels` ({method: label} of the methods to show).
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.evaluation.evaluate import check_seeds, metrics_of
from pml.evaluation.metrics import mean_interval, shots
from pml.files import check_list, load_schema, read_json, read_table, write_table, write_text
from pml.reporting.comparison_text import caption, shown
from pml.reporting.table_text import to_latex, to_markdown
from pml.synthetic_mark import marked

KEYS = {"experiment", "pooled", "note", "labels"}
OWN = ["seeds", "folds", "images", "mae", "mae_low", "mae_high", "mae_std_over_seeds", "mae_many", "mae_medium", "mae_few"]
OWN += ["epsilon_error", "cs_5"]


@dataclass(frozen=True)
class Experiment:
    """The rows that one experiment gives to a comparison.

    Attributes:
        name: of the experiment.
        pooled: the test predictions of its methods, schema `pooled`.
        note: what its trainings had to work with, for the caption.
        labels: of the methods to show, in the order of the rows.
    """

    name: str
    pooled: pd.DataFrame
    note: str
    labels: dict[str, str]

    def rows_of(self, method: str) -> pd.DataFrame:
        """Return the rows of `pooled` that hold the predictions of one method."""
        return self.pooled[self.pooled["method"] == method]


@dataclass(frozen=True)
class Difference:
    """How far the absolute errors of a method lie from the reference's, method minus reference, in years; NaN without images.

    Attributes:
        images: that both were tested on in the same fold, summed over the folds.
        mean: over the images.
        low, high: 95 % interval of the mean.
        min_seed, max_seed: the smallest and the largest mean of one seed of the method.
    """

    images: int
    mean: float
    low: float
    high: float
    min_seed: float
    max_seed: float

    @property
    def verdict(self) -> str:
        """What the difference shows, in a few fixed words: the interval and every seed must agree that there is one."""
        if not self.images:
            return "no common images"
        if self.high < 0 and self.max_seed < 0:
            return "lower error"
        return "higher error" if self.low > 0 and self.min_seed > 0 else "no difference shown"


def compare(experiments: Sequence[Experiment], reference: tuple[str, str], data: str, synthetic: bool) -> pd.DataFrame:
    """Return the `comparison` table: a row per experiment and labelled method, both in the order given.

    Args:
        experiments: all on the same data set.
        reference: the experiment and the method that every row is compared with.
        data: name of the data set.
        synthetic: whether its images are synthetic.
    """
    of_reference = next(one for one in experiments if one.name == reference[0]).rows_of(reference[1])
    rows = []
    for experiment in experiments:
        for method, label in experiment.labels.items():
            tested = experiment.rows_of(method)
            own = metrics_of(tested)
            row = {"data": marked(data, synthetic), "experiment": experiment.name, "method": label}
            row |= {name: own[name] for name in OWN} | _paired(tested, of_reference)
            if (experiment.name, method) == reference:
                row |= {"verdict": "reference", "verdict_few": "reference"}
            rows.append(row)
    return pd.DataFrame(rows, columns=list(load_schema("comparison")["properties"]))


def differences(tested: pd.DataFrame, reference: pd.DataFrame) -> tuple[Difference, Difference]:
    """Return how a method differs from the reference on all images and on the few-shot ones.

    Images are paired that both were tested on in the same fold. An image is few-shot if it is so in the training data of the
    reference, also where the method trained on other data: what is few-shot then differs, but the same images are compared.

    Args:
        tested: the rows of `pooled` of the method.
        reference: those of the reference.
    """
    errors, reference_errors = _errors_by_seed(tested), _errors_by_seed(reference)
    paired = errors.index.intersection(reference_errors.index)
    errors, reference_errors = errors.loc[paired], reference_errors.loc[paired]
    images = reference.drop_duplicates(["fold", "image"]).set_index(["fold", "image"], drop=False).loc[paired]
    subjects = images["subject"].fillna(images["image"])
    few = shots(images["train_images"]) == "few"
    return _difference(errors, reference_errors, subjects), _difference(errors[few], reference_errors[few], subjects[few])


def _paired(tested: pd.DataFrame, reference: pd.DataFrame) -> dict[str, float | int | str]:
    """Return the columns of a row that compare it with the reference."""
    of_all, of_few = differences(tested, reference)
    return {
        "images_paired": of_all.images,
        "difference": of_all.mean,
        "difference_low": of_all.low,
        "difference_high": of_all.high,
        "difference_min_seed": of_all.min_seed,
        "difference_max_seed": of_all.max_seed,
        "verdict": of_all.verdict,
        "images_few": of_few.images,
        "difference_few": of_few.mean,
        "difference_few_low": of_few.low,
        "difference_few_high": of_few.high,
        "verdict_few": of_few.verdict,
    }


def _errors_by_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the absolute errors of one method in years: a row per fold and image, a column per seed."""
    errors = rows.assign(error=(rows["predicted_age"] - rows["age"]).abs())
    return errors.pivot(index=["fold", "image"], columns="seed", values="error")


def _difference(errors: pd.DataFrame, reference: pd.DataFrame, clusters: pd.Series) -> Difference:
    """Return the difference of two tables of absolute errors, rows the same images, columns each one's seeds.

    A seed is compared with the reference's same seed, or with its mean over seeds where the reference lacks that one.
    """
    reference_mean = reference.mean(axis=1)
    of_images = (errors.mean(axis=1) - reference_mean).round(9)  # lest rounding in a mean over seeds pass for a difference
    of_seeds = [(errors[seed] - reference.get(seed, reference_mean)).mean() for seed in errors]
    interval = mean_interval(of_images, clusters)
    return Difference(len(of_images), of_images.mean(), *interval, min(of_seeds), max(of_seeds))


def read_experiments(path: str, reference: tuple[str, str]) -> list[Experiment]:
    """Read the JSON list of experiments, and the predictions that each names.

    Raises:
        InputError: the file is not such a list, it names an experiment twice or lacks the reference, the predictions lack a
            method, or its seeds were tested on different images.
    """
    entries = read_json(path)
    check_list(entries, KEYS, "experiment", path)
    labels = {entry["experiment"]: entry["labels"] for entry in entries}
    for name, known in ((reference[0], labels), (reference[1], labels.get(reference[0], {}))):
        if name not in known:
            raise InputError(f"{path}: lacks the reference's '{name}'{suggest(name, known)}")
    experiments = []
    for entry in entries:
        pooled = read_table(entry["pooled"], "pooled")
        check_seeds(pooled, entry["pooled"])
        for method in entry["labels"]:
            if method not in set(pooled["method"]):
                raise InputError(
                    f"{entry['pooled']}: no method '{method}', which has a label{suggest(method, pooled['method'])}"
                )
        experiments.append(Experiment(entry["experiment"], pooled, entry["note"], entry["labels"]))
    return experiments


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table that compares methods with one of them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--comparison", required=True, help="name of the comparison")
    parser.add_argument("--experiments", required=True, help="JSON list of the experiments to compare")
    parser.add_argument("--reference", required=True, nargs=2, metavar=("EXPERIMENT", "METHOD"))
    parser.add_argument("--data", required=True, help="name of the data set, such as UTKFace")
    parser.add_argument("--synthetic", action="store_true", help="its images are synthetic")
    parser.add_argument("--csv", required=True)
    parser.add_argument("--markdown", required=True)
    parser.add_argument("--latex", required=True)
    options = parser.parse_args(arguments)

    experiments = read_experiments(options.experiments, tuple(options.reference))
    table = compare(experiments, tuple(options.reference), options.data, options.synthetic)
    write_table(table, options.csv, "comparison")

    with_subjects = any(experiment.pooled["subject"].notna().any() for experiment in experiments)
    notes = {experiment.name: experiment.note for experiment in experiments}
    text = caption(table, "subjects" if with_subjects else "images", notes)
    write_text(to_markdown(shown(table), text), options.markdown)
    write_text(to_latex(shown(table), text, f"table_{options.comparison}"), options.latex)


if __name__ == "__main__":
    main()
