"""Errors by the distance to the nearest age that is trained on."""

import numpy as np
import pandas as pd
import pytest

from pml.evaluation.uncertainty import estimate
from pml.reporting.stress import AGES
from pml.tables import write_table
from tests.reporting.conftest import budget, grid_of, written

DISTANCES = [0, 0, 0, 1, 2, 3, 5, 6, 20]
METHODS = [{"method": name, "label": name.upper(), "start": "random weights"} for name in ("kl", "dex")]


@pytest.fixture
def pooled():
    """Two methods, two seeds, two folds: 90 people each of whom is so many years from a trained age, errors by distance."""
    random, rows = np.random.default_rng(0), []
    for method in ("kl", "dex"):
        for seed in (0, 1):
            people = np.arange(90)
            frame = pd.DataFrame(
                {"image": [f"{person}.png" for person in people], "subject": [f"p{person}" for person in people]}
            )
            frame = frame.assign(age=40.0, age_std=np.nan, pit=np.nan, distance=np.resize(DISTANCES, 90), fold=people % 2 + 1)
            frame["predicted_age"] = 40 - frame["distance"] + random.normal(0, 1, 90)
            rows.append(frame.assign(method=method, seed=seed, train_images=(frame["distance"] == 0).astype(int)))
    return pd.concat(rows, ignore_index=True)


@pytest.fixture
def tables(pooled, tmp_path):
    write_table(pooled, tmp_path / "pooled.csv", "pooled")
    experiment = {"experiment": "one", "data": {"label": "Toy", "synthetic": True}, "protocol": "blind_spot"}
    experiment |= {"methods": METHODS, "budget": budget(3)}
    inputs = {"pooled": [str(tmp_path / "pooled.csv")]}
    return written(tmp_path, "stress", "stress", inputs, kind="stress", experiments=[experiment])


def test_rows_are_means_over_the_images_at_a_distance(tables, pooled):
    for row in tables[0].itertuples():
        nearest, farthest = AGES[row.ages]
        own = pooled[
            (pooled["method"] == row.method.lower()) & (pooled["distance"] >= nearest) & (pooled["distance"] <= farthest)
        ]
        errors = own["predicted_age"] - own["age"]
        assert row.images == len(own) / 2 and row.mae == pytest.approx(errors.abs().mean())
        assert row.bias == pytest.approx(errors.mean())
        low, high = estimate(own, errors.abs()).interval
        assert (row.mae_low, row.mae_high) == pytest.approx((max(low, 0), high))
    assert tables[0]["ages"].tolist() == [*AGES] * 2


def test_a_reader_gets_a_row_for_each_method(tables):
    table, markdown, _ = tables
    grid = grid_of(markdown)
    assert grid["Method"].tolist() == ["KL", "DEX"] and set(grid["Unseen images"]) == {"60"}
    first = table[(table["method"] == "KL") & (table["ages"] == "unseen")].iloc[0]
    assert grid["MAE, unseen"][0] == f"{first['mae']:.2f} [{first['mae_low']:.2f}, {first['mae_high']:.2f}]"
    assert grid["Bias, unseen"][0].startswith("−") and "Synthetic images" in markdown


def test_without_unseen_ages_their_columns_are_dashes(pooled, tmp_path):
    write_table(pooled[pooled["distance"] == 0], tmp_path / "pooled.csv", "pooled")
    experiment = {"experiment": "one", "data": {"label": "Toy", "synthetic": False}, "protocol": "blind_spot"}
    inputs = {"pooled": [str(tmp_path / "pooled.csv")]}
    experiments = [experiment | {"methods": METHODS, "budget": budget(3)}]
    table, markdown, _ = written(tmp_path, "stress", "stress", inputs, kind="stress", experiments=experiments)
    assert set(grid_of(markdown)["MAE, unseen"]) == {"–"} and (table["images"] == 0).any()
