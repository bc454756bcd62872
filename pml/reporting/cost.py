"""What the runs of a suite took: hours and memory, by experiment and by table."""

from pathlib import Path

import pandas as pd

from pml.reporting.table import Shown, as_text
from pml.tables import load_schema
from pml.task import Task
from pml.training.run_directory import read_run, read_runs


def build(task: Task) -> Shown:
    """Return the table: a row for each experiment, one for each table, and one for all."""
    users: dict[str, list[str]] = task.settings["users"]
    runs = [_runs_of(paths).assign(experiment=name) for name, paths in zip(users, task.inputs["jobs"], strict=True)]
    all_runs = pd.concat(runs, ignore_index=True)
    names = list(dict.fromkeys(table for tables in users.values() for table in tables))
    parts = [("experiment", name, [name]) for name in users]
    parts += [("table", table, [name for name, tables in users.items() if table in tables]) for table in names]
    rows = [_row(*part, all_runs) for part in [*parts, ("all", task.settings["suite"], list(users))]]
    table = pd.DataFrame(rows, columns=list(load_schema("cost")["properties"]))
    return Shown(table, "cost", cells_of(table), CAPTION)


CAPTION = (
    "What training took, as each run.json has it: the hours of all runs, whatever ran beside them, and the most memory of a "
    "process. Tests, faces and figures are not counted. Tables that share runs count them each; the last row counts each once."
)


def _runs_of(paths: list[str]) -> pd.DataFrame:
    """Return what the run.json of each run says of its cost; a reference has no seconds."""
    names = ("seconds", "peak_memory_mb", "peak_gpu_memory_mb", "device")
    facts = [read_run(Path(run)) for run in read_runs(paths)["run"]]
    return pd.DataFrame([{name: fact.get(name) for name in names} for fact in facts])


def _row(kind: str, name: str, experiments: list[str], runs: pd.DataFrame) -> dict:
    own = runs[runs["experiment"].isin(experiments)]
    row = {"kind": kind, "name": name, "runs": len(own), "hours": own["seconds"].astype(float).sum() / 3600}
    row |= {column: own[column].astype(float).max() for column in ("peak_memory_mb", "peak_gpu_memory_mb")}
    return row | {"devices": ", ".join(sorted(set(own["device"].dropna()))) or None}


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, schema `cost`, as a reader wants it."""
    columns = {
        "Item": table["kind"] + " " + table["name"],
        "Runs": as_text(table["runs"], "{:d}"),
        "Hours": as_text(table["hours"], "{:.2f}"),
        "Memory, GB": as_text(table["peak_memory_mb"] / 1024, "{:.1f}"),
        "GPU memory, GB": as_text(table["peak_gpu_memory_mb"] / 1024, "{:.1f}"),
        "Devices": table["devices"].astype(object).fillna("–"),
    }
    return pd.DataFrame(columns)
