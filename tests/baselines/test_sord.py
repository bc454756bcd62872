import math

import pytest
import torch

from baselines.sord import METRICS
from pml.errors import InputError

DISTANCES = {
    "absolute": lambda y, k: abs(y - k),
    "squared": lambda y, k: (y - k) ** 2,
    "squared_log": lambda y, k: (math.log(1 + y) - math.log(1 + k)) ** 2,
}


@pytest.mark.parametrize("metric, scale", [("absolute", 1.0), ("absolute", 0.4), ("squared", 0.1), ("squared_log", 100.0)])
def test_loss_is_the_divergence_from_the_softmax_of_minus_the_distance(build, batch, probabilities, metric, scale):
    method = build("sord", metric=metric, scale=scale)
    expected = 0.0
    for label, p in zip(batch.ages.tolist(), probabilities(method, batch.features), strict=True):
        powers = [math.exp(-scale * DISTANCES[metric](label, k)) for k in range(16, 41)]
        target = [power / sum(powers) for power in powers]
        expected += sum(t * math.log(t / q) for t, q in zip(target, p, strict=True)) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["kl"].item() == loss.item()


def test_soft_label_of_the_absolute_distance_falls_by_a_factor_of_e_a_year():
    label = (-METRICS["absolute"](torch.tensor([[50.0]]), torch.arange(101.0))).softmax(dim=1)[0]
    assert label[50:53].tolist() == pytest.approx([0.46, 0.17, 0.06], abs=5e-3)


def test_squared_distance_is_the_gaussian_label_of_kl(build, batch):
    """Scale 1 / (2 sigma²) is the standard deviation sigma; the head of KL has no bias."""
    sord, kl = build("sord", metric="squared", scale=1 / 8), build("kl", sigma=2.0)
    with torch.no_grad():
        sord.classifier.weight.copy_(kl.classifier.weight)
        sord.classifier.bias.zero_()
    arguments = batch.features, batch.ages, batch.age_stds
    assert sord.loss(*arguments)[0].item() == pytest.approx(kl.loss(*arguments)[0].item(), abs=1e-9)


def test_logarithms_make_the_soft_labels_of_the_old_wider():
    ages = torch.arange(101.0)
    labels = (-100 * METRICS["squared_log"](torch.tensor([[5.0], [60.0]]), ages)).softmax(dim=1)
    young, old = ((labels @ ages**2) - (labels @ ages) ** 2).tolist()
    assert old > 10 * young


@pytest.mark.parametrize("options, words", [({"scale": 0}, "scale is 0"), ({"metric": "cubed"}, "metric is 'cubed'")])
def test_refused_option_is_named(build, options, words):
    with pytest.raises(InputError, match=words):
        build("sord", **options)
