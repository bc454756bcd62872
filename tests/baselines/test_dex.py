import math

import pytest


def test_loss_is_the_cross_entropy_of_the_nearest_age(build, batch, probabilities):
    method = build("baselines.dex:DEX")
    nearest = [16, 20, 28, 34, 40]
    rows = probabilities(method, batch.features)
    expected = sum(-math.log(p[age - 16]) for age, p in zip(nearest, rows, strict=True)) / len(nearest)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected)
    assert terms["cross_entropy"].item() == loss.item()


def test_label_beyond_the_ages_takes_the_nearest_class(build, batch):
    method = build("baselines.dex:DEX")
    at_the_last, _ = method.loss(batch.features, batch.ages, batch.age_stds)
    beyond = batch.ages.where(batch.ages < 40, 90)
    assert method.loss(batch.features, beyond, batch.age_stds)[0].item() == at_the_last.item()


def test_prediction_is_the_expected_age(build, batch, probabilities):
    method = build("baselines.dex:DEX")
    expected = [sum(k * q for k, q in zip(range(16, 41), p, strict=True)) for p in probabilities(method, batch.features)]
    assert method.predict(batch.features).tolist() == pytest.approx(expected)
