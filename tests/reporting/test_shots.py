"""The error of each method on many-, medium- and few-shot images."""

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.evaluation.uncertainty import estimate
from pml.reporting.shots import draw, draw_shots
from pml.tables import write_table
from tests.reporting.conftest import METHODS, figure_task

PEOPLE = 60
TRAINED = ["pml", "kl"]


def pooled_of(train_images=(200, 50, 5), people=PEOPLE, **errors):
    """Predictions of one image each of some people by two seeds, who share these numbers of training images in turn."""
    random, rows = np.random.default_rng(0), []
    for method, scale in errors.items():
        for seed in (0, 1):
            frame = pd.DataFrame({"subject": [f"p{person}" for person in range(people)], "age": 30.0, "age_std": np.nan})
            frame["image"], frame["predicted_age"] = frame["subject"] + ".png", 30 + random.normal(0, scale, people)
            frame["train_images"] = np.resize(train_images, people)
            rows.append(frame.assign(method=method, seed=seed, fold=1, pit=np.nan, distance=0))
    return pd.concat(rows, ignore_index=True)


@pytest.fixture
def task(tmp_path):
    write_table(pooled_of(pml=1, kl=2), tmp_path / "pooled.csv", "pooled")
    return figure_task({"pooled": str(tmp_path / "pooled.csv")}, trained=TRAINED)


def test_files(task, tmp_path, draws_well):
    draws_well(draw_shots, task, tmp_path, width=6.9)


def test_a_bar_is_a_methods_error_and_the_line_on_it_its_interval():
    pooled = pooled_of(pml=1, kl=2)
    figure = draw(pooled, METHODS, TRAINED)
    for axis, images in zip(figure.axes, (200, 50, 5), strict=True):
        for line, (bar, method) in enumerate(zip(axis.patches, TRAINED, strict=True)):
            own = pooled[(pooled["method"] == method) & (pooled["train_images"] == images)]
            expected = estimate(own, (own["predicted_age"] - own["age"]).abs())
            assert bar.get_width() == pytest.approx(expected.mean)
            assert axis.lines[line].get_xdata() == pytest.approx(np.clip(expected.interval, 0, None))
            assert axis.texts[line].get_text() == f"{expected.mean:.2f}"
    assert [axis.get_title().split("\n")[1] for axis in figure.axes] == ["20 images"] * 3


def test_a_shot_without_images_says_so():
    figure = draw(pooled_of((200, 50), pml=1, kl=2), METHODS, TRAINED)
    assert [axis.texts[0].get_text() for axis in figure.axes][2] == "no images"


def test_two_people_have_bars_without_intervals():
    figure = draw(pooled_of((5,), people=2, pml=1, kl=2), METHODS, TRAINED)
    axis = figure.axes[2]
    assert len(axis.patches) == 2 and np.isnan([line.get_xdata() for line in axis.lines]).all()


def test_methods_that_look_at_no_pixels_do_not_press_the_others_down():
    pooled = pooled_of(pml=1, kl=1000)
    ends = [draw(pooled, METHODS, trained).axes[0].get_xlim()[1] for trained in (["pml"], TRAINED, [])]
    assert ends[0] < 10 and ends[1] > 100 and ends[2] > 100


def test_a_method_without_predictions_is_refused_by_name(task):
    with pytest.raises(InputError, match="pooled.csv: no method 'dex'"):
        draw_shots(figure_task(task.inputs, [*METHODS, {"method": "dex", "label": "DEX", "place": 2}], trained=TRAINED))
