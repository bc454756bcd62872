"""What choosing the epoch is worth: the error of the last one, and of those that validation and the test itself choose."""

from pathlib import Path

import numpy as np
import pandas as pd

from pml.data_name import DataName
from pml.errors import InputError
from pml.evaluation.uncertainty import estimate
from pml.reporting.table import Shown, as_text, budgets, with_interval
from pml.tables import load_schema, read_numbers
from pml.task import Task
from pml.training.run_directory import check_run, read_runs

CHOSEN = ("last", "validation", "oracle")


def build(task: Task) -> Shown:
    """Return the table: a row for each method of each experiment that follows its error on the test part.

    Raises:
        InputError: a run has no record of that error.
    """
    experiments, rows = task.settings["experiments"], []
    for experiment, jobs in zip(experiments, task.inputs["jobs"], strict=True):
        runs = read_runs(jobs)
        runs = pd.concat([runs, pd.DataFrame([errors_of(Path(run), experiment["epochs"]) for run in runs["run"]])], axis=1)
        for method in experiment["methods"]:
            own = runs[runs["method"] == method["method"]]
            row = {"data": str(DataName(**experiment["data"])), "experiment": experiment["experiment"]}
            row |= {"method": method["label"], "start": method["start"], "runs": len(own)}
            rows.append(row | {f"mae_{name}": own[name].mean() for name in CHOSEN} | _gains(own))
    table = pd.DataFrame(rows, columns=list(load_schema("selection")["properties"]))
    return Shown(table, "selection", cells_of(table), caption(experiments))


def errors_of(run: Path, epochs: int) -> dict[str, float]:
    """Return the MAE on the test part of the last epoch, and of the epochs that the validation and the test part choose.

    They are chosen among the last `epochs`, those of the last course. Without a validation part, its epoch is NaN.

    Raises:
        InputError: the run has no history of its error on the test part.
    """
    path = run / "history.csv"
    check_run(run, path.name)
    history = read_numbers(path).tail(epochs)
    if history.empty or "oracle_mae" not in history or history["oracle_mae"].isna().any():
        raise InputError(f"{path}: no error on the test part in 'oracle_mae'; train again with selection: oracle")
    tested = history["oracle_mae"]
    validated = history.get("validation_mae")
    of_validation = np.nan if validated is None else tested.loc[validated.idxmin()]
    return {"last": tested.iloc[-1], "validation": of_validation, "oracle": tested.min()}


def _gains(own: pd.DataFrame) -> dict[str, float]:
    """Return the years that either choice gains over the last epoch, with their intervals; a fold's test part is one person."""
    rows, gains = own.assign(image=own["fold"].astype(str), subject=None), dict[str, float]()
    for name in CHOSEN[1:]:
        found = estimate(rows, own["last"] - own[name])
        low, high = found.interval
        gains |= {f"gain_{name}": found.mean, f"gain_{name}_low": low, f"gain_{name}_high": high}
    return gains


def caption(experiments: list[dict]) -> str:
    """Return what a reader must know to read the table."""
    sentences = [
        "What choosing the epoch is worth: mean absolute error in years on the test part, mean over runs, of the last epoch, "
        "of the epoch with the lowest error on the validation part, and of that with the lowest error on the test part itself, "
        "as the released code has it. Gain: last minus chosen. In brackets the 95 % interval over folds and trainings, where "
        "there are six folds.",
    ]
    if any(experiment["data"]["synthetic"] for experiment in experiments):
        sentences.append("Synthetic images show that the suite works; their errors say nothing about people.")
    return " ".join([*sentences, *(f"{name}: {note}" for name, note in budgets(experiments).items())])


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, schema `selection`, as a reader wants it."""
    columns = {
        "Data": table["data"],
        "Experiment": table["experiment"],
        "Method": table["method"],
        "Start": table["start"],
        "Runs": as_text(table["runs"], "{:d}"),
    }
    columns |= {name.capitalize(): as_text(table[f"mae_{name}"]) for name in CHOSEN}
    for name in CHOSEN[1:]:
        gain = f"gain_{name}"
        columns[f"Gain, {name}"] = with_interval(table, [gain, f"{gain}_low", f"{gain}_high"], "{:+.2f}")
    return pd.DataFrame(columns)
