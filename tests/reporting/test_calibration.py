"""Whether predicted distributions hold what they promise."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.evaluation.uncertainty import estimate
from pml.reporting.calibration import calibrate, draw, draw_calibration
from pml.tables import read_table, write_table
from tests.reporting.conftest import METHODS, figure_task

PEOPLE, SEEDS = 200, 3


def pooled_of(**pits):
    """Predictions of one image each of some people, half of them few-shot, whose `pit` a method draws as given."""
    random, rows = np.random.default_rng(0), []
    for method, draw_pit in pits.items():
        for seed in range(SEEDS):
            people = np.arange(PEOPLE)
            frame = pd.DataFrame({"subject": [f"p{person}" for person in people], "age": 30.0, "age_std": np.nan})
            frame["image"] = frame["subject"] + ".png"
            frame["pit"], frame["train_images"] = draw_pit(random, PEOPLE), np.where(people % 2, 5, 50)
            rows.append(frame.assign(method=method, seed=seed, fold=1, predicted_age=31.0, distance=0))
    return pd.concat(rows, ignore_index=True)


def even(random, count):
    return random.uniform(0, 1, count)


def bold(random, count):
    return random.choice([0.01, 0.99], count)


def timid(random, count):
    return random.uniform(0.4, 0.6, count)


def nothing(random, count):
    return np.full(count, np.nan)


@pytest.fixture
def stage(tmp_path):
    """Run the stage on such predictions; return its table and its job."""

    def run(pooled):
        write_table(pooled, tmp_path / "pooled.csv", "pooled")
        outputs = {name: str(tmp_path / f"out.{name}") for name in ("pdf", "png", "csv")}
        task = figure_task({"pooled": str(tmp_path / "pooled.csv")})
        task = dataclasses.replace(task, outputs=outputs, wildcards={"experiment": "toy"})
        draw_calibration(task)
        return read_table(outputs["csv"], "calibration"), task

    return run


def test_files(stage, tmp_path, draws_well):
    _, task = stage(pooled_of(pml=even, kl=bold))
    draws_well(draw_calibration, task, tmp_path, width=6.9)


def test_intervals_read_as_they_were_made(stage):
    for drawn, expected in ((even, "holds"), (bold, "too narrow"), (timid, "too wide")):
        table, _ = stage(pooled_of(pml=drawn, kl=even))
        own = table[table["method"] == "PML"].set_index("images")
        assert own.loc[["all", "medium", "few"], "reading"].eq(expected).all(), expected
        assert own["tested"].to_dict() == {"all": PEOPLE, "many": 0, "medium": PEOPLE / 2, "few": PEOPLE / 2}
        assert own.loc["many", "reading"] == "unknown" and np.isnan(own.loc["many", "held"])


def test_a_share_is_the_mean_over_images_and_seeds_with_the_interval_of_all_means():
    pooled = pooled_of(pml=even, kl=timid)
    table = calibrate(pooled.assign(shot="few"), METHODS).set_index(["method", "images"])
    own = pooled[pooled["method"] == "pml"]
    held = own["pit"].between(0.1, 0.9)
    assert table.loc[("PML", "few"), "held"] == held.mean()
    interval = table.loc[("PML", "few"), ["held_low", "held_high"]].astype(float).tolist()
    assert interval == pytest.approx(estimate(own, held.astype(float)).interval)


def test_a_line_is_the_share_of_every_interval():
    pooled = pooled_of(pml=even, kl=bold).assign(shot="few")
    figure = draw(pooled, METHODS, calibrate(pooled, METHODS))
    whole, own = figure.axes[0], pooled.loc[pooled["method"] == "pml", "pit"]
    line = next(line for line in whole.lines if line.get_label() == "PML")
    for mass, share in zip(line.get_xdata(), line.get_ydata(), strict=True):
        assert share == pytest.approx(100 * ((own - 0.5).abs() <= mass / 200).mean())
    assert [axis.get_title() for axis in figure.axes] == [
        "all: 200 images",
        "many-shot: 0 images",
        "medium-shot: 0 images",
        "few-shot: 200 images",
    ]


def test_methods_without_a_distribution_are_left_out(stage):
    table, _ = stage(pooled_of(pml=nothing, kl=even))
    assert set(table["method"]) == {"KL baseline"}


def test_where_no_method_has_one_the_figure_says_so(stage):
    table, _ = stage(pooled_of(pml=nothing, kl=nothing))
    assert table.empty
    none = pooled_of(pml=nothing).assign(shot="few")
    assert "no method" in draw(none, [], calibrate(none, [])).axes[0].texts[0].get_text()


def test_a_method_without_predictions_is_refused_by_name(stage):
    with pytest.raises(InputError, match="pooled.csv: no method 'pml'"):
        stage(pooled_of(kl=even))
