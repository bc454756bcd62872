"""What the runs of a suite took."""

import json

import pandas as pd
import pytest

from pml.tables import write_table
from tests.reporting.conftest import grid_of, written


def job_of(folder, experiment, facts):
    rows = []
    for fold, of_run in enumerate(facts, 1):
        run = folder / experiment / f"fold{fold}"
        run.mkdir(parents=True)
        (run / "run.json").write_text(json.dumps(of_run))
        rows.append(("pml", 0, fold, str(run)))
    write_table(pd.DataFrame(rows, columns=["method", "seed", "fold", "run"]), folder / f"{experiment}.csv", "runs")
    return [str(folder / f"{experiment}.csv")]


def test_hours_add_up_memory_is_the_most_and_shared_runs_count_for_each_table_and_once_for_all(tmp_path):
    gpu = {"seconds": 3600, "peak_memory_mb": 1024, "peak_gpu_memory_mb": 4096, "device": "A100"}
    jobs = [
        job_of(tmp_path, "first", [gpu, gpu | {"seconds": 1800, "peak_memory_mb": 2048}]),
        job_of(tmp_path, "second", [{"seconds": 900, "peak_memory_mb": 512, "peak_gpu_memory_mb": None, "device": "cpu"}]),
        job_of(tmp_path, "look_up", [{}]),
    ]
    users = {"first": ["table2", "leakage"], "second": ["table2"], "look_up": []}
    table, markdown, _ = written(tmp_path, "cost", "cost", {"jobs": jobs}, kind="cost", suite="own", users=users)
    table = table.set_index(["kind", "name"])
    assert table["hours"].tolist() == pytest.approx([1.5, 0.25, 0, 1.75, 1.5, 1.75])
    assert table["runs"].to_dict() == {
        ("experiment", "first"): 2,
        ("experiment", "second"): 1,
        ("experiment", "look_up"): 1,
        ("table", "table2"): 3,
        ("table", "leakage"): 2,
        ("all", "own"): 4,
    }
    assert table.loc[("all", "own"), ["peak_memory_mb", "peak_gpu_memory_mb", "devices"]].tolist() == [2048, 4096, "A100, cpu"]
    assert table.loc[("experiment", "look_up"), ["peak_memory_mb", "devices"]].isna().all()
    assert grid_of(markdown)["Memory, GB"].tolist() == ["2.0", "0.5", "–", "2.0", "2.0", "2.0"]
