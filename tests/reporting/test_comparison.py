"""How methods are compared with one of them, image by image."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.evaluation.evaluate import evaluate
from pml.evaluation.pair import pair
from pml.evaluation.uncertainty import Estimate
from pml.evaluation.verdict import verdict
from pml.tables import check_table, load_schema, write_table
from tests.reporting.conftest import budget, grid_of, written

LABELS = {"kl": "KL baseline", "pml": "PML_100%", "dex": "DEX"}
IMAGES = 12
TRAIN_IMAGES = np.repeat([5, 50, 500], IMAGES // 3)  # four images each of few-, medium- and many-shot ages


def pooled_of(errors, images=range(IMAGES), fold=1, subjects=None, train_images=TRAIN_IMAGES, age_std=np.nan):
    """The pool of an experiment in which each method's seed overestimates the images' ages by the errors given."""
    images = [f"{image}.jpg" for image in images]
    shared = {
        "image": images,
        "subject": subjects,
        "age": 20.0,
        "age_std": age_std,
        "pit": np.nan,
        "distance": 0,
        "train_images": train_images,
    }
    rows = [
        pd.DataFrame(shared | {"method": method, "seed": seed, "fold": fold, "predicted_age": 20.0 + np.asarray(of_images)})
        for method, of_seeds in errors.items()
        for seed, of_images in of_seeds.items()
    ]
    return check_table(pd.concat(rows, ignore_index=True), "pooled", "pooled.csv")


def noise(seed, size=IMAGES):
    return np.random.default_rng(seed).normal(0, 4, size)


EPOCHS = {"one": 5, "other": 70}


def describe(pools, folder, synthetic=False):
    """Write the pools of the experiments and return what the settings say of them, and where each is."""
    for name, pooled in pools.items():
        write_table(pooled, folder / f"{name}.csv", "pooled")
    return [
        {
            "experiment": name,
            "pooled": str(folder / f"{name}.csv"),
            "data": {"label": "UTKFace", "synthetic": synthetic},
            "budget": budget(EPOCHS[name]),
            "methods": [
                {"method": method, "label": LABELS[method], "place": 0, "start": None} for method in pooled["method"].unique()
            ],
        }
        for name, pooled in pools.items()
    ]


def table_of(experiments, folder, reference=("one", "kl")):
    """Return the CSV as a frame and the others as text."""
    inputs = {"pooled": [entry["pooled"] for entry in experiments]}
    settings = {"kind": "comparison", "experiments": experiments, "reference": list(reference), "margin": 0.1}
    return written(folder, "table_parts", "comparison", inputs, **settings)


def compared(folder, reference=("one", "kl"), synthetic=False, **pools):
    return table_of(describe(pools, folder, synthetic), folder, reference)


def row_of(folder, method="pml", experiment="one", reference=("one", "kl"), **pools):
    table, _, _ = compared(folder, reference=reference, **pools)
    return table.set_index(["experiment", "method"]).loc[(experiment, LABELS[method])]


class TestRows:
    def test_one_per_experiment_and_method_in_the_order_given(self, tmp_path):
        one = pooled_of({"pml": {0: noise(0)}, "kl": {0: noise(1)}})
        other = pooled_of({"kl": {0: noise(2)}, "dex": {0: noise(3)}})
        table, _, _ = compared(tmp_path, reference=("other", "kl"), other=other, one=one)
        rows = [("other", "KL baseline"), ("other", "DEX"), ("one", "PML_100%"), ("one", "KL baseline")]
        assert list(zip(table["experiment"], table["method"], strict=True)) == rows
        assert table["verdict"].eq("reference").tolist() == [True, False, False, False]

    def test_a_method_that_the_experiment_does_not_list_is_left_out(self, tmp_path):
        experiments = describe({"one": pooled_of({"pml": {0: noise(0)}, "kl": {0: noise(1)}})}, tmp_path)
        experiments[0]["methods"] = [{"method": "kl", "label": "KL", "place": 0, "start": None}]
        assert table_of(experiments, tmp_path)[0]["method"].tolist() == ["KL"]

    def test_a_row_has_the_metrics_of_the_images_that_its_method_was_tested_on(self, tmp_path):
        one = pooled_of({"kl": {0: noise(0)}, "pml": {0: noise(1), 1: noise(2)}}, age_std=2.0)
        one = pd.concat([one, pooled_of({"pml": {0: noise(3), 1: noise(4)}}, fold=2, age_std=2.0)])
        table, _, _ = compared(tmp_path, one=one)
        expected = evaluate(one).query("scope == 'own'").reset_index(drop=True)
        shared = [name for name in table if name in expected and name not in ("method", "images_few")]
        assert len(shared) == 13
        pd.testing.assert_frame_equal(table[shared], expected[shared], check_dtype=False)

    def test_the_reference_differs_by_nothing_from_itself(self, tmp_path):
        row = row_of(tmp_path, "kl", one=pooled_of({"kl": {0: noise(0), 1: noise(1)}}))
        assert row[["difference", "difference_low", "difference_high", "difference_few"]].eq(0).all()
        assert row[["images_paired", "images_few", "verdict", "verdict_few"]].tolist() == [12, 4, "reference", "reference"]


class TestClosedForms:
    def test_identical_predictions_are_equivalent_whatever_the_number_of_seeds(self, tmp_path):
        same = dict.fromkeys(range(7), noise(0))
        row = row_of(tmp_path, one=pooled_of({"kl": same, "pml": same}, train_images=5))
        assert row[[f"difference{ending}" for ending in ("", "_low", "_high", "_few")]].eq(0).all()
        assert row[["verdict", "verdict_few"]].eq("equivalent").all()

    @pytest.mark.parametrize(
        ("shift", "verdict"), [(0.5, "higher error"), (-0.5, "lower error"), (0.05, "equivalent"), (-0.05, "equivalent")]
    )
    def test_a_constant_shift_is_the_difference_and_both_ends_of_its_interval(self, tmp_path, shift, verdict):
        errors = {seed: 1 + np.abs(noise(seed)) for seed in (0, 1, 2)}
        shifted = {seed: of_images + shift for seed, of_images in errors.items()}
        row = row_of(tmp_path, one=pooled_of({"kl": errors, "pml": shifted}, train_images=5))
        assert row.filter(regex="^difference").to_numpy(float) == pytest.approx(shift)
        assert row[["verdict", "verdict_few"]].tolist() == [verdict, verdict]

    def test_errors_are_absolute_before_they_are_averaged_over_seeds(self, tmp_path):
        opposite = {0: np.full(IMAGES, 3.0), 1: np.full(IMAGES, -3.0)}
        row = row_of(tmp_path, one=pooled_of({"kl": dict.fromkeys((0, 1), np.ones(IMAGES)), "pml": opposite}))
        assert row["difference"] == 2

    def test_pairing_sees_a_shift_below_a_large_spread(self, tmp_path):
        errors = {seed: 5 + 10 * np.abs(noise(0)) + seed for seed in (0, 1)}
        less = {seed: of_images - 0.5 - noise(9) / 100 for seed, of_images in errors.items()}
        row = row_of(tmp_path, one=pooled_of({"kl": errors, "pml": less}))
        assert row["mae_high"] - row["mae_low"] > 10 and row["verdict"] == "lower error"


class TestVerdict:
    def test_one_training_says_nothing(self, tmp_path):
        row = row_of(tmp_path, one=pooled_of({"kl": {0: np.zeros(IMAGES)}, "pml": {0: np.ones(IMAGES)}}))
        assert row["difference"] == 1 and row["verdict"] == "one training"
        assert row[["difference_low", "mae_low", "smallest", "p_value", "p_holm", "p_equivalence"]].isna().all()

    def test_five_people_say_nothing(self, tmp_path):
        pooled = pooled_of(
            {"kl": dict.fromkeys((0, 1), np.zeros(IMAGES)), "pml": dict.fromkeys((0, 1), np.ones(IMAGES))},
            subjects=[f"subject {image % 5}" for image in range(IMAGES)],
        )
        assert row_of(tmp_path, one=pooled)["verdict"] == "fewer than 6 people"

    @pytest.mark.parametrize(("of_seeds", "verdict"), [((-1.0, -1.0), "lower error"), ((-2.5, 0.5), "no difference shown")])
    def test_trainings_that_disagree_widen_the_interval_though_all_images_agree(self, tmp_path, of_seeds, verdict):
        pml = {seed: np.full(IMAGES, 5.0 + shift) for seed, shift in enumerate(of_seeds)}
        row = row_of(tmp_path, one=pooled_of({"kl": dict.fromkeys((0, 1), np.full(IMAGES, 5.0)), "pml": pml}))
        assert row["difference"] == -1
        assert row["difference_low"] <= -1 <= row["difference_high"]
        assert (row["difference_high"] < 0) == (verdict == "lower error")
        assert row["verdict"] == verdict

    def test_all_p_values_of_a_table_are_corrected_together(self, tmp_path):
        """Holm's rule: the i-th smallest of n times n + 1 - i, and never less than a smaller one."""
        rng = np.random.default_rng(0)
        kl = {seed: 5 + np.abs(noise(seed)) for seed in range(4)}
        others = {
            name: {seed: kl[seed] + shift + rng.normal(0, 0.5, IMAGES) for seed in kl}
            for name, shift in (("pml", 0.4), ("dex", 0.2))
        }
        table, _, _ = compared(tmp_path, one=pooled_of({"kl": kl} | others, train_images=np.repeat([5, 50], 6)))
        rows = table[table["verdict"] != "reference"]
        p_values, corrected = (rows[[name, f"{name}_few"]].to_numpy().ravel() for name in ("p_value", "p_holm"))
        order = np.argsort(p_values)
        expected = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(4, 0, -1)), 1)
        assert corrected[order] == pytest.approx(expected)
        assert table.loc[table["verdict"] == "reference", ["p_holm", "p_holm_few"]].isna().all(axis=None)

    @given(st.floats(-1, 1), st.just(0) | st.floats(0.001, 1), st.floats(0, 1))
    def test_it_follows_from_both_tests(self, mean, error, p_value):
        found = Estimate(mean, ((error**2, 9),) if error else ())
        expected = "lower error" if mean < 0 else "higher error"
        expected = expected if p_value < 0.05 else "no difference shown"
        assert verdict(found, p_value, 0.1) == ("equivalent" if found.p_outside(0.1) < 0.05 else expected)


