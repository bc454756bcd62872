"""The uncertainty of a mean over people and trainings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from pml.evaluation.uncertainty import uncertainty


def bounds(values, people, trainings) -> list[float]:
    found = uncertainty(np.asarray(values, float), np.asarray(people), np.asarray(trainings))
    return [found.low, found.high]


def test_one_image_of_each_person_and_one_training_is_student_s_interval():
    values = np.random.default_rng(0).normal(1, 2, 30)
    interval = ttest_1samp(values, 0).confidence_interval(0.95)
    assert bounds(values, range(30), [1] * 30) == pytest.approx([interval.low, interval.high])


def test_leave_one_person_out_is_student_s_interval_over_people():
    """Every person has trainings of their own, so the means of people hold all there is."""
    means = np.random.default_rng(1).normal(0, 1, 12)
    values = np.repeat(means, 6) + np.tile([-1, 1, 0.5, -0.5, 2, -2], 12)
    people, seeds = np.repeat(np.arange(12), 6), np.tile([0, 1], 36)
    interval = ttest_1samp(means, 0).confidence_interval(0.95)
    assert bounds(values, people, people * 2 + seeds) == pytest.approx([interval.low, interval.high], rel=0.02)


def test_what_is_common_to_all_images_of_a_training_is_in_the_interval():
    shifts = np.array([-0.5, 0.1, 0.2, 0.7])
    values, trainings = np.repeat(shifts, 1000), np.repeat(np.arange(4), 1000)
    interval = ttest_1samp(shifts, 0).confidence_interval(0.95)
    assert bounds(values, np.tile(np.arange(1000), 4), trainings) == pytest.approx([interval.low, interval.high], rel=0.01)


def test_repeating_the_images_of_people_tells_nothing_new():
    values, people, trainings = np.arange(6.0), np.arange(6), np.zeros(6)
    thrice = [np.tile(each, 3) for each in (values, people, trainings)]
    assert bounds(*thrice) == pytest.approx(bounds(values, people, trainings), rel=0.05)


@given(st.integers(0, 1000))
def test_the_interval_is_around_the_mean_and_the_smallest_difference_follows_from_it(seed):
    rng = np.random.default_rng(seed)
    values, people, trainings = rng.normal(size=40), rng.integers(0, 8, 40), rng.integers(0, 5, 40)
    found = uncertainty(values, people, trainings)
    freedom = min(len(set(people)), len(set(trainings))) - 1
    assert (found.low + found.high) / 2 == pytest.approx(values.mean())
    error = (found.high - found.low) / 2 / t.ppf(0.975, freedom)
    assert found.smallest == pytest.approx((t.ppf(0.975, freedom) + t.ppf(0.8, freedom)) * error)


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [np.nan, 1.0, 2.0]])
def test_one_person_no_image_or_a_missing_value_has_no_interval(values):
    people = range(3) if len(values) == 3 else [7] * len(values)
    assert np.isnan(bounds(values, people, range(len(values)))).all()


@pytest.mark.slow
@pytest.mark.parametrize("design", ["leave one person out", "one split"])
def test_95_of_100_intervals_hold_the_truth(design):
    """People and trainings differ; under the second design a training is common to all people."""
    rng = np.random.default_rng(3)
    people, seeds = np.tile(np.repeat(np.arange(40), 5), 8), np.repeat(np.arange(8), 200)
    alone = design == "leave one person out"
    trainings = people * 8 + seeds if alone else seeds
    held = 0
    for _ in range(400):
        of_people, of_trainings = rng.normal(0, 0.3, 40), rng.normal(0, 0.1, 320)
        low, high = bounds(of_people[people] + of_trainings[trainings] + rng.normal(0, 0.5, 1600), people, trainings)
        held += low <= 0 <= high
    assert 0.91 <= held / 400 <= 0.99
