from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.evaluation import evaluate as evaluation
from pml.evaluation.evaluate import evaluate
from pml.tables import check_table, read_table
from pml.task import Task

TABLES = ("pooled", "metrics")


def pooled_rows(method, seeds=(0,), folds=(1, 2, 3, 4), images_per_fold=6, subjects=True, noise=3.0):
    """Leave-one-person-out predictions: one subject per fold, ages 0 to 69, the same images for every method and seed."""
    rows = []
    for fold in folds:
        images = np.random.default_rng(fold)
        ages, train_images = images.uniform(0, 70, images_per_fold), images.integers(0, 200, images_per_fold)
        for seed in seeds:
            rng = np.random.default_rng([fold, seed, len(method)])
            predicted = ages + rng.normal(0, noise, images_per_fold)
            for i in range(images_per_fold):
                subject = f"{fold:03}" if subjects else None
                row = (
                    method,
                    seed,
                    fold,
                    f"{fold}_{i}.jpg",
                    subject,
                    ages[i],
                    np.nan,
                    predicted[i],
                    np.nan,
                    0,
                    train_images[i],
                )
                rows.append(row)
    names = ["method", "seed", "fold", "image", "subject", "age", "age_std", "predicted_age", "pit", "distance", "train_images"]
    return check_table(pd.DataFrame(rows, columns=names), "pooled", "pooled.csv")


def absolute_errors(pooled):
    return (pooled["predicted_age"] - pooled["age"]).abs()


def test_a_row_per_method_and_scope_in_the_order_of_the_pool():
    table = evaluate(pd.concat([pooled_rows("pml"), pooled_rows("dex"), pooled_rows("kl")]))
    assert list(zip(table["method"], table["scope"], strict=True)) == [
        (method, scope) for method in ("pml", "dex", "kl") for scope in ("own", "common")
    ]


def test_common_scope_holds_the_images_of_every_method():
    many, few = pooled_rows("pml"), pooled_rows("kl", folds=[2, 3])
    table = evaluate(pd.concat([many, few])).set_index(["method", "scope"])
    assert table["images"].to_dict() == {("pml", "own"): 24, ("pml", "common"): 12, ("kl", "own"): 12, ("kl", "common"): 12}
    assert table.loc[("pml", "own"), "mae"] == pytest.approx(absolute_errors(many).mean())
    assert table.loc[("pml", "common"), "mae"] == pytest.approx(absolute_errors(many[many["fold"].isin([2, 3])]).mean())
    assert table.loc[("kl", "own")].equals(table.loc[("kl", "common")])


def test_methods_without_a_common_image_have_an_empty_common_scope():
    table = evaluate(pd.concat([pooled_rows("pml", folds=[1]), pooled_rows("kl", folds=[2])])).set_index("scope")
    assert (table.loc["common", "images"] == 0).all()
    assert table.loc["common", ["mae", "mae_low", "mae_per_subject", "cs_5"]].isna().all(axis=None)


def test_one_seed_has_no_spread_over_seeds():
    assert evaluate(pooled_rows("pml"))["mae_std_over_seeds"].isna().all()


def test_several_seeds_average_over_seeds():
    pooled = pooled_rows("pml", seeds=(0, 1, 2))
    row = evaluate(pooled).iloc[0]
    of_seeds = [evaluate(pooled[pooled["seed"] == seed]).iloc[0] for seed in (0, 1, 2)]
    assert (row["seeds"], row["images"], row["subjects"]) == (3, 24, 4)
    for name in ("mae", "mae_few", "mae_per_subject", "cs_5"):
        assert row[name] == pytest.approx(np.mean([of_seed[name] for of_seed in of_seeds]))
    assert row["mae_std_over_seeds"] == pytest.approx(np.std([of_seed["mae"] for of_seed in of_seeds], ddof=1))


def test_seeds_do_not_pass_for_more_subjects():
    """The same predictions three times over say no more than once."""
    pooled = pooled_rows("pml", folds=range(1, 9))
    thrice = pd.concat([pooled.assign(seed=seed) for seed in (0, 1, 2)])
    names = ["mae", "mae_low", "mae_high", "images", "images_few", "geometric_mean"]
    assert evaluate(thrice)[names].to_numpy() == pytest.approx(evaluate(pooled)[names].to_numpy())


def test_shots_add_up():
    row = evaluate(pooled_rows("pml", folds=range(1, 20))).iloc[0]
    shots = ("many", "medium", "few")
    assert sum(row[f"images_{shot}"] for shot in shots) == row["images"]
    assert sum(row[f"images_{shot}"] * row[f"mae_{shot}"] for shot in shots) == pytest.approx(row["images"] * row["mae"])


