"""How a comparison of methods is shown: its caption and its cells."""

from collections.abc import Mapping

import pandas as pd

from pml.evaluation.metrics import FEW, MANY
from pml.reporting.table_text import EPSILON, as_text, with_interval
from pml.synthetic_mark import any_marked


def caption(table: pd.DataFrame, cluster: str, notes: Mapping[str, str]) -> str:
    """Return what a reader must know to read the comparison's numbers, as plain text.

    Args:
        table: schema `comparison`.
        cluster: what the intervals draw, "subjects" or "images".
        notes: of each experiment, what its trainings had to work with.
    """
    reference = table[table["verdict"] == "reference"].iloc[0]
    several = table["experiment"].nunique() > 1
    name = reference["method"] + (f" in {reference['experiment']}" if several else "")
    sentences = [
        f"Mean absolute error (MAE) in years on {reference['data']}, and how far it lies from that of the reference, {name}.",
        "Difference: method minus reference, negative is better, over the images that both were tested on in the same fold; "
        "absolute errors are averaged over seeds first, then subtracted image by image.",
        f"In brackets the 95 % interval from a bootstrap over the {cluster} that were tested, which leaves out the variation "
        f"between trainings and is too narrow where the {cluster} are few.",
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
    if any_marked(table["data"]):
        sentences.append("The images are synthetic: this shows that the suite works and ranks no method among people.")
    sentences += [f"{experiment}: {note}" if several else note for experiment, note in notes.items()]
    return " ".join(sentences).strip()


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison, schema `comparison`, as a reader wants it: fewer columns, all text.

    Columns that tell nothing are left out, and the reference has no difference from itself.
    """
    compared = table.mask(table["verdict"] == "reference")
    few = ["difference_few", "difference_few_low", "difference_few_high"]
    columns = {
        "Data": table["data"],
        "Experiment": table["experiment"],
        "Method": table["method"],
        **{name.capitalize(): as_text(table[name], "{:d}") for name in ("seeds", "images")},
        "MAE": with_interval(table, ["mae", "mae_low", "mae_high"]),
        "Paired": as_text(table["images_paired"], "{:d}"),
        "Difference": with_interval(compared, ["difference", "difference_low", "difference_high"], "{:+.2f}"),
        "Each seed": _range(compared["difference_min_seed"], compared["difference_max_seed"]),
        "Verdict": table["verdict"],
        **{name.capitalize(): as_text(table[f"mae_{name}"]) for name in ("many", "medium", "few")},
        "Few paired": as_text(table["images_few"], "{:d}"),
        "Few difference": with_interval(compared, few, "{:+.2f}"),
        "Verdict, few": table["verdict_few"],
        "CS(5)": as_text(table["cs_5"], "{:.1%}"),
        "ε": as_text(table["epsilon_error"], "{:.3f}"),
    }
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