class TestPairing:
    def test_it_is_that_of_a_slow_loop_over_images_and_seeds(self):
        """Some images are tested in two folds, some by one method only, and each has a seed that the other lacks."""
        rng = np.random.default_rng(0)
        seeds = {"kl": (0, 1, 2), "pml": (1, 2, 3, 4)}
        images = {"kl": {1: range(0, 12), 2: range(8, 20)}, "pml": {2: range(6, 18), 1: range(4, 16), 3: range(12)}}
        pools = {
            method: pd.concat(
                pooled_of(
                    {method: {seed: rng.normal(0, 4, 12) for seed in seeds[method]}},
                    images=tested,
                    fold=fold,
                    train_images=[(7 * image) % 40 for image in tested],
                )
                for fold, tested in images[method].items()
            )
            for method in seeds
        }
        for pairs, rare in zip(pair(pools["pml"], pools["kl"]), (False, True), strict=True):
            found = {(row.fold, row.image, row.seed): row.difference for row in pairs.itertuples()}
            assert found == pytest.approx(slow_differences(pools["pml"], pools["kl"], rare))
            assert len(found) == 2 * (7 if rare else 18)

    def test_images_of_other_folds_and_of_one_method_only_are_left_out(self, tmp_path):
        kl = pooled_of({"kl": {0: np.zeros(IMAGES)}})
        same_fold = pooled_of({"pml": {0: np.full(IMAGES, 2.0)}}, images=range(9, 9 + IMAGES))
        other_fold = pooled_of({"pml": {0: np.full(IMAGES, 7.0)}}, fold=2)
        row = row_of(tmp_path, one=pd.concat([kl, same_fold, other_fold]))
        assert row[["images", "images_paired", "difference"]].tolist() == [2 * IMAGES, 3, 2.0]

    def test_without_common_images_there_is_nothing_to_say(self, tmp_path):
        one, other = (pooled_of({"kl": {0: noise(fold)}}, fold=fold) for fold in (1, 2))
        row = row_of(tmp_path, "kl", "other", one=one, other=other)
        assert row[["images", "images_paired", "images_few"]].tolist() == [IMAGES, 0, 0]
        assert row.filter(like="difference").isna().all()
        assert row[["verdict", "verdict_few"]].tolist() == ["no common images"] * 2

    def test_seeds_that_the_reference_lacks_are_left_out(self, tmp_path):
        kl = {0: np.full(IMAGES, 1.0), 1: np.full(IMAGES, 3.0)}
        pml = {1: np.full(IMAGES, 5.0), 2: np.full(IMAGES, 6.0)}
        assert row_of(tmp_path, one=pooled_of({"kl": kl, "pml": pml}))["difference"] == 2

    def test_without_a_common_seed_they_are_taken_in_their_order(self, tmp_path):
        kl = {0: np.full(IMAGES, 1.0), 1: np.full(IMAGES, 3.0)}
        pml = {seed: np.full(IMAGES, 4.0 + seed) for seed in (2, 3, 4)}
        row = row_of(tmp_path, one=pooled_of({"kl": kl, "pml": pml}))
        assert row["difference"] == ((6 - 1) + (7 - 3)) / 2


