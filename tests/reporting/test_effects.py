"""The table of the effects of a design's factors."""

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.evaluation.effects import common_errors, main_effects
from pml.tables import write_table
from tests.reporting.conftest import budget, grid_of, written

LABELS = {"kl": "KL", "pml": "PML", "pml__scale_1": "PML, scale 1"}
CELLS = [
    {"experiment": rate, "method": method, "levels": {"method": name, "training.learning_rate": rate} | scale}
    for rate in ("0.1", "1")
    for method, name, scale in (("kl", "KL", {}), ("pml", "PML", {"scale": "0"}), ("pml__scale_1", "PML", {"scale": "1"}))
]


@pytest.fixture
def pools() -> dict[str, pd.DataFrame]:
    """Two experiments of three methods and two seeds, on eight people."""
    random, pools = np.random.default_rng(0), {}
    for experiment in ("0.1", "1"):
        images = [f"{number}.png" for number in range(24)]
        shared = {"image": images, "subject": [f"p{number % 8}" for number in range(24)], "fold": [1, 2] * 12, "age": 30.0}
        shared |= {"age_std": np.nan, "pit": np.nan, "distance": 0, "train_images": 50}
        pools[experiment] = pd.concat(
            pd.DataFrame(shared | {"method": method, "seed": seed, "predicted_age": 30 + float(experiment) + random.random(24)})
            for method in LABELS
            for seed in (0, 1)
        )
    return pools


def tables(pools, folder, synthetic=False, cells=CELLS):
    experiments = []
    for name, pooled in pools.items():
        write_table(pooled, folder / f"{name}.csv", "pooled")
        methods = [{"method": method, "label": label} for method, label in LABELS.items()]
        data = {"label": "Toy", "synthetic": synthetic}
        experiments.append({"experiment": name, "data": data, "methods": methods, "budget": budget(3)})
    inputs = {"pooled": [str(folder / f"{name}.csv") for name in pools]}
    return written(folder, "effects_study", "effects", inputs, kind="effects", experiments=experiments, cells=cells)


def test_the_csv_has_the_effects_of_the_cells(pools, tmp_path):
    table, *_ = tables(pools, tmp_path)
    rows = [pools[cell["experiment"]][pools[cell["experiment"]]["method"] == cell["method"]] for cell in CELLS]
    expected = main_effects(*common_errors(rows), [cell["levels"] for cell in CELLS])
    pd.testing.assert_frame_equal(table[list(expected)], expected, check_dtype=False)
    assert set(table["data"]) == {"Toy"} and set(table["images"]) == {24} and set(table["seeds"]) == {2}


def test_a_reader_gets_what_is_said_of_a_factor_once(pools, tmp_path):
    table, markdown, latex = tables(pools, tmp_path)
    grid = grid_of(markdown)
    assert grid["Factor"].tolist() == ["method", "", "training.learning_rate", "", "scale", "", "interactions"]
    assert grid["Level"].tolist() == ["KL", "PML", "0.1", "1", "0", "1", "–"] and grid["Number of cells"].tolist() == list(
        "2433226"
    )
    rate = table[table["factor"] == "training.learning_rate"].iloc[0]
    assert grid["Effect"][2] == f"{rate['effect']:.3f} [{rate['effect_low']:.3f}, {rate['effect_high']:.3f}]"
    assert grid["Share"][2] == f"{rate['share']:.1%} [{rate['share_low']:.1%}, {rate['share_high']:.1%}]"
    assert grid["Effect"][3] == grid["Share"][3] == "" and grid["MAE"][6] == "–"
    assert "6 cells, each tested on the same 24 images with 2 seeds" in markdown and "3 epochs" in markdown
    assert r"training.learning\_rate" in latex and "synthetic" not in markdown


def test_synthetic_data_are_called_so(pools, tmp_path):
    assert "The images are synthetic" in tables(pools, tmp_path, synthetic=True)[1]


def test_a_method_that_was_not_evaluated_is_an_error(pools, tmp_path):
    pools["1"] = pools["1"][pools["1"]["method"] != "pml"]
    with pytest.raises(InputError, match="1.csv: no method 'pml'"):
        tables(pools, tmp_path)
