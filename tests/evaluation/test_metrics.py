import math
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstest

from pml.evaluation import metrics

PUBLISHED = Path(__file__).parents[2] / "pml/published"
YEARS = st.floats(-120, 120)
DISTRIBUTIONS = st.lists(st.floats(0, 1), min_size=1, max_size=30).filter(lambda weights: sum(weights) > 1e-3)
errors_of_images = arrays(float, st.integers(1, 60), elements=YEARS)


@st.composite
def errors_and_subjects(draw):
    errors = draw(errors_of_images)
    return errors, draw(arrays(int, len(errors), elements=st.integers(0, 9)))


def test_hand_computed_values():
    errors = np.array([0.0, -1.0, 3.0, -8.0])
    assert metrics.mae(errors) == 3
    assert metrics.cumulative_score(errors, 3) == 0.75
    assert metrics.geometric_mean_error(errors[1:]) == pytest.approx(24 ** (1 / 3))
    assert metrics.mae_per_subject(errors, np.array(["a", "a", "a", "b"])) == pytest.approx((4 / 3 + 8) / 2)


def test_cumulative_score_counts_an_error_of_exactly_theta():
    assert metrics.cumulative_score(np.array([5.0]), 5) == 1
    assert metrics.cumulative_score(np.array([5.01]), 5) == 0


@given(errors_of_images)
def test_cumulative_score_grows_with_theta_to_one(errors):
    scores = [metrics.cumulative_score(errors, theta) for theta in metrics.CS_THETAS]
    assert scores == sorted(scores)
    assert metrics.cumulative_score(errors, 120) == 1


@given(errors_of_images)
def test_geometric_mean_equals_the_product_of_floored_errors(errors):
    logs = [math.log(max(abs(error), metrics.GEOMETRIC_FLOOR)) for error in errors]
    assert metrics.geometric_mean_error(errors) == pytest.approx(math.exp(sum(logs) / len(logs)))


def test_epsilon_error_at_multiples_of_the_standard_deviation():
    stds = np.array([0.5, 2.0, 7.0])
    for times, expected in ((0, 0), (1, 0.3935), (-1, 0.3935), (2, 0.8647), (100, 1)):
        assert metrics.epsilon_errors(times * stds, stds) == pytest.approx(expected, abs=5e-5)


@given(errors_of_images, st.floats(0.1, 10))
def test_epsilon_error_is_the_mean_of_the_formula(errors, std):
    expected = [1 - math.exp(-((error / std) ** 2) / 2) for error in errors]
    assert metrics.epsilon_error(errors, np.full(len(errors), std)) == pytest.approx(sum(expected) / len(expected))


def test_epsilon_error_where_no_two_people_disagreed_forgives_an_exact_hit_alone():
    assert metrics.epsilon_errors(np.array([0.0, 1e-6, 5.0]), np.zeros(3)).tolist() == [0, 1, 1]


def test_epsilon_error_is_unknown_where_a_standard_deviation_is():
    errors, stds = np.array([1.0, 2.0]), np.array([1.0, np.nan])
    values = metrics.epsilon_errors(errors, stds)
    assert np.isnan(values).tolist() == [False, True]
    assert np.isnan(metrics.epsilon_error(errors, stds))


def test_chalearn_error_of_the_median_of_train_and_validation():
    counts = pd.read_csv(PUBLISHED / "chalearn2015_age_histogram.csv")
    ages = {part: np.repeat(counts["apparent_age"], counts[part]) for part in ("train", "validation", "test")}
    median = np.median(np.concatenate([ages["train"], ages["validation"]]))
    assert median == 28
    assert metrics.mae(median - ages["test"]) == pytest.approx(9.22, abs=0.005)


@given(errors_and_subjects())
def test_mae_per_subject_equals_a_loop_over_subjects(drawn):
    errors, subjects = drawn
    means = []
    for subject in set(subjects.tolist()):
        own = [abs(error) for error, other in zip(errors, subjects, strict=True) if other == subject]
        means.append(sum(own) / len(own))
    assert metrics.mae_per_subject(errors, subjects) == pytest.approx(sum(means) / len(means))


@given(arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=YEARS))
def test_per_subject_is_per_image_when_all_have_equally_many_images(errors):
    subjects = np.repeat(np.arange(errors.shape[0]), errors.shape[1])
    assert metrics.mae_per_subject(errors.ravel(), subjects) == pytest.approx(metrics.mae(errors.ravel()))


def test_shots_at_their_bounds():
    assert (metrics.MANY, metrics.FEW) == (100, 20)
    assert metrics.shots(np.array([0, 19, 20, 100, 101])).tolist() == ["few", "few", "medium", "medium", "many"]


