"""How the error of each method is drawn along the ages, over the ages that it trained on."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from pml.errors import InputError
from pml.evaluation.pool import pool
from pml.evaluation.uncertainty import estimate
from pml.reporting.error_against_age import bin_starts, draw, draw_error_against_age, training_images
from pml.reporting.style import line_style
from pml.tables import load_schema, read_table, write_table
from tests.reporting.conftest import METHODS, figure_task

NAMES = ["pml", "kl", "dex", "constant"]
FOUR = [{"method": name, "label": name.upper(), "place": place} for place, name in enumerate(NAMES)]
TRAINING = pd.Series([3.0, 1.0], [20.0, 40.0])


def pooled_of(methods=("pml", "kl"), people=24, folds=(1, 2)):
    """Predictions for four images each of some people, ages from 0 to 69; the errors of a method grow with its place."""
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(people), 4)
    shared = pd.DataFrame({"subject": [f"p{person}" for person in persons], "age": random.integers(0, 70, len(persons))})
    shared = shared.assign(
        fold=persons % len(folds) + 1, image=[f"{image}.png" for image in shared.index], age_std=np.nan, seed=0
    )
    shared = shared[shared["fold"].isin(folds)].assign(train_images=1)
    noise = {name: np.random.default_rng(place).normal(0, 1 + place, len(shared)) for place, name in enumerate(NAMES)}
    return pd.concat(
        [shared.assign(method=name, predicted_age=shared["age"] + noise[name]) for name in methods], ignore_index=True
    )


def lines_of(axis):
    """Return (heights, edges, colour) of each method's line in a panel, and the (low, high) of each band."""
    lines = [patch for patch in axis.patches if not patch.get_fill()]
    bands = [patch.get_data() for patch in axis.patches if patch.get_fill()]
    steps = [(*patch.get_data()[:2], to_hex(patch.get_edgecolor())) for patch in lines]
    return steps, [(band.baseline, band.values) for band in bands]


@pytest.fixture
def inputs(experiment):
    """The pooled predictions of the small experiment, its index, and folds whose training images are those not tested."""
    parts = {fold: np.arange(len(experiment.images)) % 2 == fold - 1 for fold in (1, 2, 3)}
    frames = [
        pd.DataFrame({"fold": fold, "image": experiment.images, "part": np.where(tested, "test", "train")})
        for fold, tested in parts.items()
    ]
    paths = {name: str(experiment.folder / f"{name}.csv") for name in ("index", "folds", "pooled")}
    write_table(pd.concat(frames), paths["folds"], "folds")
    write_table(pool(paths["index"], paths["folds"], list(experiment.jobs.values())), paths["pooled"], "pooled")
    return paths


def task_of(inputs, methods=METHODS):
    return figure_task(inputs, methods, reference="kl", trained=["pml", "kl"])


def test_files(inputs, tmp_path, draws_well):
    draws_well(draw_error_against_age, task_of(inputs), tmp_path, width=3.25)


class TestTrainingImages:
    def test_the_bars_are_the_mean_over_the_folds_that_ran(self, inputs):
        index, folds = (read_table(inputs[name], name) for name in ("index", "folds"))
        index = index.set_index("image")
        found = training_images(inputs["index"], inputs["folds"], [1, 2])
        for age, number in found.items():
            rows = folds[(folds["part"] == "train") & (folds["image"].map(index["age"]) == age)]
            assert number == (rows["fold"] <= 2).sum() / 2
        assert found.sum() == len(index) / 2
        axis = draw(read_table(inputs["pooled"], "pooled"), found, METHODS, "kl", ["pml", "kl"]).axes[1]
        assert {bar.get_center()[0]: bar.get_height() for bar in axis.patches} == pytest.approx(found.to_dict())

    def test_ages_are_whole_and_a_half_rounds_to_even(self, tmp_path):
        index = pd.DataFrame({"image": list("abc"), "age": [20.5, 21.5, 22.0]})
        write_table(index.reindex(columns=load_schema("index")["properties"]), tmp_path / "index.csv", "index")
        write_table(pd.DataFrame({"fold": 1, "image": list("abc"), "part": "train"}), tmp_path / "folds.csv", "folds")
        assert training_images(tmp_path / "index.csv", tmp_path / "folds.csv", [1]).to_dict() == {20: 1, 22: 2}

    def test_a_fold_or_an_image_that_is_not_known_is_refused(self, inputs):
        with pytest.raises(InputError, match=r"folds.csv: column 'fold' lacks \[7\], which have predictions; train again"):
            training_images(inputs["index"], inputs["folds"], [1, 7])
        write_table(read_table(inputs["index"], "index")[1:], inputs["index"], "index")
        with pytest.raises(InputError, match="folds.csv: image '000.png' is not in .*index.csv"):
            training_images(inputs["index"], inputs["folds"], [1])


