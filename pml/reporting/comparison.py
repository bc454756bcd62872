"""A comparison of methods with one of them, image by image."""

from collections.abc import Mapping, Sequence

import pandas as pd

from pml.data_name import DataName
from pml.evaluation.evaluate import check_seeds, metrics_of
from pml.evaluation.metrics import FEW, MANY
from pml.evaluation.pair import pair
from pml.evaluation.uncertainty import Estimate, estimate
from pml.evaluation.verdict import REFERENCE, holm, verdict
from pml.reporting.table import (
    EPSILON,
    INTERVAL,
    WHOLE_YEARS,
    Shown,
    as_p,
    as_text,
    budgets,
    marked,
    read_methods,
    with_interval,
)
from pml.tables import load_schema
from pml.task import Task

OWN = ["seeds", "folds", "images", "mae", "mae_low", "mae_high", "mae_std_over_seeds", "mae_many", "mae_medium", "mae_few"]
OWN += ["epsilon_error", "cs_5", "whole_years"]


def build(task: Task) -> Shown:
    """Return a comparison.

    Raises:
        InputError: the predictions lack a method, or its seeds were tested on different images.
    """
    experiments, pools, margin = task.settings["experiments"], {}, task.settings["margin"]
    for experiment, path in zip(experiments, task.inputs["pooled"], strict=True):
        pools[experiment["experiment"]] = pooled = read_methods(path, "pooled", experiment["methods"])
        check_seeds(pooled, path)
    table = compare(experiments, pools, task.settings["reference"], margin)
    return Shown(table, "comparison", cells_of(table), caption(table, margin, experiments))


def compare(
    experiments: Sequence[dict], pools: Mapping[str, pd.DataFrame], reference: Sequence[str], margin: float
) -> pd.DataFrame:
    """Return the `comparison` table: a row per experiment and method, both in the order given.

    The p-values of all rows, over all images and over few-shot ones, are corrected together.

    Args:
        experiments: all on the same data set.
        pools: the test predictions of each, schema `pooled`.
        reference: the experiment and the method that every row is compared with.
        margin: years within which a difference counts as none.
    """
    by_method = {name: dict(list(pool.groupby("method"))) for name, pool in pools.items()}
    of_reference = by_method[reference[0]][reference[1]]
    rows: list[dict] = []
    found = []
    for experiment in experiments:
        for method in experiment["methods"]:
            name, is_reference = experiment["experiment"], (experiment["experiment"], method["method"]) == tuple(reference)
            tested = by_method[name][method["method"]]
            own, data = metrics_of(tested), str(DataName(**experiment["data"]))
            row = {"data": data, "experiment": name, "method": method["label"], "start": method["start"]}
            row |= {name: own[name] for name in OWN}
            for ending, pairs in zip(("", "_few"), pair(tested, of_reference), strict=True):
                row[f"images{ending or '_paired'}"] = len(pairs) // max(pairs["seed"].nunique(), 1)
                of_pairs = estimate(pairs, pairs["difference"])
                row |= _described(of_pairs, margin, ending)
                if is_reference:
                    row[f"verdict{ending}"] = REFERENCE
                else:
                    found.append((len(rows), ending, of_pairs))
            rows.append(row)
    for (place, ending, of_pairs), corrected in zip(found, holm([each.p_value for *_, each in found]), strict=True):
        rows[place] |= {f"p_holm{ending}": corrected, f"verdict{ending}": verdict(of_pairs, corrected, margin)}
    return pd.DataFrame(rows, columns=list(load_schema("comparison")["properties"]))


def _described(found: Estimate, margin: float, ending: str) -> dict[str, float]:
    name, (low, high) = f"difference{ending}", found.interval
    tests = {f"p_value{ending}": found.p_value, f"p_equivalence{ending}": found.p_outside(margin)}
    return {name: found.mean, f"{name}_low": low, f"{name}_high": high, f"smallest{ending}": found.smallest, **tests}


def caption(table: pd.DataFrame, margin: float, experiments: Sequence[dict]) -> str:
    """Return what a reader must know to read the comparison's numbers."""
    reference = table[table["verdict"] == REFERENCE].iloc[0]
    several = table["experiment"].nunique() > 1
    name = reference["method"] + (f" in {reference['experiment']}" if several else "")
    sentences = [
        f"Mean absolute error (MAE) in years on {reference['data']}, and how far it lies from that of the reference, {name}.",
        "Difference: method minus reference, negative is better, over the images and seeds of each fold that both have.",
        INTERVAL,
        "Smallest: the smallest true difference that this design would have shown in 80 of 100 studies.",
        "p: of no difference, by Holm's rule corrected for all p-values of this table.",
        f"Verdict: equivalent if the difference is shown to be within {margin:g} years (two one-sided tests at 5 %); else "
        "lower or higher error if p is below 0.05. No difference shown does not mean that there is none.",
        f"Many, medium, few: MAE on ages with more than {MANY}, {FEW} to {MANY}, fewer than {FEW} training images in the row's "
        "own experiment; differences on few-shot images take those of the reference's experiment, the same images for both.",
        "CS(5): share of images with an error of at most 5 years.",
    ]
    if table["whole_years"].any():
        sentences.append(WHOLE_YEARS)
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
    compared = table.mask(table["verdict"] == REFERENCE)
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
        "p": as_p(compared["p_holm"]),
        "Verdict": table["verdict"],
        **{name.capitalize(): as_text(table[f"mae_{name}"]) for name in ("many", "medium", "few")},
        "Few paired": as_text(table["images_few"], "{:d}"),
        "Few difference": with_interval(compared, few, "{:+.3f}"),
        "Few smallest": as_text(compared["smallest_few"], "{:.3f}"),
        "Few p": as_p(compared["p_holm_few"]),
        "Verdict, few": table["verdict_few"],
        "CS(5)": marked(as_text(table["cs_5"], "{:.1%}"), table["whole_years"]),
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