@given(errors_of_images, st.data())
def test_mae_of_shots_weighted_by_their_images_is_the_mae(errors, data):
    shots = metrics.shots(data.draw(arrays(int, len(errors), elements=st.integers(0, 200))))
    parts = [errors[shots == name] for name in metrics.SHOTS]
    total = sum(len(part) * metrics.mae(part) for part in parts if len(part))
    assert total / len(errors) == pytest.approx(metrics.mae(errors))


def test_decades_of_real_valued_ages():
    assert metrics.decades(np.array([0, 9.9, 10, 69, 120])).tolist() == [0, 0, 10, 60, 120]


def test_metrics_of_nothing_are_nan():
    nothing = np.array([])
    values = [metrics.mae(nothing), metrics.cumulative_score(nothing, 5), metrics.geometric_mean_error(nothing)]
    assert np.isnan([*values, metrics.mae_per_subject(nothing, nothing)]).all()
    assert np.isnan(metrics.epsilon_error(nothing, nothing))


@pytest.mark.skipif("PML_TEST_DATA" not in os.environ, reason="needs the images per subject of FGNET.zip in PML_TEST_DATA")
def test_released_fgnet_errors_average_differently_over_subjects_and_images():
    released = pd.read_csv(PUBLISHED / "fgnet_per_subject_released.csv").set_index("subject")["mae"]
    with zipfile.ZipFile(Path(os.environ["PML_TEST_DATA"]) / "FGNET.zip") as archive:
        names = [Path(name).name for name in archive.namelist() if "/images/" in name and "__MACOSX" not in name]
    subjects = np.array([int(name[:3]) for name in names if name.lower().endswith(".jpg")])
    errors = released.loc[subjects].to_numpy()
    assert len(errors) == 1002
    assert metrics.mae_per_subject(errors, subjects) == pytest.approx(2.161, abs=5e-4)
    assert metrics.mae(errors) == pytest.approx(2.162, abs=5e-4)


class TestCentralInterval:
    @given(DISTRIBUTIONS, st.floats(0.01, 0.99))
    def test_it_holds_the_mass_and_neither_side_leaves_out_more_than_half_the_rest(self, weights, mass):
        distribution = np.array(weights) / np.sum(weights)
        ages = np.arange(16, 16 + len(weights))
        low, high = metrics.central_interval(ages, distribution, mass)
        assert distribution[(low <= ages) & (ages <= high)].sum() >= mass - 1e-9
        assert distribution[ages < low].sum() <= (1 - mass) / 2 + 1e-9
        assert distribution[ages > high].sum() <= (1 - mass) / 2 + 1e-9

    @given(DISTRIBUTIONS, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
    def test_more_mass_never_makes_it_narrower(self, weights, mass, other):
        ages = np.arange(len(weights))
        low, high = metrics.central_interval(ages, np.array(weights), min(mass, other))
        wider_low, wider_high = metrics.central_interval(ages, np.array(weights), max(mass, other))
        assert wider_low <= low <= high <= wider_high

    def test_of_a_uniform_distribution_over_a_hundred_ages(self):
        low, high = metrics.central_interval(np.arange(100), np.full(100, 0.01), 0.805)
        assert (low, high) == (9, 90)

    def test_of_one_age_it_is_that_age(self):
        assert metrics.central_interval(np.arange(101), np.eye(101)[30], 0.8) == (30, 30)


class TestPit:
    @given(DISTRIBUTIONS, st.floats(0, 130))
    def test_it_is_the_area_of_the_histogram_below_the_age(self, weights, age):
        ages = np.arange(16, 16 + len(weights))
        expected = 0.0
        for each, weight in zip(ages, weights, strict=True):
            expected += weight / sum(weights) * min(max(age - (each - 0.5), 0), 1)
        assert metrics.pit(ages, np.array([weights]), np.array([age]))[0] == pytest.approx(expected, abs=1e-9)

    def test_ages_that_follow_their_distribution_spread_evenly(self):
        random, ages = np.random.default_rng(0), np.arange(101)
        distributions = random.dirichlet(np.ones(101), 4000)
        drawn = np.array([random.choice(ages, p=each) for each in distributions]) + random.uniform(-0.5, 0.5, 4000)
        assert kstest(metrics.pit(ages, distributions, drawn), "uniform").pvalue > 0.01

    def test_the_middle_of_a_symmetric_distribution_is_a_half(self):
        assert metrics.pit(np.arange(101), np.eye(101)[[30, 0]], np.array([30.0, 0.0])).tolist() == [0.5, 0.5]
