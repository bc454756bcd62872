"""Eqs. 5-8, against the recursion over single samples as Algorithm 1 prints it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from pml.progressive_margin.class_statistics import ClassStatistics, cosine_distance

CLASSES, FEATURE_DIM = 5, 3


FORMS = [("cosine", "mean"), ("cosine", "sum"), ("one_sided", "mean"), ("one_sided", "sum")]
every_form = pytest.mark.parametrize("inter, intra", FORMS)


def distance(a, b, one_sided: bool = False) -> float:
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in (a if one_sided else b)))
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms else 0.0
    return min(max(1 - cosine, 0.0), 2.0)


def by_hand(features, classes, inter="cosine", intra="mean"):
    """Return counts, centres, phi and psi after one pass over single samples."""
    counts = [0] * CLASSES
    centres = [[0.0] * FEATURE_DIM for _ in range(CLASSES)]
    scatter = [0.0] * CLASSES
    for x, j in zip(features, classes, strict=True):
        if counts[j] == 0:
            centres[j] = list(x)  # Algorithm 1, iteration 1
        else:
            old = centres[j]
            centres[j] = [c + (value - c) / (counts[j] + 1) for c, value in zip(old, x, strict=True)]  # Eq. 6
            scatter[j] += distance(x, old) * distance(x, centres[j])  # Eq. 8
        counts[j] += 1
    phi = [total / count if count and intra == "mean" else total for total, count in zip(scatter, counts, strict=True)]
    one_sided = inter == "one_sided"
    psi = [[distance(centres[j], centres[k], one_sided) if j != k else 0.0 for k in range(CLASSES)] for j in range(CLASSES)]
    return counts, centres, phi, psi  # psi: Eq. 7


def filled(features, classes, cuts=(), inter="cosine", intra="mean", dtype=torch.float64):
    """Return the statistics after the samples, in batches that end at `cuts`."""
    statistics = ClassStatistics(CLASSES, FEATURE_DIM, inter, intra).to(dtype)
    for batch in np.split(np.arange(len(classes)), sorted(cuts)):
        statistics.update(torch.as_tensor(features, dtype=dtype)[batch], torch.as_tensor(classes)[batch])
    return statistics


def assert_equals_recursion(statistics, features, classes, rtol=1e-9, atol=1e-12):
    counts, centres, phi, psi = by_hand(features.tolist(), classes.tolist(), statistics.inter, statistics.intra)
    for found, expected in [
        (statistics.counts, counts),
        (statistics.centres, centres),
        (statistics.intra_class_variance, phi),
        (statistics.inter_class_variance, psi),
    ]:
        assert_close(found.double(), torch.tensor(expected, dtype=torch.float64), rtol=rtol, atol=atol)


@every_form
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@settings(max_examples=30)
@given(st.data())
def test_statistics_equal_the_recursion_over_samples(inter, intra, dtype, tolerance, data):
    size = data.draw(st.integers(1, 30))
    features = np.random.default_rng(data.draw(st.integers(0, 999))).normal(size=(size, FEATURE_DIM))
    classes = np.array(data.draw(st.lists(st.integers(0, CLASSES - 1), min_size=size, max_size=size)))
    cuts = data.draw(st.sets(st.integers(1, size), max_size=4))
    # Features with a common part, as those of a network have: a centre near 0 has no direction to agree on.
    features = features.astype(np.float32).astype(float) + 3
    assert_equals_recursion(filled(features, classes, cuts, inter, intra, dtype), features, classes, tolerance, tolerance)


@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4, 5), (2,)], ids=["one batch", "single samples", "two batches"])
@every_form
def test_how_samples_fall_into_batches_changes_nothing(cuts, inter, intra):
    features = np.random.default_rng(1).normal(size=(6, FEATURE_DIM))
    classes = np.array([2, 2, 0, 2, 0, 2])
    assert_equals_recursion(filled(features, classes, cuts, inter, intra), features, classes)


def test_reset_forgets_every_sample():
    statistics = filled(np.random.default_rng(1).normal(size=(6, FEATURE_DIM)), np.arange(6) % CLASSES)
    statistics.reset()
    assert statistics.concatenated().equal(ClassStatistics(CLASSES, FEATURE_DIM).double().concatenated())


def test_one_sided_inter_class_variance_is_asymmetric_where_lengths_differ():
    psi = filled(np.array([[1.0, 0, 0], [4, 3, 0]]), np.array([0, 1]), inter="one_sided").inter_class_variance
    # 1 - 4 / 1 is cut to 0; 1 - 4 / 25.
    assert_close(psi[:2, :2], torch.tensor([[0.0, 0.0], [1 - 4 / 25, 0.0]], dtype=torch.float64))
    assert psi[2].tolist() == [1, 1, 0, 1, 1] and psi[:2, 2].tolist() == [1, 1]


def test_summed_intra_class_variance_is_the_mean_times_the_count():
    features, classes = np.random.default_rng(6).normal(size=(20, FEATURE_DIM)), np.arange(20) % 3
    mean, total = (filled(features, classes, intra=intra) for intra in ("mean", "sum"))
    assert_close(total.intra_class_variance, mean.intra_class_variance * mean.counts)


def test_order_of_samples_matters_to_the_intra_class_variance_alone():
    features, classes = np.random.default_rng(2).normal(size=(6, FEATURE_DIM)), np.array([1, 1, 1, 3, 3, 3])
    forwards, backwards = filled(features, classes), filled(features[::-1].copy(), classes[::-1].copy())
    assert_close(forwards.centres, backwards.centres)
    assert not torch.allclose(forwards.intra_class_variance, backwards.intra_class_variance)


def test_centre_is_the_mean_of_the_class():  # Eq. 5
    features, classes = np.random.default_rng(3).normal(size=(20, FEATURE_DIM)), np.arange(20) % 4
    statistics = filled(features, classes, (7, 8))
    for j in range(4):
        assert_close(statistics.centres[j], torch.tensor(features[classes == j].mean(0)))


def test_empty_class_is_at_distance_one_from_all_but_itself():
    statistics = filled(np.array([[1.0, 0, 0], [0, 1, 1]]), np.array([0, 3]))
    psi = statistics.inter_class_variance
    assert psi[1].tolist() == [1, 0, 1, 1, 1] and psi[:, 1].tolist() == [1, 0, 1, 1, 1]
    assert statistics.centres[1].tolist() == [0, 0, 0] and statistics.intra_class_variance[1] == 0


def test_inter_class_variance_is_symmetric_between_zero_and_two():
    psi = filled(np.array([[1.0, 0, 0], [-2, 0, 0], [0, 3, 0]]), np.array([0, 1, 2])).inter_class_variance
    assert_close(psi, psi.T)
    assert_close(psi[0, :3], torch.tensor([0.0, 2.0, 1.0], dtype=torch.float64))


def test_class_of_one_sample_has_no_intra_class_variance():
    assert filled(np.ones((2, FEATURE_DIM)), np.array([0, 4])).intra_class_variance.tolist() == [0] * CLASSES


def test_concatenation_is_centre_then_intra_then_inter_class_variance():
    statistics = filled(np.random.default_rng(4).normal(size=(9, FEATURE_DIM)), np.arange(9) % CLASSES)
    v = statistics.concatenated()
    assert v.shape == (CLASSES, FEATURE_DIM + 1 + CLASSES)
    assert v[:, :FEATURE_DIM].equal(statistics.centres)
    assert v[:, FEATURE_DIM].equal(statistics.intra_class_variance)
    assert v[:, FEATURE_DIM + 1 :].equal(statistics.inter_class_variance)


def test_statistics_carry_no_gradient():
    features = torch.randn(4, FEATURE_DIM, requires_grad=True)
    statistics = ClassStatistics(CLASSES, FEATURE_DIM)
    statistics.update(features, torch.tensor([0, 0, 1, 2]))
    assert not statistics.concatenated().requires_grad


def test_float32_stays_near_float64_over_many_batches():
    generator = np.random.default_rng(5)
    features, classes = generator.random((2000, FEATURE_DIM)), generator.integers(0, CLASSES, 2000)
    single = ClassStatistics(CLASSES, FEATURE_DIM)
    for start in range(0, 2000, 16):
        batch = slice(start, start + 16)
        single.update(torch.tensor(features[batch], dtype=torch.float32), torch.tensor(classes[batch]))
    assert_close(single.concatenated().double(), filled(features, classes).concatenated(), rtol=1e-4, atol=1e-5)


def test_cosine_distance_ignores_length():
    a, b = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0]])
    assert_close(cosine_distance(a, 10 * b), torch.tensor([1 - 24 / 25]))
    assert cosine_distance(a, torch.zeros(1, 2)).item() == 1
