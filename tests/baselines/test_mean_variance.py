import math

import pytest
from torch.testing import assert_close

from pml.errors import InputError

NEAREST = [16, 20, 28, 34, 40]


@pytest.mark.parametrize("weights", [(0.2, 0.05), (1.0, 0.0), (0.0, 3.0)])
def test_loss_is_cross_entropy_plus_mean_loss_plus_variance_loss(build, batch, probabilities, weights):
    method = build("baselines.mean_variance:MeanVariance", mean_weight=weights[0], variance_weight=weights[1])
    n = len(batch.ages)
    cross_entropy = mean = variance = 0.0
    rows = probabilities(method, batch.features)
    for label, nearest, p in zip(batch.ages.tolist(), NEAREST, rows, strict=True):
        m = sum(k * q for k, q in zip(range(16, 41), p, strict=True))
        cross_entropy += -math.log(p[nearest - 16]) / n
        mean += 0.5 * (m - label) ** 2 / n
        variance += sum(q * (k - m) ** 2 for k, q in zip(range(16, 41), p, strict=True)) / n
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(cross_entropy + weights[0] * mean + weights[1] * variance)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"cross_entropy": cross_entropy, "mean": mean, "variance": variance}
    )


def test_default_weights_are_the_papers(build, batch):
    loss, terms = build("baselines.mean_variance:MeanVariance").loss(batch.features, batch.ages, batch.age_stds)
    assert_close(loss.detach(), terms["cross_entropy"] + 0.2 * terms["mean"] + 0.05 * terms["variance"])


def test_with_both_weights_0_it_is_dex(build, batch):
    method = build("baselines.mean_variance:MeanVariance", mean_weight=0.0, variance_weight=0.0)
    arguments = batch.features, batch.ages, batch.age_stds
    assert_close(method.loss(*arguments)[0], build("baselines.dex:DEX").loss(*arguments)[0])


def test_prediction_is_the_expected_age_rounded_on_request(build, batch, probabilities):
    plain = build("baselines.mean_variance:MeanVariance")
    rounded = build("baselines.mean_variance:MeanVariance", round_prediction=True)
    expected = [sum(k * q for k, q in zip(range(16, 41), p, strict=True)) for p in probabilities(plain, batch.features)]
    assert plain.predict(batch.features).tolist() == pytest.approx(expected)
    assert rounded.predict(batch.features).tolist() == [round(age) for age in expected]


@pytest.mark.parametrize("option", ["mean_weight", "variance_weight"])
def test_negative_weight_is_refused_by_name(build, option):
    with pytest.raises(InputError, match=f"{option} is -1"):
        build("baselines.mean_variance:MeanVariance", **{option: -1})
