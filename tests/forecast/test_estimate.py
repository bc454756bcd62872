from statistics import mean

import pytest

from pml.forecast.estimate import UNKNOWN, Estimate, interval

# Per job: 5 s to start; 240 images of training and 20 of testing in the first experiment, 540 and 20 in the second.
FIRST = 2 * (5 + 24 + 0.2) + 5  # PML, KL and the constant
SECOND = 4 * (5 + 54 + 0.2)


@pytest.fixture
def estimate(suite, rates) -> Estimate:
    return Estimate(suite, rates, mean)


def test_training_takes_its_images_and_the_start_of_every_job(estimate):
    assert estimate.training(["first"]) == pytest.approx(FIRST)
    assert estimate.training(["first", "second"]) == pytest.approx(FIRST + SECOND)


def test_faces_are_drawn_and_aligned_once_for_all_experiments(estimate):
    assert estimate.rule("align_faces") == pytest.approx(5 + 100 * 0.2)
    assert estimate.rule("draw_synthetic_archive") == pytest.approx(2 + 100 * 0.1)


def test_a_table_is_a_small_job_and_a_copy_is_none(estimate, suite):
    assert estimate.rule("evaluate_predictions") == pytest.approx(2 * 2)
    assert estimate.rule("publish") == 0 < suite.counts["publish"]


def test_the_others_are_all_rules_but_training(estimate, suite):
    others = set(suite.counts) - {"train_folds", "look_up_folds"}
    assert estimate.others() == pytest.approx(sum(map(estimate.rule, others)))


def test_cores_share_the_work_until_the_longest_chain_is_all_that_is_left(estimate):
    work = estimate.training(["first", "second"]) + estimate.others()
    chain = 100 * 0.2 + (5 + 24 + 0.2) + (5 + 54 + 0.2)  # faces, the run that is started from, the longest job
    assert estimate.wall(1) == pytest.approx(work)
    assert estimate.wall(2) == pytest.approx(work / 2)
    assert estimate.wall(1000) == pytest.approx(chain) == estimate.longest_chain()


def test_the_interval_holds_the_fastest_and_the_slowest_sample_and_something_for_the_rest(suite, rates):
    first = interval(suite, rates, lambda estimate: estimate.training(["first"]))
    assert first.middle == pytest.approx(FIRST)
    assert first.low == pytest.approx((FIRST - 2 * 2.4) / UNKNOWN)
    assert first.high == pytest.approx((FIRST + 2 * 2.4) * UNKNOWN)