class TestBins:
    def test_five_years_where_enough_people_are_and_the_rest_joined(self):
        ages = pd.Series([1.0] * 10 + [7.0] * 9 + [12.0] * 4 + [31.0] * 10 + [68.0] * 9)
        assert bin_starts(ages, pd.Series(range(len(ages)))).tolist() == [0, 5, 30]

    def test_people_count_not_images(self):
        ages = pd.Series([1.0] * 30 + [7.0] * 30)
        assert bin_starts(ages, pd.Series([*range(10)] * 3 + [*range(9)] * 3 + [0, 1, 2])).tolist() == [0]

    def test_too_few_people_for_any_bin_share_one(self):
        assert bin_starts(pd.Series([12.0, 60.0]), pd.Series(["a", "b"])).tolist() == [10]

    @given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 40)), min_size=1))
    def test_each_bin_has_ten_people_or_is_the_only_one(self, images):
        ages, people = (pd.Series(column) for column in zip(*images, strict=True))
        starts = bin_starts(ages.astype(float), people)
        numbers = people.groupby(np.searchsorted(starts, ages, side="right")).nunique()
        assert starts[0] <= ages.min() and (starts % 5 == 0).all() and len(numbers) == len(starts)
        assert len(starts) == 1 or numbers.min() >= 10


class TestPanels:
    def test_a_line_is_the_mean_absolute_error_of_each_bin_and_the_band_its_interval_over_people(self):
        pooled = pooled_of()
        axis = draw(pooled, TRAINING, METHODS, "kl", ["pml", "kl"]).axes[0]
        steps, bands = lines_of(axis)
        assert len(steps) == len(bands) == 2 and len(steps[0][0]) > 3
        for method, (means, edges, _), (low, high) in zip(("pml", "kl"), steps, bands, strict=True):
            rows = pooled[pooled["method"] == method]
            for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False)):
                inside = rows[rows["age"].between(start, end)]
                errors = (inside["predicted_age"] - inside["age"]).abs()
                assert means[number] == pytest.approx(errors.mean())
                assert (low[number], high[number]) == pytest.approx(estimate(inside, errors).interval, nan_ok=True)

    def test_without_people_each_image_is_one(self):
        one, unknown = (
            draw(pooled_of().assign(subject=subject), TRAINING, METHODS, "kl", ["pml", "kl"]).axes[0]
            for subject in ("p0", None)
        )
        assert [axis.get_title() for axis in (one, unknown)] == ["96 images, 1 person", "96 images"]
        assert [len(lines_of(axis)[0][0][0]) for axis in (one, unknown)] == [1, 7]

    def test_more_than_two_methods_have_a_panel_each_with_the_same_reference(self):
        figure = draw(pooled_of(NAMES), TRAINING, FOUR, "kl", NAMES)
        colours = {name: line_style(place)["color"].lower() for place, name in enumerate(NAMES)}
        for axis, name in zip(figure.axes, NAMES, strict=False):
            steps, bands = lines_of(axis)
            assert [colour for _, _, colour in steps] == [colours[of] for of in dict.fromkeys([name, "kl"])]
            assert len(bands) == 1
            assert axis.get_title() == f"{name.upper()}\n96 images, 24 people"
        references = [lines_of(axis)[0][-1][0] for axis in figure.axes[:4]]
        assert all(np.array_equal(line, references[0]) for line in references)

    def test_a_panel_shows_the_images_that_its_methods_share(self):
        pooled = pooled_of(NAMES)
        pooled = pooled[(pooled["method"] != "dex") | (pooled["fold"] == 2)]
        titles = [axis.get_title().split("\n")[1] for axis in draw(pooled, TRAINING, FOUR, "kl", NAMES).axes[:4]]
        assert titles == ["96 images, 24 people"] * 2 + ["48 images, 12 people", "96 images, 24 people"]

    def test_methods_that_share_no_image_leave_their_panel_empty(self):
        pooled = pooled_of()
        pooled = pooled[(pooled["method"] == "pml") == (pooled["fold"] == 1)]
        axis = draw(pooled, TRAINING, METHODS, "kl", ["pml", "kl"]).axes[0]
        assert axis.get_title() == "0 images" and lines_of(axis) == ([], [])

    def test_one_person_alone_has_a_line_and_no_band(self):
        axis = draw(pooled_of(people=1, folds=(1,)), TRAINING, METHODS, "kl", ["pml", "kl"]).axes[0]
        steps, bands = lines_of(axis)
        assert np.isfinite(steps[0][0]).all() and np.isnan(bands).all()

    def test_methods_that_look_at_no_pixels_do_not_press_the_others_down(self):
        pooled = pooled_of(NAMES)
        pooled.loc[pooled["method"] == "constant", "predicted_age"] += 1000
        figures = [draw(pooled, TRAINING, FOUR, "kl", trained) for trained in (NAMES[:3], [])]
        tops = [figure.axes[0].get_ylim()[1] for figure in figures]
        assert tops[0] < 20 and tops[1] > 1000
        # Where its line is above the axis, a panel says so.
        said = [[text.get_text() for axis in figure.axes for text in axis.texts] for figure in figures]
        assert said[1] == [] and re.fullmatch(r"above: \d{3,4}\.\d or more", *said[0])


def test_a_method_without_predictions_is_refused_by_name(inputs):
    with pytest.raises(InputError, match="pooled.csv: no method 'dex'"):
        draw_error_against_age(task_of(inputs, [*METHODS, FOUR[2]]))
