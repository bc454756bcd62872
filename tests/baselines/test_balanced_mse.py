import math

import pytest
import torch

from pml.errors import InputError
from pml.methods.method import TrainingSet
from tests.baselines.long_tail import NUMBERS, begun, outputs

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]


def begun_at(sigma, build, **options):
    method = begun(build, "balanced_mse", sigma=sigma, **options)
    method.log_sigma.data.fill_(math.log(sigma))  # to the last digit of float64
    return method


def balanced(predicted, label, candidates, sigma):
    """-log N(label) + log sum_b p_b N(b) around the prediction, times 2 sigma^2; `candidates` gives each b its p_b."""
    likelihood = sum(p * math.exp(-((predicted - b) ** 2) / 2 / sigma**2) for b, p in candidates)
    return ((predicted - label) ** 2 / 2 / sigma**2 + math.log(likelihood)) * 2 * sigma**2


@pytest.mark.parametrize("sigma", [10.0, 3.0])
def test_bni_integrates_over_the_training_ages(build, batch, sigma):
    method = begun_at(sigma, build, integration="bni")
    prior = [(age, number / sum(NUMBERS.values())) for age, number in NUMBERS.items()]
    predicted = outputs(method, batch.features)
    expected = sum(balanced(p, label, prior, sigma) for p, label in zip(predicted, LABELS, strict=True)) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9)
    assert terms["balanced_mse"].item() == loss.item() and terms["sigma"].item() == pytest.approx(sigma)
    mse = sum((p - label) ** 2 for p, label in zip(predicted, LABELS, strict=True)) / 5
    assert terms["mse"].item() == pytest.approx(mse, abs=1e-9)


@pytest.mark.parametrize("sigma", [10.0, 3.0])
def test_bmc_takes_the_labels_of_the_batch_for_candidates(build, batch, sigma):
    method = begun_at(sigma, build, integration="bmc")
    expected = 0.0
    for p, label in zip(outputs(method, batch.features), LABELS, strict=True):
        exponentials = [math.exp(-((p - other) ** 2) / 2 / sigma**2) for other in LABELS]
        own = math.exp(-((p - label) ** 2) / 2 / sigma**2)
        expected -= math.log(own / sum(exponentials)) * 2 * sigma**2 / 5
    loss, _ = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("integration", "expected"), [("bmc", 84.98714), ("bni", -138.16457)])
def test_value_of_the_released_code(build, integration, expected):
    method = build("balanced_mse", integration=integration)
    ages = torch.tensor([28.0, 28, 28, 28, 28, 40, 40, 40, 61, 61], dtype=torch.float64)  # the shares .5, .3 and .2
    method.ages = torch.arange(28.0, 62.0, dtype=torch.float64)
    method.log_prior = torch.zeros_like(method.ages)
    method.begin_training(TrainingSet(ages, ages, ages.long(), 1))
    method.regress = lambda features: torch.tensor([30.0, 35.0, 60.0], dtype=torch.float64)
    loss, _ = method.loss(None, torch.tensor([28.0, 40.0, 61.0], dtype=torch.float64), None)
    assert loss.item() == pytest.approx(expected, abs=1e-4)


def test_gradient_of_sigma_leaves_the_scale_out(build, batch):
    method = begun(build, "balanced_mse")
    loss, _ = method.loss(batch.features, batch.ages, batch.age_stds)
    [gradient] = torch.autograd.grad(loss, method.log_sigma)

    def unscaled(log_sigma):
        with torch.no_grad():
            method.log_sigma.fill_(log_sigma)
            return method.loss(batch.features, batch.ages, batch.age_stds)[0].item() / (2 * math.exp(2 * log_sigma))

    at, step = method.log_sigma.item(), 1e-5
    difference = (unscaled(at + step) - unscaled(at - step)) / (2 * step)
    assert gradient.item() == pytest.approx(difference * 2 * math.exp(2 * at), rel=1e-6)


def test_rare_ages_are_drawn_away_from_the_frequent_ones(build, batch):
    """Where the error is nought, plain MSE has no gradient; this one still pushes away from where most images lie."""
    method = begun(build, "balanced_mse")
    predicted = torch.tensor([39.0], dtype=torch.float64, requires_grad=True)
    method.regress = lambda features: predicted
    method.loss(None, torch.tensor([39.0], dtype=torch.float64), None)[0].backward()
    assert predicted.grad < 0  # a step down the gradient makes the face older still


def test_sigma_learns_at_a_rate_of_its_own_without_decay(build):
    method = build("balanced_mse", sigma_rate=7.0)
    network, head, noise = method.parameter_groups(torch.nn.Linear(1, 1), 0.1)
    assert len(network["params"]) == len(head["params"]) == 2 and network["share"] == 0.1
    assert noise["params"] == [method.log_sigma] and (noise["share"], noise["weight_decay"]) == (7.0, 0.0)


@pytest.mark.parametrize("option", [{"sigma": 0}, {"sigma_rate": -1}])
def test_refused_option_is_named(build, option):
    [(name, value)] = option.items()
    with pytest.raises(InputError, match=f"{name} is {value}"):
        build("balanced_mse", **option)
