"""Eqs. 9-11: what the margin networks may give out, whatever their weights."""

import math

import pytest
import torch
from scipy.stats import norm
from torch.testing import assert_close

from pml.progressive_margin.margins import OrdinalMargin, VariationalMargin, fuse, standardise_rows

CLASSES, STATISTICS_DIM = 11, 15


def build(kind: type, *sizes: int, spread: float = 1.0, seed: int = 0):
    """Return a margin network of float64 whose weights are `spread` times the usual ones."""
    torch.manual_seed(seed)
    network = kind(*sizes).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(spread)
    return network


@pytest.fixture
def statistics():
    return torch.randn(CLASSES, STATISTICS_DIM, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("spread", [1, 3])
def test_ordinal_margin_samples_one_gaussian_a_class_at_every_class(statistics, spread):
    network = build(OrdinalMargin, CLASSES, STATISTICS_DIM, spread=spread)
    sampled = network(statistics)
    assert sampled.shape == (CLASSES, CLASSES)
    for row, (raw_mean, raw_deviation) in zip(sampled, network.network(statistics).tolist(), strict=True):
        mean = (CLASSES - 1) / (1 + math.exp(-raw_mean))
        deviation = math.log1p(math.exp(raw_deviation)) + 0.5
        assert 0 < mean < CLASSES - 1 and deviation > 0.5
        assert_close(row, torch.tensor(norm.pdf(range(CLASSES), mean, deviation)))


@pytest.mark.parametrize("spread", [1, 100])
def test_ordinal_margin_is_positive_and_finite(statistics, spread):
    margin = build(OrdinalMargin, CLASSES, STATISTICS_DIM, spread=spread)(statistics)
    assert margin.isfinite().all() and (margin >= 0).all() and (margin.sum(1) > 0).all()


def test_narrowest_gaussian_still_meets_the_classes(statistics):
    network = build(OrdinalMargin, CLASSES, STATISTICS_DIM)
    with torch.no_grad():
        network.network[-1].bias[1] = -1e3
    assert (network(statistics).amax(1) > 0.4).all()


def test_a_class_s_margin_depends_on_its_own_row_of_statistics(statistics):
    for network in (build(OrdinalMargin, CLASSES, STATISTICS_DIM), build(VariationalMargin, STATISTICS_DIM)):
        changed = statistics.clone()
        changed[4] += 1
        differs = (network(changed) != network(statistics)).reshape(CLASSES, -1).any(1)
        assert differs.tolist() == [row == 4 for row in range(CLASSES)]


def test_variational_margin_is_one_number_a_class(statistics):
    assert build(VariationalMargin, STATISTICS_DIM)(statistics).shape == (CLASSES,)


def test_fusion_adds_one_variational_margin_to_each_column():
    ordinal, variational = torch.rand(3, 3), torch.rand(3)
    fused = fuse(ordinal, variational, 2.0, 0.5)
    for j in range(3):
        for k in range(3):
            assert_close(fused[j, k], 2.0 * ordinal[j, k] + 0.5 * variational[k])


def test_standardised_row_has_mean_zero_and_standard_deviation_one(statistics):
    rows = standardise_rows(build(OrdinalMargin, CLASSES, STATISTICS_DIM)(statistics))
    assert_close(rows.mean(1), torch.zeros(CLASSES, dtype=torch.float64))
    assert_close(rows.std(1, correction=0), torch.ones(CLASSES, dtype=torch.float64))


def test_constant_row_stays_zero_and_has_a_gradient():
    margins = torch.full((2, 4), 0.3, requires_grad=True)
    rows = standardise_rows(margins)
    rows.sum().backward()
    assert rows.count_nonzero() == 0 and margins.grad.isfinite().all()
