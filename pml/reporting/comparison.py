"""A comparison of methods with one of them, image by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pml.data_name import DataName
from pml.evaluation.evaluate import check_seeds, metrics_of
from pml.evaluation.metrics import FEW, MANY, shots
from pml.evaluation.uncertainty import uncertainty
from pml.files import load_schema
from pml.reporting.table import EPSILON, Shown, as_text, budgets, read_methods, with_interval
from pml.task import Task

OWN = ["seeds", "folds", "images", "mae", "mae_low", "mae_high", "mae_std_over_seeds", "mae_many", "mae_medium", "mae_few"]
OWN += ["epsilon_error", "cs_5"]


def build(task: Task) -> Shown:
    """Return a comparison.

    Raises:
        InputError: the predictions lack a method, or its seeds were tested on different images.
    """
    experiments, pools = task.settings["experiments"], {}
    for experiment, path in zip(experiments, task.inputs["pooled"], strict=True):
        pools[experiment["experiment"]] = pooled = read_methods(path, "pooled", experiment["methods"])
        check_seeds(pooled, path)
    table = compare(experiments, pools, task.settings["reference"])
    cluster = "subjects" if any(pooled["subject"].notna().any() for pooled in pools.values()) else "images"
    return Shown(table, "comparison", cells_of(table), caption(table, cluster, experiments))


@dataclass(frozen=True)
class Difference:
    """How far the absolute errors of a method lie from the reference's, method minus reference, in years; NaN without images.

    Attributes:
        images: that both were tested on in the same fold, summed over the folds.
        mean: over the images.
        low, high: 95 % interval of the mean, over people and trainings (`pml.evaluation.uncertainty`).
        smallest: the smallest true difference that would have been seen with 80 % power.
        min_seed, max_seed: the smallest and the largest mean of one seed of the method.
    """

    images: int
    mean: float
    low: float
    high: float
    smallest: float
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


def compare(experiments: Sequence[dict], pools: Mapping[str, pd.DataFrame], reference: Sequence[str]) -> pd.DataFrame:
    """Return the `comparison` table: a row per experiment and method, both in the order given.

    Args:
        experiments: all on the same data set.
        pools: the test predictions of each, schema `pooled`.
        reference: the experiment and the method that every row is compared with.
    """
    by_method = {name: dict(list(pool.groupby("method"))) for name, pool in pools.items()}
    of_reference = by_method[reference[0]][reference[1]]
    rows = []
    for experiment in experiments:
        for method in experiment["methods"]:
            name = experiment["experiment"]
            tested = by_method[name][method["method"]]
            own, data = metrics_of(tested), str(DataName(**experiment["data"]))
            row = {"data": data, "experiment": name, "method": method["label"], "start": method["start"]}
            row |= {name: own[name] for name in OWN} | _paired(tested, of_reference)
            if (name, method["method"]) == tuple(reference):
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
    row: dict[str, float | int | str] = {"images_paired": of_all.images, "images_few": of_few.images}
    row |= {"difference_min_seed": of_all.min_seed, "difference_max_seed": of_all.max_seed}
    row |= {"verdict": of_all.verdict, "verdict_few": of_few.verdict}
    for name, found in (("difference", of_all), ("difference_few", of_few)):
        row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
        row |= {f"smallest{name.removeprefix('difference')}": found.smallest}
    return row


def _errors_by_seed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the absolute errors of one method in years: a row per fold and image, a column per seed."""
    errors = rows.assign(error=(rows["predicted_age"] - rows["age"]).abs())
    return errors.pivot(index=["fold", "image"], columns="seed", values="error")


def _difference(errors: pd.DataFrame, reference: pd.DataFrame, clusters: pd.Series) -> Difference:
    """Return the difference of two tables of absolute errors, rows the same images, columns each one's seeds.

    A seed is compared with the reference's same seed, or with its mean over seeds where the reference lacks that one.
    """
    reference_mean = reference.mean(axis=1)
    # Rounded, lest rounding in a mean over seeds pass for a difference.
    of_seeds = errors.sub(reference.reindex(columns=errors.columns).T.fillna(reference_mean).T).round(9)
    by_seed = of_seeds if set(errors) == set(reference) else errors.sub(reference_mean, axis=0).round(9)
    folds = by_seed.index.get_level_values("fold")
    trainings = np.array([f"{fold} {seed}" for fold in folds for seed in by_seed])
    found = uncertainty(by_seed.to_numpy().ravel(), np.repeat(clusters.to_numpy(), by_seed.shape[1]), trainings)
    means = of_seeds.mean()
    return Difference(
        len(by_seed), by_seed.mean(axis=1).mean(), found.low, found.high, found.smallest, means.min(), means.max()
    )


