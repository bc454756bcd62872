"""What the margin networks may give out, whatever their weights."""

import math

import pytest
import torch
from scipy.stats import norm
from torch.testing import assert_close

from pml.progressive_margin.margins import OrdinalMargin, SharedNetwork, branch_network, standardise_rows

CLASSES, STATISTICS_DIM = 11, 40
NETWORKS = ["per_branch", "shared"]
every_network = pytest.mark.parametrize("networks", NETWORKS)
every_deviation = pytest.mark.parametrize("deviation", ["positive", "unconstrained"])


def build(networks: str = "per_branch", deviation: str = "positive", spread: float = 1.0) -> OrdinalMargin:
    """Return an ordinal margin of float64 whose network's weights are `spread` times the usual ones."""
    torch.manual_seed(0)
    network = branch_network(STATISTICS_DIM, 2) if networks == "per_branch" else SharedNetwork(CLASSES)
    margin = OrdinalMargin(network, CLASSES, deviation).double()
    with torch.no_grad():
        for parameter in margin.parameters():
            parameter.mul_(spread)
    return margin


@pytest.fixture
def statistics():
    return torch.randn(CLASSES, STATISTICS_DIM, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@every_network
@every_deviation
@pytest.mark.parametrize("spread", [1, 3])
def test_ordinal_margin_samples_one_gaussian_a_class_at_every_class(statistics, networks, deviation, spread):
    margin = build(networks, deviation, spread)
    sampled, output = margin(statistics), margin.network(statistics).tolist()
    least, greatest = min(row[-1] for row in output), max(row[-1] for row in output)
    assert sampled.shape == (CLASSES, CLASSES)
    for row, raw in zip(sampled, output, strict=True):
        if networks == "per_branch":
            mean = (CLASSES - 1) / (1 + math.exp(-raw[0]))
        else:
            mean = CLASSES * (raw[0] - least) / (greatest - least)
        assert 0 <= mean <= CLASSES
        width = math.log1p(math.exp(raw[-1])) + 0.5 if deviation == "positive" else raw[-1]
        assert_close(row, math.copysign(1, width) * torch.tensor(norm.pdf(range(CLASSES), mean, abs(width))))


@every_network
@pytest.mark.parametrize("spread", [1, 100])
def test_ordinal_margin_of_positive_deviation_is_positive_and_finite(statistics, networks, spread):
    margin = build(networks, spread=spread)(statistics)
    assert margin.isfinite().all() and (margin >= 0).all() and (margin.sum(1) > 0).all()


@every_network
def test_unconstrained_deviation_gives_negative_margins_and_none_at_zero(statistics, networks):
    margin = build(networks, "unconstrained")
    assert (margin(statistics) < 0).any()
    with torch.no_grad():
        for parameter in margin.network.parameters():
            parameter.zero_()
    margin(statistics).sum().backward()
    assert margin(statistics).isfinite().all()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in margin.parameters())


def test_narrowest_gaussian_still_meets_the_classes(statistics):
    margin = build()
    with torch.no_grad():
        margin.network[-1].bias[1] = -1e3
    assert (margin(statistics).amax(1) > 0.4).all()


def test_in_a_network_per_branch_a_class_s_margin_depends_on_its_own_row_of_statistics(statistics):
    changed = statistics.clone()
    changed[4] += 1
    for network in (build(), branch_network(STATISTICS_DIM, 1).double()):
        differs = (network(changed) != network(statistics)).any(1)
        assert differs.tolist() == [row == 4 for row in range(CLASSES)]


def test_in_the_shared_network_it_depends_on_every_class(statistics):
    changed = statistics.clone()
    changed[4] *= 2
    network = SharedNetwork(CLASSES).double()
    assert (network(changed) != network(statistics)).all()


@pytest.mark.parametrize("length", [33, 40, 614])
def test_shared_network_takes_statistics_of_any_length_and_evaluates_as_it_trains(length):
    torch.manual_seed(0)
    network, statistics = SharedNetwork(CLASSES), torch.randn(CLASSES, length)
    output = network.train()(statistics)
    assert output.shape == (CLASSES, 1) and output.isfinite().all()
    assert network.eval()(statistics).equal(output) and not list(network.buffers())


@every_network
@every_deviation
def test_gradient_of_the_ordinal_margin_is_that_of_its_value(statistics, networks, deviation):
    margin, statistics = build(networks, deviation), statistics.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: margin(v).sum(1), statistics, fast_mode=True)


@pytest.mark.parametrize("kind, correction", [("population", 0), ("sample", 1)])
def test_standardised_row_has_mean_zero_and_standard_deviation_one(statistics, kind, correction):
    rows = standardise_rows(build()(statistics), kind)
    assert_close(rows.mean(1), torch.zeros(CLASSES, dtype=torch.float64))
    assert_close(rows.std(1, correction=correction), torch.ones(CLASSES, dtype=torch.float64))


def test_rows_may_stay_as_they_are():
    margins = torch.rand(3, 3)
    assert standardise_rows(margins, "none") is margins


def test_constant_row_stays_zero_and_has_a_gradient():
    margins = torch.full((2, 4), 0.3, requires_grad=True)
    rows = standardise_rows(margins)
    rows.sum().backward()
    assert rows.count_nonzero() == 0 and margins.grad.isfinite().all()
