"""How methods are compared with one of them, image by image."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.evaluation.evaluate import evaluate
from pml.evaluation.uncertainty import uncertainty
from pml.files import check_table, load_schema, write_table
from pml.reporting.comparison import Difference, differences
from tests.reporting.conftest import budget, grid_of, written

LABELS = {"kl": "KL baseline", "pml": "PML_100%", "dex": "DEX"}
IMAGES = 12
TRAIN_IMAGES = np.repeat([5, 50, 500], IMAGES // 3)  # four images each of few-, medium- and many-shot ages


def pooled_of(errors, images=range(IMAGES), fold=1, subjects=None, train_images=TRAIN_IMAGES, age_std=np.nan):
    """The pool of an experiment in which each method's seed overestimates the images' ages by the errors given."""
    images = [f"{image}.jpg" for image in images]
    shared = {"image": images, "subject": subjects, "age": 20.0, "age_std": age_std, "train_images": train_images}
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
    settings = {"kind": "comparison", "experiments": experiments, "reference": list(reference)}
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
        assert len(shared) == 12
        pd.testing.assert_frame_equal(table[shared], expected[shared], check_dtype=False)

    def test_the_reference_differs_by_nothing_from_itself(self, tmp_path):
        row = row_of(tmp_path, "kl", one=pooled_of({"kl": {0: noise(0), 1: noise(1)}}))
        assert row[["difference", "difference_low", "difference_high", "difference_few"]].eq(0).all()
        assert row[["images_paired", "images_few", "verdict", "verdict_few"]].tolist() == [12, 4, "reference", "reference"]


class TestClosedForms:
    def test_identical_predictions_show_no_difference_whatever_the_number_of_seeds(self, tmp_path):
        row = row_of(tmp_path, one=pooled_of({"kl": {0: noise(0)}, "pml": dict.fromkeys(range(7), noise(0))}))
        assert row.filter(like="difference").eq(0).all()
        assert row[["verdict", "verdict_few"]].eq("no difference shown").all()

    @pytest.mark.parametrize(("shift", "verdict"), [(0.5, "higher error"), (-0.5, "lower error")])
    def test_a_constant_shift_is_the_difference_and_both_ends_of_its_interval(self, tmp_path, shift, verdict):
        errors = {seed: 1 + np.abs(noise(seed)) for seed in (0, 1, 2)}
        shifted = {seed: of_images + shift for seed, of_images in errors.items()}
        row = row_of(tmp_path, one=pooled_of({"kl": errors, "pml": shifted}))
        assert row.filter(like="difference").to_numpy(float) == pytest.approx(shift)
        assert row[["verdict", "verdict_few"]].tolist() == [verdict, verdict]

    def test_errors_are_absolute_before_they_are_averaged_over_seeds(self, tmp_path):
        opposite = {0: np.full(IMAGES, 3.0), 1: np.full(IMAGES, -3.0)}
        row = row_of(tmp_path, one=pooled_of({"kl": dict.fromkeys((0, 1), np.ones(IMAGES)), "pml": opposite}))
        assert row["difference"] == 2

    def test_pairing_sees_a_small_shift_below_a_large_spread(self, tmp_path):
        errors = 1 + 10 * np.abs(noise(0))
        row = row_of(tmp_path, one=pooled_of({"kl": {0: errors}, "pml": {0: errors - 0.1 - noise(1) / 100}}))
        assert row["mae_high"] - row["mae_low"] > 10 and row["verdict"] == "lower error"

    def test_more_images_of_the_same_subjects_leave_the_interval_as_it_is(self, tmp_path):
        """Images of a subject that all say the same say it once."""
        single = {"kl": {0: np.zeros(IMAGES)}, "pml": {0: noise(0)}}
        thrice = {method: {0: np.tile(of_seeds[0], 3)} for method, of_seeds in single.items()}
        names = ["difference", "difference_low", "difference_high"]
        subjects = [f"subject {image}" for image in range(IMAGES)]
        alone = row_of(tmp_path, one=pooled_of(single, subjects=subjects))
        tripled = pooled_of(thrice, range(3 * IMAGES), subjects=3 * subjects, train_images=np.tile(TRAIN_IMAGES, 3))
        assert row_of(tmp_path, one=tripled)[names].tolist() == pytest.approx(alone[names].tolist())
        without = row_of(tmp_path, one=tripled.assign(subject=None))
        assert without["difference_high"] - without["difference_low"] < 0.7 * (
            alone["difference_high"] - alone["difference_low"]
        )

    def test_a_single_subject_has_no_interval_and_shows_no_difference(self, tmp_path):
        pooled = pooled_of({"kl": {0: np.zeros(IMAGES)}, "pml": {0: np.ones(IMAGES)}}, subjects="only one")
        row = row_of(tmp_path, one=pooled)
        assert row["difference"] == 1 and np.isnan(row["difference_low"]) and row["verdict"] == "no difference shown"


class TestVerdict:
    @pytest.mark.parametrize(
        ("of_seeds", "verdict"),
        [((-1.0, -1.0), "lower error"), ((-2.5, 0.5), "no difference shown"), ((-2.0, 0.0), "no difference shown")],
    )
    def test_trainings_that_disagree_widen_the_interval_though_all_images_agree(self, tmp_path, of_seeds, verdict):
        pml = {seed: np.full(IMAGES, 5.0 + shift) for seed, shift in enumerate(of_seeds)}
        row = row_of(tmp_path, one=pooled_of({"kl": dict.fromkeys((0, 1), np.full(IMAGES, 5.0)), "pml": pml}))
        assert row["difference"] == -1
        assert row["difference_low"] <= -1 <= row["difference_high"]
        assert (row["difference_high"] < 0) == (verdict == "lower error")
        assert row[["difference_min_seed", "difference_max_seed", "verdict"]].tolist() == [*of_seeds, verdict]

    def test_an_interval_with_0_shows_no_difference_though_all_seeds_agree(self, tmp_path):
        pml = dict.fromkeys((0, 1), 5 + np.array([-6.0] + [0.5] * (IMAGES - 1)) / 2)
        row = row_of(tmp_path, one=pooled_of({"kl": dict.fromkeys((0, 1), np.full(IMAGES, 5.0)), "pml": pml}))
        assert row["difference_low"] < row["difference_max_seed"] < 0 < row["difference_high"]
        assert row["verdict"] == "no difference shown"

    @given(*[st.floats(-3, 3)] * 4)
    def test_it_follows_from_the_interval_and_the_seeds(self, low, high, min_seed, max_seed):
        low, high = sorted((low, high))
        min_seed, max_seed = sorted((min_seed, max_seed))
        signs = {np.sign(value) for value in (low, high, min_seed, max_seed)}
        expected = {(-1,): "lower error", (1,): "higher error"}.get(tuple(signs), "no difference shown")
        assert Difference(9, (low + high) / 2, low, high, 1, min_seed, max_seed).verdict == expected


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
                    subjects=[f"subject {image % 7}" if image % 5 else None for image in tested],
                    train_images=[(7 * image) % 40 for image in tested],
                )
                for fold, tested in images[method].items()
            )
            for method in seeds
        }
        of_all, of_few = differences(pools["pml"], pools["kl"])
        for difference, rare in ((of_all, False), (of_few, True)):
            keys, values, of_seeds, people, trainings = slow_differences(pools["pml"], pools["kl"], rare)
            found = uncertainty(np.array(values), np.array(people), np.array(trainings))
            assert difference.images == len(keys) == (7 if rare else 18)
            assert difference.mean == pytest.approx(np.mean(values))
            assert (difference.low, difference.high) == pytest.approx((found.low, found.high))
            assert difference.smallest == pytest.approx(found.smallest)
            assert (difference.min_seed, difference.max_seed) == pytest.approx((min(of_seeds), max(of_seeds)))

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

    def test_a_seed_that_the_reference_lacks_is_compared_with_its_mean(self, tmp_path):
        kl = {0: np.full(IMAGES, 1.0), 1: np.full(IMAGES, 3.0)}
        pml = {1: np.full(IMAGES, 5.0), 2: np.full(IMAGES, 6.0)}
        row = row_of(tmp_path, one=pooled_of({"kl": kl, "pml": pml}))
        assert row["difference"] == 5.5 - 2
        assert row[["difference_min_seed", "difference_max_seed"]].tolist() == [5 - 3, 6 - 2]


def slow_differences(method, reference, rare):
    """The pairs of fold and image, each one's difference with each seed, that of each seed, and who and what made each."""
    errors = [{}, {}]
    clusters, shots = {}, {}
    for found, pooled in zip(errors, (method, reference), strict=True):
        for row in pooled.itertuples():
            found[row.fold, row.image, row.seed] = abs(row.predicted_age - row.age)
    for row in reference.itertuples():
        clusters[row.fold, row.image] = row.image if pd.isna(row.subject) else row.subject
        shots[row.fold, row.image] = row.train_images < 20
    keys = sorted({key[:2] for key in errors[0]} & {key[:2] for key in errors[1]})
    keys = [key for key in keys if shots[key] or not rare]

    def mean_of(found, key):
        return np.mean([error for (*at, _), error in found.items() if tuple(at) == key])

    seeds = sorted({seed for _, _, seed in errors[0]})
    pairs = [(key, seed) for key in keys for seed in seeds]
    values = [errors[0][*key, seed] - mean_of(errors[1], key) for key, seed in pairs]
    of_seeds = []
    for seed in seeds:
        other = [errors[1].get((*key, seed), mean_of(errors[1], key)) for key in keys]
        of_seeds.append(np.mean([errors[0][*key, seed] - error for key, error in zip(keys, other, strict=True)]))
    return keys, values, of_seeds, [clusters[key] for key, _ in pairs], [f"{key[0]} {seed}" for key, seed in pairs]


