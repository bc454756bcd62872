"""The uncertainty of a mean over people and trainings."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp, wilcoxon
from statsmodels.stats.weightstats import DescrStatsW

from benchmarks.intervals import ONE_SPLIT, PER_PERSON, simulate
from pml.evaluation.uncertainty import FEW_PEOPLE, NO_IMAGES, NO_VALUE, ONE_TRAINING, Estimate, estimate


def rows_of(folds, people, seeds):
    """Rows of `pooled` of one method: images of the people given, each with a fold, tested with every seed."""
    images = pd.DataFrame({"fold": folds, "subject": people}).assign(image=lambda rows: [f"{i}.jpg" for i in rows.index])
    return images.merge(pd.DataFrame({"seed": range(seeds)}), how="cross")


def student(values, rel=None):
    interval = ttest_1samp(values, 0).confidence_interval(0.95)
    return pytest.approx((interval.low, interval.high), rel=rel)


class TestInterval:
    def test_leave_one_person_out_is_student_s_over_people(self):
        """Every person has trainings of their own, so the means of people hold all there is."""
        people = np.repeat(np.arange(12), 3)
        means, noise = np.random.default_rng(1).normal(0, 1, 12), np.tile([-1, 1, 0.5, -0.5, 2, -2], 12)
        found = estimate(rows_of(people, people, 2), np.repeat(means, 6) + noise)
        assert found.interval == student(means) and len(found.sources) == 1

    def test_one_seed_and_one_image_of_each_person_that_is_left_out(self):
        values = np.random.default_rng(0).normal(1, 2, 30)
        found = estimate(rows_of(range(30), range(30), 1), values)
        assert found.interval == student(values)
        assert found.p_value == pytest.approx(ttest_1samp(values, 0).pvalue)

    def test_what_moves_all_images_of_a_seed_is_student_s_over_seeds(self):
        shifts = np.array([-0.5, 0.1, 0.2, 0.7])
        found = estimate(rows_of([1] * 500, range(500), 4), np.tile(shifts, 500))
        assert found.interval == student(shifts, rel=0.01)
        assert found.p_value == pytest.approx(ttest_1samp(shifts, 0).pvalue, rel=0.01)

    def test_with_one_seed_trainings_are_told_from_people_by_the_folds(self):
        shifts = np.array([-0.5, 0.1, 0.2, 0.7, 0.4])
        folds = np.repeat(np.arange(5), 40)
        noise = np.tile([-1e-3, 1e-3], 100)
        found = estimate(rows_of(folds, range(200), 1), shifts[folds] + noise)
        assert found.interval == student(shifts, rel=0.1)

    def test_variances_of_both_sources_are_those_of_an_analysis_of_variance(self):
        """People crossed with seeds, one image of each: MS_people / nS, and (MS_seeds - MS_rest) / nS but for 1 in n."""
        table = np.random.default_rng(2).normal(0, 1, (20, 3)) + np.array([0.0, 1.0, 3.0])
        found = estimate(rows_of([1] * 20, range(20), 3), table.ravel())
        people, seeds = table.mean(1), table.mean(0)
        rest = table - people[:, None] - seeds + table.mean()
        squares = 3 * people.var(ddof=1), 20 * seeds.var(ddof=1), (rest**2).sum() / (19 * 2)
        (of_people, people_freedom), (of_seeds, seeds_freedom) = found.sources
        assert (people_freedom, seeds_freedom) == (19, 2)
        assert of_people == pytest.approx(squares[0] / 60)
        assert of_seeds == pytest.approx((squares[1] - squares[2]) / 60 * (1 - 1 / 20))

    def test_images_of_a_person_say_less_than_those_of_several(self):
        values = np.repeat(np.random.default_rng(3).normal(0, 1, 10), 8)
        shared = estimate(rows_of([1] * 80, np.repeat(np.arange(10), 8), 2), np.repeat(values, 2))
        alone = estimate(rows_of([1] * 80, range(80), 2), np.repeat(values, 2))
        assert shared.reach(0.025) > 2.5 * alone.reach(0.025)

    def test_seeds_that_agree_say_no_more_than_one(self):
        people = np.repeat(np.arange(9), 4)
        values = np.random.default_rng(4).normal(0, 1, 36)
        once, thrice = estimate(rows_of(people, people, 1), values), estimate(rows_of(people, people, 3), np.repeat(values, 3))
        assert thrice.interval == pytest.approx(once.interval)

    @given(st.integers(0, 1000), st.integers(1, 4), st.booleans())
    def test_it_does_not_depend_on_the_order_of_rows_and_scales_with_the_values(self, seed, seeds, crossed):
        rng = np.random.default_rng(seed)
        people = rng.integers(0, 9, 60)
        rows = rows_of(rng.integers(0, 4, 60) if crossed else people % 4, [f"p{person}" for person in people], seeds)
        values, order = rng.normal(1, 1, len(rows)), rng.permutation(len(rows))
        found, other = estimate(rows, values), estimate(rows.iloc[order], -3 * values[order])
        assert other.mean == pytest.approx(-3 * found.mean)
        assert other.reach(0.025) == pytest.approx(3 * found.reach(0.025))
        assert other.p_value == pytest.approx(found.p_value)


class TestTests:
    def test_few_people_that_are_left_out_have_the_exact_test_of_their_signs(self):
        values = np.array([0.3, 0.5, 1.2, 0.7, 0.9, -0.1, 0.4])
        found = estimate(rows_of(range(7), range(7), 1), values)
        flips = np.array(np.meshgrid(*[[-1, 1]] * 7)).reshape(7, -1)
        assert found.p_value == pytest.approx((abs(values @ flips) >= values.sum() - 1e-12).mean())
        ranks = np.arange(1.0, 8)  # of ranks, it is Wilcoxon's
        assert estimate(rows_of(range(7), range(7), 1), ranks).p_value == pytest.approx(wilcoxon(ranks, method="exact").pvalue)

    def test_equivalence_is_that_of_two_one_sided_tests(self):
        values = np.random.default_rng(5).normal(0.05, 0.3, 40)
        found = estimate(rows_of(range(40), range(40), 1), values)
        for margin in (0.01, 0.1, 0.5):
            assert found.p_outside(margin) == pytest.approx(DescrStatsW(values).ttost_mean(-margin, margin)[0])

    @given(st.floats(0.001, 5), st.floats(0.001, 5), st.integers(1, 40), st.integers(1, 40), st.floats(-3, 3))
    def test_the_p_value_is_0_05_where_the_interval_ends_at_0(self, one, other, freedom, less, mean):
        sources = ((one, freedom), (other, less))
        reach = Estimate(0, sources).reach(0.025)
        assert Estimate(reach, sources).p_value == pytest.approx(0.05)
        found = Estimate(mean, sources)
        assert (found.p_value < 0.05) == (abs(mean) > reach)
        assert (found.p_outside(1) < 0.05) == (abs(mean) + found.reach(0.05) < 1)

    def test_the_smallest_difference_is_found_in_80_of_100_studies(self):
        found = Estimate(0.0, ((0.04, 9),))
        assert found.smallest == pytest.approx(0.2 * (t.ppf(0.975, 9) + t.ppf(0.8, 9)))

    def test_a_difference_without_noise_is_certain(self):
        found = estimate(rows_of(range(20), range(20), 2), np.full(40, 0.5))
        assert (found.interval, found.p_value, found.p_outside(0.4), found.p_outside(0.6)) == ((0.5, 0.5), 0, 1, 0)


@pytest.mark.parametrize(
    ("rows", "values", "reason"),
    [
        (rows_of([], [], 1), [], NO_IMAGES),
        (rows_of([1] * 30, range(30), 1), np.arange(30), ONE_TRAINING),
        (rows_of(range(5), range(5), 3), np.arange(15), FEW_PEOPLE),
        (rows_of([1] * 30, range(30), 2), [np.nan] * 60, NO_VALUE),
    ],
)
def test_nothing_is_said_where_nothing_can_be(rows, values, reason):
    found = estimate(rows, values)
    assert found.unknown == reason
    assert np.isnan([*found.interval, found.p_value, found.p_outside(0.1), found.smallest]).all()


def test_an_image_of_nobody_known_is_a_person_of_its_own():
    values = np.random.default_rng(6).normal(0, 1, 40)
    nobody, each = rows_of([1] * 20, [None] * 20, 2), rows_of([1] * 20, range(20), 2)
    assert estimate(nobody, values).interval == estimate(each, values).interval


@pytest.mark.slow
@pytest.mark.parametrize(("design", "seeds"), [(PER_PERSON, 1), (PER_PERSON, 3), (ONE_SPLIT, 3), (ONE_SPLIT, 10)])
@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_95_of_100_intervals_hold_the_truth(design, seeds, spread):
    """A short form of benchmarks/intervals.py."""
    found = simulate(design, people=16, seeds=seeds, spread=spread, studies=400, random_seed=3)
    assert 0.92 <= found.covered <= 0.98 and found.false_verdicts <= 0.08 and found.false_equivalences <= 0.08
