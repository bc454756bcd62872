import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.files import load_schema, write_table
from pml.reporting import errors_by_age
from tests.reporting.conftest import METHODS, figure_task

COUNTS = ["seeds", "folds", "images", "subjects", "images_many", "images_medium", "images_few"]
SCORES = [f"cs_{years}" for years in range(11)]


@pytest.fixture
def metrics():
    frame = pd.DataFrame({"method": ["pml", "pml", "kl", "kl"], "scope": ["own", "common"] * 2})
    frame = frame.assign(data="FG-NET", selection="last").reindex(columns=load_schema("metrics")["properties"])
    frame[COUNTS] = 1
    frame[SCORES] = np.sort(np.random.default_rng(0).random((4, 11)), axis=1)
    return frame.astype({column: float for column in frame if column not in ("data", "method", "scope", "selection", *COUNTS)})


@pytest.fixture
def decades():
    rows = [
        ("pml", "common", 30, 4, 3.0),
        ("pml", "common", 10, 9, 2.0),
        ("kl", "common", 10, 9, 5.0),
        ("pml", "own", 10, 99, 9.0),
    ]
    return pd.DataFrame(rows, columns=["method", "scope", "decade", "images", "mae"])


@pytest.fixture
def inputs(metrics, decades, tmp_path):
    write_table(metrics, tmp_path / "metrics.csv", "metrics")
    write_table(decades, tmp_path / "decades.csv", "decades")
    return {name: str(tmp_path / f"{name}.csv") for name in ("metrics", "decades")}


def test_files(inputs, tmp_path, draws_well):
    draws_well(errors_by_age.draw_errors_by_age, figure_task(inputs), tmp_path, width=6.9)


def test_curves_are_the_common_scores_and_the_errors_by_decade(metrics, decades):
    left, right = errors_by_age.draw(metrics, decades, METHODS).axes
    assert [line.get_label() for line in left.lines] == ["PML", "KL baseline"]
    np.testing.assert_allclose(left.lines[1].get_ydata(), 100 * metrics.loc[3, SCORES].astype(float))
    np.testing.assert_array_equal(right.lines[0].get_xydata(), [[10, 2], [30, 3]])


def test_decades_state_their_images(metrics, decades):
    _, right = errors_by_age.draw(metrics, decades, METHODS).axes
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["10s\n9", "30s\n4"]


def test_only_methods_with_a_label_are_drawn(metrics, decades):
    left, right = errors_by_age.draw(metrics, decades, METHODS[1:]).axes
    assert len(left.lines) == len(right.lines) == 1


def test_a_method_without_metrics_is_refused_by_name(inputs):
    task = figure_task(inputs, [*METHODS, {"method": "dex", "label": "DEX", "place": 2}])
    with pytest.raises(InputError, match=r"metrics.csv: column 'method' lacks \['dex'\]; evaluate the experiment again"):
        errors_by_age.draw_errors_by_age(task)
