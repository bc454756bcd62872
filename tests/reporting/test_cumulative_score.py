import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.reporting import cumulative_score
from pml.tables import load_schema, write_table
from tests.reporting.conftest import METHODS, figure_task

COUNTS = ["seeds", "folds", "images", "subjects", "images_many", "images_medium", "images_few"]
SCORES = [f"cs_{years}" for years in range(11)]


@pytest.fixture
def metrics():
    frame = pd.DataFrame({"method": ["pml", "pml", "kl", "kl"], "scope": ["own", "common"] * 2})
    frame = frame.assign(data="FG-NET", selection="last", whole_years=False, best=False).reindex(
        columns=load_schema("metrics")["properties"]
    )
    frame[COUNTS] = 1
    frame[SCORES] = np.sort(np.random.default_rng(0).random((4, 11)), axis=1)
    return frame.astype(
        {
            column: float
            for column in frame
            if column not in ("data", "method", "scope", "selection", "whole_years", "best", *COUNTS)
        }
    )


@pytest.fixture
def inputs(metrics, tmp_path):
    write_table(metrics, tmp_path / "metrics.csv", "metrics")
    return {"metrics": str(tmp_path / "metrics.csv")}


def test_files(inputs, tmp_path, draws_well):
    draws_well(cumulative_score.draw_cumulative_score, figure_task(inputs), tmp_path, width=3.25)


def test_curves_are_the_common_scores(metrics):
    (axis,) = cumulative_score.draw(metrics, METHODS).axes
    assert [line.get_label() for line in axis.lines] == ["PML", "KL baseline"]
    np.testing.assert_allclose(axis.lines[1].get_ydata(), 100 * metrics.loc[3, SCORES].astype(float))


def test_only_methods_with_a_label_are_drawn(metrics):
    (axis,) = cumulative_score.draw(metrics, METHODS[1:]).axes
    assert len(axis.lines) == 1


def test_a_method_without_metrics_is_refused_by_name(inputs):
    task = figure_task(inputs, [*METHODS, {"method": "dex", "label": "DEX", "place": 2}])
    with pytest.raises(InputError, match=r"metrics.csv: no method 'dex'"):
        cumulative_score.draw_cumulative_score(task)
