"""Main effects of the factors of a design, beside sums that are written out."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from pml.evaluation.effects import REST, common_errors, main_effects
from pml.evaluation.uncertainty import estimate

PEOPLE, SEEDS = 12, (0, 1)
RATES, WIDTHS = ("0.1", "1"), ("64", "256", "512")


def pooled(shift: float, random: np.random.Generator, seeds=SEEDS) -> pd.DataFrame:
    """Return the rows of a cell: people with one to three images each, half of them in each of two folds."""
    images = [(person, number) for person in range(PEOPLE) for number in range(1 + person % 3)]
    rows = [
        {"fold": 1 + person % 2, "image": f"{person}_{number}", "subject": f"p{person}", "seed": seed, "age": 30.0}
        for seed in seeds
        for person, number in images
    ]
    errors = shift + 0.1 * np.array([row["subject"] == "p3" for row in rows]) + random.gamma(2, 0.3, len(rows))
    return pd.DataFrame(rows).assign(predicted_age=30 + errors * random.choice([-1, 1], len(rows)))


def design() -> tuple[list[dict], list[pd.DataFrame]]:
    """Return a full design whose factor "scale" only the cells of PML have, and the rows of its cells."""
    random, levels = np.random.default_rng(0), []
    for rate, width in product(RATES, WIDTHS):
        levels += [{"method": "PML", "rate": rate, "width": width, "scale": scale} for scale in ("0", "1")]
        levels += [{"method": "KL", "rate": rate, "width": width}]
    shifts = {"0.1": 0.5, "1": 1.5, "64": 0.3, "256": 0.0, "512": 0.1, "PML": 0.2, "KL": 0.0}
    return levels, [pooled(sum(shifts.get(level, 0) for level in cell.values()), random) for cell in levels]


LEVELS, CELLS = design()


@pytest.fixture(scope="module")
def effects() -> pd.DataFrame:
    return main_effects(*common_errors(CELLS), LEVELS).set_index(["factor", "level"])


def mean_error(rows: pd.DataFrame) -> float:
    return float((rows["predicted_age"] - rows["age"]).abs().mean())


def slow_share(factor: str, means: list[float]) -> float:
    """Return the share of a factor, cell by cell."""
    having = [mean for mean, cell in zip(means, LEVELS, strict=True) if factor in cell]
    explained = 0.0
    for cell in LEVELS:
        if factor in cell:
            alike = [mean for mean, other in zip(means, LEVELS, strict=True) if other.get(factor) == cell[factor]]
            explained += (sum(alike) / len(alike) - sum(having) / len(having)) ** 2
    return explained / sum((mean - sum(means) / len(means)) ** 2 for mean in means)


def test_the_error_of_a_level_is_the_mean_over_its_cells(effects):
    for (factor, level), row in effects.iloc[:-1].iterrows():
        own = [mean_error(rows) for rows, cell in zip(CELLS, LEVELS, strict=True) if cell.get(factor) == level]
        assert row["cells"] == len(own) and row["mae"] == pytest.approx(sum(own) / len(own))


def test_the_effect_is_the_range_of_the_levels_with_the_interval_of_their_difference(effects):
    for factor, rows in effects.iloc[:-1].groupby("factor"):
        assert rows["effect"].to_numpy() == pytest.approx(rows["mae"].max() - rows["mae"].min())
        # A row of the first cell beside the same row of all others: they are written in one order.
        of_level = {
            level: np.mean(
                [(rows["predicted_age"] - 30).abs() for rows, c in zip(CELLS, LEVELS, strict=True) if c.get(factor) == level], 0
            )
            for level in rows.index.get_level_values("level")
        }
        worst, best = rows["mae"].idxmax()[1], rows["mae"].idxmin()[1]
        low, high = estimate(CELLS[0], of_level[worst] - of_level[best]).interval
        assert (rows["effect_low"].iloc[0], rows["effect_high"].iloc[0]) == pytest.approx((low, high))


def test_the_shares_are_sums_over_cells_and_add_up_to_one(effects):
    means = [mean_error(rows) for rows in CELLS]
    shares = effects["share"].groupby("factor").first()
    for factor in ("method", "rate", "width", "scale"):
        assert shares[factor] == pytest.approx(slow_share(factor, means))
    assert shares.sum() == pytest.approx(1) and 0 < shares[REST] < 0.1 < shares["rate"]


def test_without_nested_factors_the_shares_are_those_of_an_analysis_of_variance():
    crossed = [number for number, cell in enumerate(LEVELS) if cell.get("scale") != "1"]
    levels = [{name: LEVELS[number][name] for name in ("method", "rate", "width")} for number in crossed]
    found = main_effects(*common_errors([CELLS[number] for number in crossed]), levels).groupby("factor")["share"].first()
    table = pd.DataFrame(levels).assign(mae=[mean_error(CELLS[number]) for number in crossed])
    squares = anova_lm(ols("mae ~ C(method) + C(rate) + C(width)", table).fit())["sum_sq"]
    expected = (squares / squares.sum()).rename(lambda name: name.removeprefix("C(").removesuffix(")"))
    for factor in ("method", "rate", "width"):
        assert found[factor] == pytest.approx(expected[factor])
    assert found[REST] == pytest.approx(expected["Residual"])


def test_the_interval_of_a_share_is_that_of_a_bootstrap_over_people(effects):
    random, shares = np.random.default_rng(5), []
    by_person = [{name: own for name, own in rows.groupby("subject")} for rows in CELLS]
    errors = [{name: ((own["predicted_age"] - 30).abs().sum(), len(own)) for name, own in cell.items()} for cell in by_person]
    for _ in range(1000):
        people = random.choice(sorted(errors[0]), PEOPLE)
        means = [sum(cell[name][0] for name in people) / sum(cell[name][1] for name in people) for cell in errors]
        shares.append([slow_share(factor, means) for factor in ("rate", "width")])
    for factor, drawn in zip(("rate", "width"), np.transpose(shares), strict=True):
        row = effects.loc[factor].iloc[0]
        assert (row["share_low"], row["share_high"]) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)


def test_cells_are_compared_on_the_images_that_all_have_and_on_seeds_in_their_order():
    random = np.random.default_rng(1)
    first, second = pooled(0, random), pooled(1, random, seeds=(7, 9, 11))
    second = second[second["image"] != "4_0"].sample(frac=1, random_state=0)
    rows, errors = common_errors([first, second])
    assert set(first["image"]) - set(rows["image"]) == {"4_0"} and len(rows) == 2 * (len(set(first["image"])) - 1)
    for row, (one, other) in zip(rows.itertuples(), errors, strict=True):
        for cell, seeds, error in ((first, (0, 1), one), (second, (7, 9), other)):
            (own,) = cell[(cell["image"] == row.image) & (cell["seed"] == seeds[row.seed - 1])].itertuples()
            assert error == abs(own.predicted_age - 30) and own.fold == row.fold


def test_of_few_people_nothing_is_known_but_the_sums():
    few = [rows[rows["subject"] < "p2"] for rows in CELLS]  # p0, p1, p10 and p11
    table = main_effects(*common_errors(few), LEVELS)
    assert table["share"].notna().all() and table[["share_low", "effect_low", "mae_low"]].isna().all(axis=None)


def test_cells_that_are_all_alike_have_no_shares():
    table = main_effects(*common_errors([CELLS[0]] * 2), [{"method": "PML"}, {"method": "KL"}])
    assert table["share"].isna().all() and (table["effect"].dropna() == 0).all()
