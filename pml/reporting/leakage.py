"""How much of each method's accuracy comes from test images of people who are in training too."""

from collections.abc import Sequence

import pandas as pd

from pml.data_name import DataName
from pml.errors import InputError, suggest
from pml.files import check_indexed, load_schema, read_table
from pml.reporting.table_text import Shown, as_text

CAPTION = (
    "What knowing the people is worth. Seen: share of the protocol's test images, over all its folds, whose subject has images "
    "in the training part of that fold. MAE: mean absolute error in years over the images that were tested under the protocol "
    "named and, beside it, under its subject-exclusive twin, where no subject is seen. Difference: exclusive minus random, "
    "large where a method profits from people it has met. References that look at no face are rows as well: what looking up a "
    "subject's other pictures reaches needs no estimate of age at all."
)
SYNTHETIC = " Data marked synthetic are drawn faces: they show that the suite works, not how large the effect is among people."


def build_leakage(inputs: dict, experiments: list[dict], settings: dict) -> Shown:
    """Return the leakage table."""
    table = leakage(experiments, inputs["experiments"])
    synthetic = any(experiment["data"]["synthetic"] for experiment in experiments)
    return Shown(table, "leakage", cells_of(table), CAPTION + (SYNTHETIC if synthetic else ""))


def seen_share(folds: pd.DataFrame, index: pd.DataFrame) -> float:
    """Return the share of the test images, over all folds, whose subject is in the same fold's training part.

    Images without a subject are left out; NaN if no test image has one. Validation images are not training.
    """
    subjects = index.set_index("image")["subject"]
    known = folds.assign(subject=folds["image"].map(subjects)).dropna(subset="subject")
    train, test = (
        pd.MultiIndex.from_frame(known.loc[known["part"] == part, ["fold", "subject"]]) for part in ("train", "test")
    )
    return float(test.isin(train).mean()) if len(test) else float("nan")


def leakage(experiments: Sequence[dict], files: Sequence[dict]) -> pd.DataFrame:
    """Return the `leakage` table: a row per experiment and method, both in the order given.

    Args:
        experiments: each with its protocol and its subject-exclusive twin, if it has one, also among the experiments.
        files: of each experiment its index, its folds and its metrics.

    Raises:
        InputError: a table lacks a method, or an image of the folds is not in the index.
    """
    metrics = {
        experiment["experiment"]: _own_metrics(experiment, paths["metrics"])
        for experiment, paths in zip(experiments, files, strict=True)
    }
    protocols = {experiment["experiment"]: experiment["protocol"] for experiment in experiments}
    rows = []
    for experiment, paths in zip(experiments, files, strict=True):
        index, folds = read_table(paths["index"], "index"), read_table(paths["folds"], "folds")
        check_indexed(folds["image"], paths["folds"], index["image"], paths["index"])
        shared = {
            "data": str(DataName(**experiment["data"])),
            "protocol": experiment["protocol"],
            "seen_share": seen_share(folds, index),
            "exclusive_protocol": protocols.get(experiment["twin"]),
        }
        for entry in experiment["methods"]:
            method = entry["method"]
            own = metrics[experiment["experiment"]].loc[method]
            exclusive = float("nan")
            if experiment["twin"] and method in metrics[experiment["twin"]].index:
                exclusive = metrics[experiment["twin"]].at[method, "mae"]
            row = {"method": entry["label"], "images": own["images"], "mae": own["mae"]}
            row |= {"exclusive_mae": exclusive, "difference": exclusive - own["mae"]}
            rows.append(shared | row)
    return pd.DataFrame(rows, columns=list(load_schema("leakage")["properties"])).astype({"images": int})


def _own_metrics(experiment: dict, path: str) -> pd.DataFrame:
    """Return each method's `metrics` over all images that it was tested on, by method."""
    metrics = read_table(path, "metrics")
    own = metrics[metrics["scope"] == "own"].set_index("method")
    for entry in experiment["methods"]:
        if entry["method"] not in own.index:
            raise InputError(f"{path}: no method '{entry['method']}'{suggest(entry['method'], own.index)}")
    return own


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as a reader wants it."""
    return pd.DataFrame(
        {
            "Data": table["data"],
            "Protocol": table["protocol"],
            "Seen": as_text(table["seen_share"], "{:.1%}"),
            "Method": table["method"],
            "Images": as_text(table["images"], "{:d}"),
            "MAE": as_text(table["mae"]),
            "Exclusive protocol": as_text(table["exclusive_protocol"], "{}"),
            "Exclusive MAE": as_text(table["exclusive_mae"]),
            "Difference": as_text(table["difference"], "{:+.2f}"),
        }
    )
