"""Stage: pool the test predictions of an experiment and turn them into metrics of each method."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pml.data_name import DataName
from pml.errors import InputError
from pml.evaluation import metrics
from pml.evaluation.pair import pair
from pml.evaluation.pool import pool
from pml.evaluation.uncertainty import LEVEL, estimate
from pml.tables import write_table
from pml.task import Task


def evaluate_predictions(task: Task) -> None:
    """Write the pooled predictions and the metrics, of the runs' end or of the end of one course of their curriculum."""
    inputs, outputs, settings = task.inputs, task.outputs, task.settings
    pooled = pool(inputs["index"], inputs["folds"], inputs["jobs"], settings["course"], settings["exclusive"])
    check_seeds(pooled, ", ".join(inputs["jobs"]))
    write_table(pooled, outputs["pooled"], "pooled")
    table = evaluate(pooled, settings["selection"], settings["trained"]).assign(data=str(DataName(**settings["data"])))
    write_table(table, outputs["metrics"], "metrics")


def evaluate(pooled: pd.DataFrame, selection: str = "last", trained: Sequence[str] = ()) -> pd.DataFrame:
    """Return the `metrics` table but for `data`: a row per method and scope, methods in the order of `pooled`.

    Args:
        pooled: as pooled.schema.yaml.
        selection: by what the epoch that predicts was chosen (`training.selection` of the config).
        trained: the methods that look at pixels, of which one may be the best.

    Scope `own` holds every image the method was tested on, `common` those that all methods were tested on in the same fold:
    methods may have run on some of the folds only, and only `common` compares them.
    """
    common = is_common(pooled)
    rows = []
    for method in pooled["method"].unique():
        own = pooled["method"] == method
        rows.append({"method": method, "scope": "own", **metrics_of(pooled[own])})
        rows.append({"method": method, "scope": "common", **metrics_of(pooled[own & common])})
    table = pd.DataFrame(rows).assign(selection=selection)
    return table.assign(best=(table["scope"] == "common") & (table["method"] == best(pooled[common], trained)))


def best(pooled: pd.DataFrame, methods: Sequence[str]) -> str | None:
    """Return the one of these methods with the lowest MAE, if its difference from the next is shown; else None."""
    errors = (pooled["predicted_age"] - pooled["age"]).abs().groupby(pooled["method"]).mean()
    ranked = errors.filter(items=methods).nsmallest(2).index
    if len(ranked) < 2:
        return None
    first, second = (pooled[pooled["method"] == method] for method in ranked)
    pairs, _ = pair(first, second)
    return ranked[0] if estimate(pairs, pairs["difference"]).p_value < 1 - LEVEL else None


def is_common(pooled: pd.DataFrame) -> pd.Series:
    """Tell for each row whether every method was tested on its image in its fold."""
    return pooled.groupby(["fold", "image"])["method"].transform("nunique") == pooled["method"].nunique()


def metrics_of(rows: pd.DataFrame) -> dict[str, float | int]:
    """Return the metrics of one method's rows of `pooled`: a row of the table `metrics` but for its method and scope.

    Every seed was tested on the same images, so a mean over the rows is also the mean over seeds, and `images` is a count of
    test images, summed over the folds.
    """
    seeds = rows["seed"].nunique()
    errors = (rows["predicted_age"] - rows["age"]).to_numpy()
    shot = metrics.shots(rows["train_images"])
    stds = rows["age_std"].to_numpy()
    of_mae, of_epsilon = estimate(rows, np.abs(errors)), estimate(rows, metrics.epsilon_errors(errors, stds))
    low, high = np.clip(of_mae.interval, 0, None)
    epsilon_low, epsilon_high = np.clip(of_epsilon.interval, 0, 1)
    row = {
        "seeds": seeds,
        "folds": rows["fold"].nunique(),
        "images": len(rows) // max(seeds, 1),
        "subjects": rows["subject"].nunique(),
        "mae": metrics.mae(errors),
        "mae_low": low,
        "mae_high": high,
        "mae_std_over_seeds": pd.Series(errors).abs().groupby(rows["seed"].to_numpy()).mean().std(),
        "mae_per_subject": metrics.mae_per_subject(errors, rows["subject"]),
        "epsilon_error": metrics.epsilon_error(errors, stds),
        "epsilon_error_low": epsilon_low,
        "epsilon_error_high": epsilon_high,
        "geometric_mean": metrics.geometric_mean_error(errors),
        "no_interval": of_mae.unknown or None,
        "whole_years": bool((rows["predicted_age"] % 1 == 0).all()),
    }
    for name in metrics.SHOTS:
        of_shot = errors[shot == name]
        row[f"images_{name}"] = len(of_shot) // max(seeds, 1)
        row[f"mae_{name}"] = metrics.mae(of_shot)
        row[f"geometric_mean_{name}"] = metrics.geometric_mean_error(of_shot)
    for theta in metrics.CS_THETAS:
        row[f"cs_{theta}"] = metrics.cumulative_score(errors, theta)
    return row


def check_seeds(pooled: pd.DataFrame, path: str) -> None:
    """Check that all seeds of a method were tested on the same images; `path` names where `pooled` is from.

    Raises:
        InputError: those of one method were not.
    """
    for method, rows in pooled.groupby("method", sort=False):
        tests = rows.groupby(["fold", "image"])["seed"].nunique()
        if (tests < rows["seed"].nunique()).any():
            raise InputError(
                f"{path}: the seeds of method '{method}' were tested on different images; run all on the same folds"
            )
