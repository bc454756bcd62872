"""What choosing the epoch is worth."""

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.reporting.selection import errors_of
from pml.tables import write_table
from tests.reporting.conftest import budget, grid_of, written

HISTORY = pd.DataFrame(
    {"epoch": range(1, 5), "loss": 1.0, "oracle_mae": [1.0, 7.0, 4.0, 6.0], "validation_mae": [1.0, 2.0, 5.0, 3.0]}
)


def run_of(folder, history):
    folder.mkdir(parents=True)
    history.to_csv(folder / "history.csv", index=False)
    (folder / "run.json").write_text("{}")
    return folder


def table_of(folder, shifts, history=HISTORY):
    """The table of an experiment with a method whose runs, by fold and seed, end so much higher."""
    rows = []
    for (fold, seed), shift in shifts.items():
        of_run = history.assign(oracle_mae=history["oracle_mae"] + np.array([0, 0, 0, shift]))
        rows.append(("pml", seed, fold, str(run_of(folder / f"{fold}_{seed}", of_run))))
    write_table(pd.DataFrame(rows, columns=["method", "seed", "fold", "run"]), folder / "jobs.csv", "runs")
    experiment = {"experiment": "one", "data": {"label": "Toy", "synthetic": True}, "epochs": 3, "budget": budget(3)}
    experiment["methods"] = [{"method": "pml", "label": "PML (oracle)", "start": "random weights"}]
    inputs = {"jobs": [[str(folder / "jobs.csv")]]}
    return written(folder, "selection", "selection", inputs, kind="selection", experiments=[experiment])[:2]


def test_epochs_are_chosen_among_those_of_the_last_course(tmp_path):
    assert errors_of(run_of(tmp_path / "run", HISTORY), 3) == {"last": 6, "validation": 7, "oracle": 4}
    assert errors_of(tmp_path / "run", 4) == {"last": 6, "validation": 1, "oracle": 1}


def test_without_a_validation_part_there_is_nothing_it_could_choose(tmp_path):
    errors = errors_of(run_of(tmp_path / "run", HISTORY.drop(columns="validation_mae")), 3)
    assert np.isnan(errors["validation"]) and errors["oracle"] == 4
    table, markdown = table_of(tmp_path, {(1, 0): 0.0}, HISTORY.drop(columns="validation_mae"))
    assert table[["mae_validation", "gain_validation"]].isna().all(axis=None)
    assert grid_of(markdown)["Validation"].tolist() == ["–"]


def test_gains_are_means_over_runs_with_an_interval_over_folds(tmp_path):
    shifts = {(fold, seed): 0.1 * fold for fold in range(1, 8) for seed in (0, 1)}
    row = table_of(tmp_path, shifts)[0].iloc[0]
    assert row[["runs", "mae_validation", "mae_oracle"]].tolist() == [14, 7, 4]
    assert row[["mae_last", "gain_validation", "gain_oracle"]].tolist() == pytest.approx([6.4, -0.6, 2.4])
    assert row["gain_oracle_low"] < 2.4 < row["gain_oracle_high"]


def test_few_folds_have_no_interval(tmp_path):
    row = table_of(tmp_path, {(fold, 0): 0.0 for fold in range(1, 6)})[0].iloc[0]
    assert row["gain_oracle"] == 2 and np.isnan(row["gain_oracle_low"])


def test_the_caption_says_what_is_drawn(tmp_path):
    _, markdown = table_of(tmp_path, {(1, 0): 0.0})
    assert "as the released code has it" in markdown and "Synthetic images" in markdown and "Budget: resnet18" in markdown


@pytest.mark.parametrize("history", [HISTORY.drop(columns="oracle_mae"), None])
def test_a_run_without_that_record_is_refused(tmp_path, history):
    if history is not None:
        run_of(tmp_path / "run", history)
    with pytest.raises(
        InputError, match="history.csv: no error on the test part.*train again with selection: oracle|not a finished run"
    ):
        errors_of(tmp_path / "run", 3)
