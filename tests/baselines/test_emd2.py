import math

import pytest
import torch

from pml.errors import InputError


def emd2(p, label):
    """Both cumulative distributions, age by age."""
    total = mass = 0.0
    for k, q in zip(range(16, 41), p, strict=True):
        mass += q
        total += (mass - (1.0 if k >= label else 0.0)) ** 2
    return total


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_loss_is_the_squared_difference_of_the_cumulative_distributions(build, batch, probabilities, weight):
    method = build("emd2", cross_entropy=weight)
    rows = list(zip([16, 20, 28, 34, 40], probabilities(method, batch.features), strict=True))
    distance = sum(emd2(p, label) for label, p in rows) / 5
    entropy = sum(-math.log(p[label - 16]) for label, p in rows) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(distance + weight * entropy, abs=1e-9)
    assert terms["emd2"].item() == pytest.approx(distance, abs=1e-9)
    assert terms["cross_entropy"].item() == pytest.approx(entropy, abs=1e-9)


def test_a_sure_prediction_costs_the_years_that_it_is_wrong_by(build, batch):
    method = build("emd2")
    with torch.no_grad():
        method.classifier.weight.zero_()
        method.classifier.bias.copy_(torch.where(method.ages == 20, 100.0, 0.0))
    losses = [
        method.loss(batch.features[:1], torch.tensor([age]).double(), batch.age_stds[:1])[0].item() for age in (16, 20, 33)
    ]
    assert losses == pytest.approx([4, 0, 13])


@pytest.mark.parametrize("value", [-1, math.nan])
def test_refused_option_is_named(build, value):
    with pytest.raises(InputError, match="cross_entropy is"):
        build("emd2", cross_entropy=value)
