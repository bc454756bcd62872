import dataclasses

import pytest

from pml.forecast.report import forecast_text
from pml.forecast.rows import forecast_rows


@pytest.fixture
def text(suite, rates) -> str:
    return forecast_text(suite, rates, 2, forecast_rows(suite, rates, 2), [])


def test_every_kind_of_row_is_on_the_terminal(text):
    for line in (
        "Forecast of the suite small",
        "FG-NET",
        "train_folds 6",
        "look_up_folds 1",
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