def slow_differences(method, reference, rare):
    """The difference of absolute errors by fold, image and seed, of those that both have."""
    errors = {(row.fold, row.image, row.seed): abs(row.predicted_age - row.age) for row in method.itertuples()}
    differences = {}
    for row in reference.itertuples():
        key = (row.fold, row.image, row.seed)
        if key in errors and (row.train_images < 20 or not rare):
            differences[key] = errors[key] - abs(row.predicted_age - row.age)
    return differences


class TestFewShot:
    def test_an_image_is_few_shot_in_the_training_data_of_the_reference(self, tmp_path):
        """The other experiment has many training images of the ages that the reference hardly saw, and the reverse."""
        errors = np.repeat([1.0, 2.0, 4.0], IMAGES // 3)
        one = pooled_of({"kl": {0: np.zeros(IMAGES)}})
        other = pooled_of({"kl": {0: errors}}, train_images=TRAIN_IMAGES[::-1])
        row = row_of(tmp_path, "kl", "other", one=one, other=other)
        assert row[["images_few", "difference_few"]].tolist() == [4, 1.0]
        assert row[["mae_many", "mae_medium", "mae_few"]].tolist() == [1.0, 2.0, 4.0]

    def test_without_few_shot_images_only_the_others_have_a_verdict(self, tmp_path):
        errors = {"kl": dict.fromkeys((0, 1), np.zeros(IMAGES)), "pml": dict.fromkeys((0, 1), np.ones(IMAGES))}
        row = row_of(tmp_path, one=pooled_of(errors, train_images=20))
        assert row[["verdict", "verdict_few"]].tolist() == ["higher error", "no common images"]
        assert row["images_few"] == 0 and np.isnan(row["difference_few"])


class TestText:
    @pytest.fixture
    def one(self):
        errors = {"kl": dict.fromkeys((0, 1), np.full(IMAGES, 0.5)), "pml": dict.fromkeys((0, 1), np.full(IMAGES, 1.5))}
        return pooled_of(errors, train_images=5)

    def test_markdown_is_a_caption_and_every_row(self, one, tmp_path):
        table, markdown, _ = compared(tmp_path, one=one)
        text = markdown.split("\n\n")[0]
        assert text.startswith("Mean absolute error (MAE) in years on UTKFace")
        assert " Budget: resnet18 from random weights, faces of 48 pixels, 5 epochs in" in text
        grid = grid_of(markdown)
        assert grid["Method"].tolist() == table["method"].tolist()
        assert grid["MAE"].tolist() == ["0.50 [0.50, 0.50]", "1.50 [1.50, 1.50]"]
        assert grid["Difference"].tolist() == grid["Few difference"].tolist() == ["–", "+1.000 [+1.000, +1.000]"]
        assert grid["p"].tolist() == grid["Few p"].tolist() == ["–", "<0.001"]
        assert grid["Verdict"].tolist() == grid["Verdict, few"].tolist() == ["reference", "higher error"]

    def test_the_caption_names_the_rules(self, one, tmp_path):
        _, markdown, _ = compared(tmp_path, one=one)
        for rule in (
            "that of the reference, KL baseline.",
            "over the images and seeds of each fold that both have",
            "In brackets the 95 % interval over people and trainings",
            "Smallest: the smallest true difference",
            "by Holm's rule corrected for all p-values of this table",
            "equivalent if the difference is shown to be within 0.1 years",
            "take those of the reference's experiment, the same images for both",
        ):
            assert rule in markdown
        assert "synthetic" not in markdown and "ε" not in markdown

    def test_a_share_that_depends_on_rounding_is_marked_and_explained(self, one, tmp_path):
        whole = one["method"] == "pml"
        pooled = one.assign(predicted_age=one["predicted_age"].mask(whole, one["predicted_age"].round()))
        _, markdown, _ = compared(tmp_path, one=pooled)
        assert grid_of(markdown)["CS(5)"].tolist() == ["100.0%", "100.0%*"]
        assert "*: this method answers in whole years" in markdown
        assert "whole years" not in compared(tmp_path, one=one)[1]

    def test_several_experiments_are_told_apart_each_with_its_budget(self, one, tmp_path):
        _, markdown, _ = compared(tmp_path, one=one, other=one)
        assert "KL baseline in one" in markdown and re.search(
            "one: Budget: .* 5 epochs .* other: Budget: .* 70 epochs ", markdown
        )
        assert grid_of(markdown)["Experiment"].tolist() == ["one", "one", "other", "other"]

    def test_the_number_of_pairs_is_shown_where_it_is_not_that_of_the_images(self, one, tmp_path):
        assert "Paired" not in grid_of(compared(tmp_path, one=one)[1])
        more = pooled_of({"pml": dict.fromkeys((0, 1), noise(0))}, fold=2)
        grid = grid_of(compared(tmp_path, one=pd.concat([one, more]))[1])
        assert grid[["Images", "Paired"]].to_numpy().tolist() == [["12", "12"], ["24", "12"]]

    def test_the_epsilon_error_is_shown_where_labels_have_a_standard_deviation(self, one, tmp_path):
        table, markdown, latex = compared(tmp_path, one=one.assign(age_std=2.0))
        assert table["epsilon_error"].tolist() == pytest.approx([1 - np.exp(-1 / 32), 1 - np.exp(-9 / 32)])
        assert "0.245" in markdown and "ε: mean over images" in markdown and "ε" not in latex

    def test_synthetic_is_said_in_every_file_and_row(self, one, tmp_path):
        table, markdown, latex = compared(tmp_path, synthetic=True, one=one)
        assert (table["data"] == "UTKFace (synthetic)").all()
        for text in (markdown, latex):
            assert "ranks no method among people" in text
            assert len([line for line in text.splitlines() if line.lstrip("| ").startswith("UTKFace (synthetic)")]) == 2

    def test_latex_is_escaped_and_every_row_has_every_column(self, one, tmp_path):
        table, _, latex = compared(tmp_path, one=one)
        assert r"PML\_100\%" in latex and r"\label{tab:table_parts}" in latex
        columns = len(re.search(r"\\begin\{tabular\}\{([lr]+)\}", latex).group(1))
        rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
        assert len(rows) == 1 + len(table)
        assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)


def test_every_column_is_described():
    assert all("description" in column for column in load_schema("comparison")["properties"].values())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            {"methods": [{"method": "pmll", "label": "PML", "place": 0, "start": None}]},
            "one.csv: no method 'pmll'; did you mean 'pml'",
        ),
        ({"pooled": "nowhere.csv"}, "nowhere.csv: no such file"),
    ],
)
def test_wrong_methods_and_missing_predictions_are_refused(tmp_path, change, complaint):
    experiments = describe({"one": pooled_of({"kl": {0: noise(0)}, "pml": {0: noise(1)}})}, tmp_path)
    check_refused([experiments[0] | change], tmp_path, complaint)


def test_seeds_on_different_images_are_refused(tmp_path):
    pooled = pd.concat([pooled_of({"kl": {0: noise(0)}}), pooled_of({"kl": {1: noise(1)}}, fold=2)])
    complaint = "one.csv: the seeds of method 'kl' were tested on different images"
    check_refused(describe({"one": pooled}, tmp_path), tmp_path, complaint)


def check_refused(experiments, folder, complaint):
    with pytest.raises(InputError, match=complaint):
        table_of(experiments, folder)
    assert not (folder / "out.csv").exists()