def caption(table: pd.DataFrame, cluster: str, experiments: Sequence[dict]) -> str:
    """Return what a reader must know to read the comparison's numbers; `cluster` is what the intervals draw."""
    reference = table[table["verdict"] == "reference"].iloc[0]
    several = table["experiment"].nunique() > 1
    name = reference["method"] + (f" in {reference['experiment']}" if several else "")
    sentences = [
        f"Mean absolute error (MAE) in years on {reference['data']}, and how far it lies from that of the reference, {name}.",
        "Difference: method minus reference, negative is better, over the images that both were tested on in the same fold; "
        "absolute errors are averaged over seeds first, then subtracted image by image.",
        f"In brackets behind MAE the 95 % interval from a bootstrap over the {cluster} that were tested. In brackets behind a "
        f"difference the 95 % interval over the {cluster} and the trainings; of one training it leaves out what another one "
        "would have given. Smallest: the smallest true difference that this design would have shown in 80 of 100 studies.",
        "Each seed: smallest and largest difference of one seed, from the reference's same seed, or from its mean over seeds "
        "where it lacks that one.",
        "Verdict: lower or higher error only if the interval excludes 0 and the differences of all seeds have one sign; with "
        "one seed the interval alone decides. No difference shown does not mean that there is none, and no verdict is "
        "corrected for the number of rows.",
        f"Many, medium, few: MAE on ages with more than {MANY}, {FEW} to {MANY}, fewer than {FEW} training images in the row's "
        "own experiment; differences on few-shot images take those of the reference's experiment, the same images for both.",
        "CS(5): share of images with an error of at most 5 years.",
    ]
    if table["epsilon_error"].notna().any():
        sentences.append(EPSILON)
    if experiments[0]["data"]["synthetic"]:
        sentences.append("The images are synthetic: this shows that the suite works and ranks no method among people.")
    sentences += [f"{experiment}: {note}" if several else note for experiment, note in budgets(experiments).items()]
    return " ".join(sentences)


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison, schema `comparison`, as a reader wants it.

    Columns that tell nothing are left out, and the reference has no difference from itself.
    """
    compared = table.mask(table["verdict"] == "reference")
    few = ["difference_few", "difference_few_low", "difference_few_high"]
    columns = {
        "Data": table["data"],
        "Experiment": table["experiment"],
        "Method": table["method"],
        "Start": table["start"].astype(object).fillna("–"),
        **{name.capitalize(): as_text(table[name], "{:d}") for name in ("seeds", "images")},
        "MAE": with_interval(table, ["mae", "mae_low", "mae_high"]),
        "Paired": as_text(table["images_paired"], "{:d}"),
        "Difference": with_interval(compared, ["difference", "difference_low", "difference_high"], "{:+.3f}"),
        "Smallest": as_text(compared["smallest"], "{:.3f}"),
        "Each seed": _range(compared["difference_min_seed"], compared["difference_max_seed"]),
        "Verdict": table["verdict"],
        **{name.capitalize(): as_text(table[f"mae_{name}"]) for name in ("many", "medium", "few")},
        "Few paired": as_text(table["images_few"], "{:d}"),
        "Few difference": with_interval(compared, few, "{:+.3f}"),
        "Few smallest": as_text(compared["smallest_few"], "{:.3f}"),
        "Verdict, few": table["verdict_few"],
        "CS(5)": as_text(table["cs_5"], "{:.1%}"),
        "ε": as_text(table["epsilon_error"], "{:.3f}"),
    }
    if table["start"].isna().all():
        del columns["Start"]
    if table["experiment"].nunique() == 1:
        del columns["Experiment"]
    if (table["images_paired"] == table["images"]).all():
        del columns["Paired"]
    if table["epsilon_error"].isna().all():
        del columns["ε"]
    return pd.DataFrame(columns)


def _range(low: pd.Series, high: pd.Series) -> pd.Series:
    """Return "low to high" of each row, a dash where there is none."""
    low, high = as_text(low, "{:+.2f}"), as_text(high, "{:+.2f}")
    return (low + " to " + high).where(low != "–", "–")
