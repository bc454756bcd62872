import dataclasses

import pandas as pd
import pytest

from pml.forecast.report import forecast_rows, forecast_text, write_rows


@pytest.fixture
def text(suite, rates) -> str:
    return forecast_text(suite, rates, 2, forecast_rows(suite, rates, 2), [])


def test_training_that_tables_share_is_counted_once_in_the_work(suite, rates):
    rows = {(row.kind, row.name): row for row in forecast_rows(suite, rates, 2)}
    first, second = rows["experiment", "first"].amount.middle, rows["experiment", "second"].amount.middle
    assert rows["table", "table4"].amount.middle == pytest.approx(first + second)
    assert rows["table", "leakage"].amount.middle == pytest.approx(first)
    assert rows["work", "training, each run once"].amount.middle == pytest.approx(first + second)


def test_the_jobs_of_the_work_are_those_of_all_rules(suite, rates):
    rows = forecast_rows(suite, rates, 2)
    assert sum(row.jobs for row in rows if row.kind == "work") == sum(suite.counts.values())


def test_every_kind_of_row_is_on_the_terminal(text):
    for line in (
        "Forecast of the suite small",
        "FG-NET",
        "train_folds 7",
        "table4",
        "leakage",
        "Time with --cores 2",
        "face stores",
    ):
        assert line in text
    assert "Peak memory: 1.0 GB of a process" in text and "the config" in text


def test_columns_are_aligned(text):
    header = next(i for i, line in enumerate(text.splitlines()) if line.startswith("experiment"))
    assert len({len(line) for line in text.splitlines()[header : header + 3]}) == 1


def test_hours_are_a_gpu_s_where_one_trains(suite, rates, text):
    assert "CPU minutes" in text and "call this where there is one" in text
    on_gpu = dataclasses.replace(rates, device="GPU X")
    text = forecast_text(suite, on_gpu, 1, forecast_rows(suite, on_gpu, 1), [])
    assert "GPU minutes" in text and "trained on GPU X" in text and "hours of a CPU" not in text


def test_a_busy_machine_says_what_it_would_take_alone(suite, rates, text):
    assert "busy" not in text
    busy = dataclasses.replace(rates, share=[0.5])
    text = forecast_text(suite, busy, 1, forecast_rows(suite, busy, 1), [])
    assert "busy: the calibration had 50% of its cores" in " ".join(text.split())


def test_what_stands_in_is_told(suite, rates):
    assert "* others stand in" in forecast_text(suite, rates, 1, forecast_rows(suite, rates, 1), ["others stand in"])


def test_the_csv_has_every_row_with_its_unit(suite, rates, tmp_path):
    rows = forecast_rows(suite, rates, 2)
    write_rows(rows, tmp_path / "forecast.csv")
    table = pd.read_csv(tmp_path / "forecast.csv")
    assert table["name"].tolist() == [row.name for row in rows]
    assert (table["low"] <= table["expected"]).all() and (table["expected"] <= table["high"]).all()
    assert table.groupby("kind")["unit"].unique().str.join("").to_dict() == {
        "disk": "bytes",
        "experiment": "s",
        "memory": "MB",
        "table": "s",
        "wall": "s",
        "work": "s",
    }
