import pandas as pd
import pytest

from pml.forecast.rows import UNITS, forecast_rows, write_rows


def test_training_that_tables_share_is_counted_once_in_the_work(suite, rates):
    rows = {(row.kind, row.name): row for row in forecast_rows(suite, rates, 2)}
    first, second = rows["experiment", "first"].amount.middle, rows["experiment", "second"].amount.middle
    assert rows["table", "table4"].amount.middle == pytest.approx(first + second)
    assert rows["table", "leakage"].amount.middle == pytest.approx(first)
    assert rows["work", "training, each run once"].amount.middle == pytest.approx(first + second)


def test_the_jobs_of_the_work_are_those_of_all_rules(suite, rates):
    rows = forecast_rows(suite, rates, 2)
    assert sum(row.jobs for row in rows if row.kind == "work") == sum(suite.counts.values())


def test_the_csv_has_every_row_with_its_unit(suite, rates, tmp_path):
    rows = forecast_rows(suite, rates, 2)
    write_rows(rows, tmp_path / "forecast.csv")
    table = pd.read_csv(tmp_path / "forecast.csv")
    assert table["name"].tolist() == [row.name for row in rows]
    assert (table["low"] <= table["middle"]).all() and (table["middle"] <= table["high"]).all()
    assert table["unit"].tolist() == table["kind"].map(UNITS).tolist()
