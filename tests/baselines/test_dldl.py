import math

import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError


@pytest.mark.parametrize("normalise", [True, False])
def test_loss_is_the_divergence_from_the_clipped_density(build, batch, probabilities, normalise):
    method = build("baselines.dldl:DLDL", normalise=normalise)
    ages = method.ages.tolist()
    sigmas = [2.0, 3.1, 2.0, 0.7, 5.2]  # the image's own where it has one
    expected = 0.0
    for label, sigma, p in zip(batch.ages.tolist(), sigmas, probabilities(method, batch.features), strict=True):
        density = [math.exp(-((k - label) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi)) for k in ages]
        total = sum(density) if normalise else 1.0
        target = [min(max(d / total, 1e-15), 1 - 1e-15) for d in density]
        expected += sum(t * math.log(t / q) for t, q in zip(target, p, strict=True)) / len(batch.ages)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected)
    assert terms["kl"].item() == loss.item()


@pytest.mark.parametrize("normalise", [True, False])
def test_a_vanishing_sigma_gives_the_cross_entropy(build, batch, normalise):
    method = build("baselines.dldl:DLDL", sigma=1e-3, normalise=normalise)
    whole = batch.ages.round()
    loss, _ = method.loss(batch.features, whole, torch.full_like(whole, math.nan))
    cross_entropy = torch.nn.functional.cross_entropy(method.classifier(batch.features), (whole - 16).long())
    assert_close(loss, cross_entropy)


def test_argmax_decoder_predicts_the_most_probable_age(build, batch, probabilities):
    method = build("baselines.dldl:DLDL")
    expected = [16.0 + max(range(25), key=lambda k, p=p: p[k]) for p in probabilities(method, batch.features)]
    assert method.predict(batch.features).tolist() == expected


def test_expectation_decoder_predicts_the_expected_age(build, batch, probabilities):
    method = build("baselines.dldl:DLDL", decoder="expectation")
    expected = [sum(k * q for k, q in zip(range(16, 41), p, strict=True)) for p in probabilities(method, batch.features)]
    assert method.predict(batch.features).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("option", "value"), [("sigma", 0), ("decoder", "mode")])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is"):
        build("baselines.dldl:DLDL", **{option: value})


def test_default_target_is_not_normalised(build, batch):
    arguments = batch.features, batch.ages, batch.age_stds
    default, as_density = build("baselines.dldl:DLDL"), build("baselines.dldl:DLDL", normalise=False)
    assert default.loss(*arguments)[0] == as_density.loss(*arguments)[0]
