import math

import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError
from pml.methods.label_distribution import gaussian_label_distribution


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("sigma", [2.0, 0.8])
def test_loss_is_eq_1_in_eq_2(build, batch, probabilities, normalise, sigma):
    method = build("baselines.kl:KL", sigma=sigma, normalise=normalise)
    ages = method.ages.tolist()
    expected = 0.0
    for label, p in zip(batch.ages.tolist(), probabilities(method, batch.features), strict=True):
        target = [math.exp(-((k - label) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)) for k in ages]
        total = sum(target) if normalise else 1.0
        expected += sum(t / total * math.log(t / total / q) for t, q in zip(target, p, strict=True)) / len(batch.ages)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected)
    assert terms["kl"].item() == loss.item()


def test_loss_is_0_where_the_prediction_is_the_target(build):
    method = build("baselines.kl:KL")
    ages = torch.tensor([20.0, 30.5, 40.0], dtype=torch.float64)
    target = gaussian_label_distribution(ages, method.ages, 2.0)
    with torch.no_grad():
        method.classifier.weight.zero_()
        method.classifier.weight[:, :3] = target.log().T
    features = torch.eye(3, method.feature_dim, dtype=torch.float64)
    loss, _ = method.loss(features, ages, torch.full_like(ages, math.nan))
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert_close(method.distribution(features), target)


def test_prediction_is_the_expected_age(build, batch, probabilities):
    method = build("baselines.kl:KL")
    expected = [sum(k * q for k, q in zip(range(16, 41), p, strict=True)) for p in probabilities(method, batch.features)]
    assert method.predict(batch.features).tolist() == pytest.approx(expected)


def test_age_std_is_not_used(build, batch):
    method = build("baselines.kl:KL")
    loss, _ = method.loss(batch.features, batch.ages, batch.age_stds)
    assert_close(method.loss(batch.features, batch.ages, batch.age_stds + 1)[0], loss, rtol=0, atol=0)


def test_head_has_no_bias_so_a_logit_is_a_dot_product(build, batch):
    method = build("baselines.kl:KL")
    assert [name for name, _ in method.named_parameters()] == ["classifier.weight"]
    assert_close(method.distribution(0 * batch.features), torch.full((5, 25), 1 / 25, dtype=torch.float64))


@pytest.mark.parametrize("sigma", [0, -1, "wide", math.nan])
def test_sigma_must_be_above_0(build, sigma):
    with pytest.raises(InputError, match="baselines.kl:KL"):
        build("baselines.kl:KL", sigma=sigma)
