"""Errors under the stress protocols: on ages that were seen in training and on those that were not, by how far off they are."""

import numpy as np
import pandas as pd

from pml.data_name import DataName
from pml.evaluation.evaluate import is_common
from pml.evaluation.uncertainty import estimate
from pml.reporting.table import INTERVAL, Shown, as_text, budgets, read_pooled, with_interval
from pml.tables import load_schema
from pml.task import Task

AGES = {
    "all": (0, np.inf),
    "seen": (0, 0),
    "unseen": (1, np.inf),
    "1-2 years off": (1, 2),
    "3-5 years off": (3, 5),
    "6 years off or more": (6, np.inf),
}


def build(task: Task) -> Shown:
    """Return the table: rows for each method of each experiment under a stress protocol.

    Raises:
        InputError: the predictions lack a method of the experiment, or their seeds differ in the images.
    """
    experiments, rows = task.settings["experiments"], []
    for experiment, path in zip(experiments, task.inputs["pooled"], strict=True):
        pooled = read_pooled(path, experiment["methods"])
        pooled = pooled[is_common(pooled)]
        shared = {"data": str(DataName(**experiment["data"]))} | {key: experiment[key] for key in ("experiment", "protocol")}
        for method in experiment["methods"]:
            own = pooled[pooled["method"] == method["method"]]
            of_method = shared | {"method": method["label"], "start": method["start"], "seeds": own["seed"].nunique()}
            rows += [of_method | {"ages": name} | errors_of(own, *span) for name, span in AGES.items()]
    table = pd.DataFrame(rows, columns=list(load_schema("stress")["properties"]))
    return Shown(table, "stress", cells_of(table), caption(experiments))


def errors_of(own: pd.DataFrame, nearest: float, farthest: float) -> dict[str, float]:
    """Return the errors of one method's rows of `pooled` whose ages lie so far from one that is trained on."""
    rows = own[own["distance"].between(nearest, farthest)]
    errors = rows["predicted_age"] - rows["age"]
    found = estimate(rows, errors.abs())
    low, high = np.clip(found.interval, 0, None)
    images = len(rows) // max(own["seed"].nunique(), 1)
    return {"images": images, "mae": found.mean, "mae_low": low, "mae_high": high, "bias": errors.mean()}


def caption(experiments: list[dict]) -> str:
    """Return what a reader must know to read the table."""
    sentences = [
        "Mean absolute error in years under protocols that train on few ages and test as many images of every age. Seen: ages "
        "with training images in the same fold. Off: years from the nearest such age. Bias: predicted less true age. "
        + INTERVAL,
    ]
    if any(experiment["data"]["synthetic"] for experiment in experiments):
        sentences.append("Synthetic images show that the suite works; their errors say nothing about people.")
    return " ".join([*sentences, *(f"{name}: {note}" for name, note in budgets(experiments).items())])


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, schema `stress`, as a reader wants it: a row for each method, a column for each kind of age."""
    keys = ["data", "experiment", "protocol", "method", "start", "seeds"]
    wide = table.assign(mae=with_interval(table, ["mae", "mae_low", "mae_high"]), bias=as_text(table["bias"], "{:+.1f}"))
    wide = wide.assign(start=wide["start"].fillna("–"), seeds=as_text(wide["seeds"], "{:d}"))
    images = table.groupby(["experiment", "ages"], sort=False)["images"].first()
    rows = []
    for values, own in wide.groupby(keys, sort=False):
        row = dict(zip(map(str.capitalize, keys), values, strict=True))
        for each in own.itertuples():
            row[f"MAE, {each.ages}"] = each.mae
        row |= {"Bias, unseen": own.set_index("ages").loc["unseen", "bias"]}
        rows.append(row | {"Unseen images": f"{images[row['Experiment'], 'unseen']:,}"})
    return pd.DataFrame(rows)