class TestFewShot:
    def test_an_image_is_few_shot_in_the_training_data_of_the_reference(self, tmp_path):
        """The other experiment has many training images of the ages that the reference hardly saw, and the reverse."""
        errors = np.repeat([1.0, 2.0, 4.0], IMAGES // 3)
        one = pooled_of({"kl": {0: np.zeros(IMAGES)}})
        other = pooled_of({"kl": {0: errors}}, train_images=TRAIN_IMAGES[::-1])
        row = row_of(tmp_path, "kl", "other", one=one, other=other)
        assert row[["images_few", "difference_few", "verdict_few"]].tolist() == [4, 1.0, "higher error"]
        assert row[["mae_many", "mae_medium", "mae_few"]].tolist() == [1.0, 2.0, 4.0]

    def test_without_few_shot_images_only_the_others_have_a_verdict(self, tmp_path):
        errors = {"kl": {0: np.zeros(IMAGES)}, "pml": {0: np.ones(IMAGES)}}
        row = row_of(tmp_path, one=pooled_of(errors, train_images=20))
        assert row[["verdict", "verdict_few"]].tolist() == ["higher error", "no common images"]
        assert row["images_few"] == 0 and np.isnan(row["difference_few"])


class TestText:
    @pytest.fixture
    def one(self):
        return pooled_of({"kl": {0: np.zeros(IMAGES)}, "pml": {0: np.ones(IMAGES)}})

    def test_markdown_is_a_caption_and_every_row(self, one, tmp_path):
        table, markdown, _ = compared(tmp_path, one=one)
        text = markdown.split("\n\n")[0]
        assert text.startswith("Mean absolute error (MAE) in years on UTKFace")
        assert " Budget: resnet18 from random weights, faces of 48 pixels, 5 epochs in" in text
        grid = grid_of(markdown)
        assert grid["Method"].tolist() == table["method"].tolist()
        assert grid["MAE"].tolist() == ["0.00 [0.00, 0.00]", "1.00 [1.00, 1.00]"]
        assert grid["Difference"].tolist() == grid["Few difference"].tolist() == ["–", "+1.000 [+1.000, +1.000]"]
        assert grid["Each seed"].tolist() == ["–", "+1.00 to +1.00"]
        assert grid["Verdict"].tolist() == grid["Verdict, few"].tolist() == ["reference", "higher error"]

    def test_the_caption_names_the_rules(self, one, tmp_path):
        _, markdown, _ = compared(tmp_path, one=one)
        for rule in (
            "that of the reference, KL baseline.",
            "over the images that both were tested on in the same fold",
            "behind MAE the 95 % interval from a bootstrap over the images",
            "behind a difference the 95 % interval over the images and the trainings",
            "Smallest: the smallest true difference",
            "only if the interval excludes 0 and the differences of all seeds have one sign",
            "take those of the reference's experiment, the same images for both",
        ):
            assert rule in markdown
        assert "synthetic" not in markdown and "ε" not in markdown

    def test_the_interval_is_over_subjects_where_they_are_known(self, one, tmp_path):
        assert "bootstrap over the subjects" in compared(tmp_path, one=one.assign(subject=one["image"]))[1]

    def test_several_experiments_are_told_apart_each_with_its_budget(self, one, tmp_path):
        _, markdown, _ = compared(tmp_path, one=one, other=one)
        assert "KL baseline in one" in markdown and re.search(
            "one: Budget: .* 5 epochs .* other: Budget: .* 70 epochs ", markdown
        )
        assert grid_of(markdown)["Experiment"].tolist() == ["one", "one", "other", "other"]

    def test_the_number_of_pairs_is_shown_where_it_is_not_that_of_the_images(self, one, tmp_path):
        assert "Paired" not in grid_of(compared(tmp_path, one=one)[1])
        more = pooled_of({"pml": {0: noise(0)}}, fold=2)
        grid = grid_of(compared(tmp_path, one=pd.concat([one, more]))[1])
        assert grid[["Images", "Paired"]].to_numpy().tolist() == [["12", "12"], ["24", "12"]]

    def test_the_epsilon_error_is_shown_where_labels_have_a_standard_deviation(self, one, tmp_path):
        table, markdown, latex = compared(tmp_path, one=one.assign(age_std=2.0))
        assert table["epsilon_error"].tolist() == pytest.approx([0, 1 - np.exp(-1 / 8)])
        assert "0.118" in markdown and "ε: mean over images" in markdown and "ε" not in latex

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
