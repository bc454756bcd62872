"""How much of each method's accuracy comes from test images of people who are in training too."""

import pandas as pd

from pml.data_name import DataName
from pml.reporting.table import Shown, as_text, read_methods
from pml.tables import check_indexed, load_schema, read_table
from pml.task import Task

CAPTION = (
    "What knowing the people is worth. Seen: share of the protocol's test images, over all its folds, whose subject has images "
    "in the training part of that fold. MAE: mean absolute error in years over the images that were tested under the protocol "
    "named and, beside it, under its subject-exclusive twin, where no subject is seen. Difference: exclusive minus random, "
    "large where a method profits from people it has met. References that look at no face are rows as well: what looking up a "
    "subject's other pictures reaches needs no estimate of age at all."
)
SYNTHETIC = " Data marked synthetic are drawn faces: they show that the suite works, not how large the effect is among people."


def build(task: Task) -> Shown:
    """Return the leakage table: a row per experiment and method, both in the order given.

    Raises:
        InputError: a table lacks a method, or an image of the folds is not in the index.
    """
    experiments = {experiment["experiment"]: experiment for experiment in task.settings["experiments"]}
    files = dict(zip(experiments, task.inputs["experiments"], strict=True))
    metrics = {name: _own_metrics(files[name]["metrics"], of["methods"]) for name, of in experiments.items()}
    rows = []
    for name, experiment in experiments.items():
        index, folds = (read_table(files[name][table], table) for table in ("index", "folds"))
        check_indexed(folds["image"], files[name]["folds"], index["image"], files[name]["index"])
        twin = experiments.get(experiment["twin"], {})
        shared = {
            "data": str(DataName(**experiment["data"])),
            "protocol": experiment["protocol"],
            "seen_share": seen_share(folds, index),
            "exclusive_protocol": twin.get("protocol"),
        }
        for method in experiment["methods"]:
            own = metrics[name].loc[method["method"]]
            exclusive = metrics[twin["experiment"]]["mae"].get(method["method"], float("nan")) if twin else float("nan")
            row = {"method": method["label"], "images": own["images"], "mae": own["mae"]}
            rows.append(shared | row | {"exclusive_mae": exclusive, "difference": exclusive - own["mae"]})
    table = pd.DataFrame(rows, columns=list(load_schema("leakage")["properties"])).astype({"images": int})
    synthetic = any(experiment["data"]["synthetic"] for experiment in experiments.values())
    return Shown(table, "leakage", cells_of(table), CAPTION + (SYNTHETIC if synthetic else ""))


def _own_metrics(path: str, methods: list[dict]) -> pd.DataFrame:
    """Return each method's `metrics` over all images that it was tested on, by method."""
    metrics = read_methods(path, "metrics", methods)
    return metrics[metrics["scope"] == "own"].set_index("method")


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
