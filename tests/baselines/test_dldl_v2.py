import math

import pytest
from torch.testing import assert_close

from pml.errors import InputError


@pytest.mark.parametrize("weight", [0.0, 1.0, 101.0])
def test_loss_is_the_divergence_plus_the_weighted_error_of_the_expected_age(build, batch, probabilities, weight):
    method = build("baselines.dldl_v2:DLDLv2", expectation_l1=weight)
    ages = method.ages.tolist()
    sigmas = [2.0, 3.1, 2.0, 0.7, 5.2]  # the image's own where it has one
    kl = l1 = 0.0
    for label, sigma, p in zip(batch.ages.tolist(), sigmas, probabilities(method, batch.features), strict=True):
        density = [math.exp(-0.5 * ((k - label) / sigma) ** 2) for k in ages]
        target = [d / sum(density) for d in density]
        kl += sum(t * math.log(t / q) for t, q in zip(target, p, strict=True) if t > 0) / len(batch.ages)
        l1 += abs(sum(k * q for k, q in zip(ages, p, strict=True)) - label) / len(batch.ages)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(kl + weight * l1)
    assert terms["kl"].item() == pytest.approx(kl)
    assert terms["expectation_l1"].item() == pytest.approx(l1)


def test_default_is_the_papers_weight_on_the_divergence_of_an_image(build, batch):
    loss, terms = build("baselines.dldl_v2:DLDLv2").loss(batch.features, batch.ages, batch.age_stds)
    assert_close(loss.detach(), terms["kl"] + terms["expectation_l1"])


def test_without_the_absolute_error_it_is_dldl_with_a_normalised_target(build, batch):
    first = build("baselines.dldl:DLDL", normalise=True)
    second = build("baselines.dldl_v2:DLDLv2", expectation_l1=0.0)
    arguments = batch.features, batch.ages, batch.age_stds
    assert_close(second.loss(*arguments)[0], first.loss(*arguments)[0])


def test_prediction_is_the_expected_age(build, batch, probabilities):
    method = build("baselines.dldl_v2:DLDLv2")
    expected = [sum(k * q for k, q in zip(range(16, 41), p, strict=True)) for p in probabilities(method, batch.features)]
    assert method.predict(batch.features).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("option", "value"), [("sigma", 0), ("expectation_l1", -1), ("expectation_l1", math.nan)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is"):
        build("baselines.dldl_v2:DLDLv2", **{option: value})