def test_without_subjects_the_interval_is_over_images():
    row = evaluate(pooled_rows("pml", subjects=False)).iloc[0]
    assert row["subjects"] == 0
    assert np.isnan(row["mae_per_subject"])
    assert row["mae_low"] < row["mae"] < row["mae_high"]


def test_epsilon_error_of_labels_with_a_standard_deviation():
    pooled = pooled_rows("pml", seeds=(0, 1), folds=range(1, 9)).assign(age_std=lambda rows: 1 + rows["age"] / 10)
    row = evaluate(pooled).iloc[0]
    values = 1 - np.exp(-(absolute_errors(pooled) ** 2) / (2 * pooled["age_std"] ** 2))
    assert row["epsilon_error"] == pytest.approx(values.mean())
    assert 0 <= row["epsilon_error_low"] < row["epsilon_error"] < row["epsilon_error_high"] <= 1


def test_labels_without_a_standard_deviation_have_no_epsilon_error():
    names = ["epsilon_error", "epsilon_error_low", "epsilon_error_high"]
    pooled = pooled_rows("pml")
    assert evaluate(pooled)[names].isna().all(axis=None)
    assert evaluate(pooled.assign(age_std=[np.nan] + [1.0] * (len(pooled) - 1)))[names].isna().all(axis=None)


@pytest.fixture
def run_stage(tmp_path, monkeypatch):
    """Run the stage as if these were the predictions of its runs, and return where its tables are."""

    def run(pooled):
        monkeypatch.setattr(evaluation, "pool", lambda *inputs: pooled)
        inputs, outputs = {"index": "i", "folds": "f", "jobs": ["j"]}, {name: str(tmp_path / f"{name}.csv") for name in TABLES}
        settings = {"course": None, "data": {"label": "FG-NET", "synthetic": True}, "selection": "last", "trained": ["pml"]}
        settings |= {"exclusive": False}
        evaluation.evaluate_predictions(Task("evaluate_predictions", {}, inputs, outputs, settings))
        return {name: Path(path) for name, path in outputs.items()}

    return run


def test_written_files_keep_their_schemas_and_bytes(run_stage):
    pooled = pd.concat([pooled_rows("pml"), pooled_rows("kl", folds=[2])])
    paths = run_stage(pooled)
    assert read_table(paths["metrics"], "metrics")["data"].tolist() == ["FG-NET (synthetic)"] * 4
    assert len(read_table(paths["pooled"], "pooled")) == len(pooled)
    first = [path.read_bytes() for path in paths.values()]
    assert [path.read_bytes() for path in run_stage(pooled).values()] == first


def test_seeds_on_different_folds_are_refused_and_nothing_is_written(run_stage, tmp_path):
    pooled = pd.concat([pooled_rows("pml"), pooled_rows("pml", seeds=[1], folds=[1])])
    with pytest.raises(InputError, match="j: the seeds of method 'pml' were tested on different images"):
        run_stage(pooled)
    assert not list(tmp_path.iterdir())


def test_metrics_say_how_the_epoch_was_chosen():
    pooled = pooled_rows("pml")
    assert (evaluate(pooled)["selection"] == "last").all()
    assert (evaluate(pooled, "oracle")["selection"] == "oracle").all()


def test_why_the_error_has_no_interval():
    assert evaluate(pooled_rows("pml"))["no_interval"].unique().tolist() == ["fewer than 6 people"]
    assert evaluate(pooled_rows("pml", folds=[1], subjects=False))["no_interval"].unique().tolist() == ["one training"]
    assert evaluate(pooled_rows("pml", folds=range(1, 9)))["no_interval"].isna().all()


def test_a_method_that_answers_in_whole_years_is_marked():
    pooled = pd.concat(
        [pooled_rows("pml"), pooled_rows("dldl").assign(predicted_age=lambda rows: rows["predicted_age"].round())]
    )
    assert evaluate(pooled).set_index("method")["whole_years"].to_dict() == {"pml": False, "dldl": True}


def test_the_best_is_a_trained_method_whose_difference_from_the_next_is_shown():
    folds = range(1, 12)
    base = pooled_rows("kl", folds=folds)
    near, far = (base.assign(method=name, predicted_age=base["age"] + shift) for name, shift in (("near", 0.1), ("far", 5.0)))
    exact = base.assign(method="look_up", predicted_age=base["age"])
    trained = ["kl", "near", "far"]
    table = evaluate(pd.concat([base, near, far, exact]), trained=trained)
    assert table.loc[table["best"], ["method", "scope"]].to_numpy().tolist() == [["near", "common"]]
    tied = near.assign(method="tied", predicted_age=near["age"] - 0.1)
    assert not evaluate(pd.concat([base, near, tied, far, exact]), trained=[*trained, "tied"])["best"].any()
    assert not evaluate(base, trained=["kl"])["best"].any()
