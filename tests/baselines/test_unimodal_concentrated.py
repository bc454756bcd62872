import math

import pytest
import torch

from pml.errors import InputError


def parts(p, label, floor):
    """The Gaussian likelihood and the penalty of one image; the label is a real number, its class the nearest year."""
    ages = range(16, 41)
    mean = sum(k * q for k, q in zip(ages, p, strict=True))
    variance = sum(q * (k - mean) ** 2 for k, q in zip(ages, p, strict=True)) + floor
    penalty = 0.0
    for k in range(16, 40):
        step = p[k + 1 - 16] - p[k - 16]
        penalty += max(0.0, -step if k < round(label) else step)
    return math.log(variance) / 2 + (mean - label) ** 2 / (2 * variance), penalty


@pytest.mark.parametrize("weight, floor", [(1000.0, 1 / 12), (10.0, 1e-10)])
def test_loss_is_the_likelihood_plus_the_weighted_penalty(build, batch, probabilities, weight, floor):
    method = build("unimodal_concentrated", unimodal_weight=weight, variance_floor=floor)
    images = zip(probabilities(method, batch.features), batch.ages.tolist(), strict=True)
    concentrated, unimodal = (sum(part) / 5 for part in zip(*(parts(p, label, floor) for p, label in images), strict=True))
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(concentrated + weight * unimodal, abs=1e-9)
    assert [terms[name].item() for name in ("concentrated", "unimodal")] == pytest.approx([concentrated, unimodal])


def terms_at(build, batch, logits, label):
    method = build("unimodal_concentrated")
    with torch.no_grad():
        method.classifier.weight.zero_()
        method.classifier.bias.copy_(logits(method.ages))
    return method.loss(batch.features[:1], torch.tensor([label]).double(), batch.age_stds[:1])[1]


def test_penalty_is_zero_for_one_peak_at_the_label_whatever_its_width_and_not_for_two(build, batch):
    def one(width):
        return lambda ages: -((ages - 25).abs() / width)

    assert all(terms_at(build, batch, one(width), 25.0)["unimodal"] == 0 for width in (1.0, 4.0))
    assert terms_at(build, batch, one(1.0), 27.0)["unimodal"] > 0.1
    assert terms_at(build, batch, lambda ages: -torch.minimum((ages - 20).abs(), (ages - 30).abs()), 20.0)["unimodal"] > 0.1


def test_the_width_of_least_loss_is_the_size_of_the_error(build, batch):
    """So an image that is hard to tell gets a wide distribution, without a target that says so."""
    for error, best in ((2.0, 2.0), (5.0, 5.0)):
        losses = {}
        for sigma in (1.0, 2.0, 3.0, 5.0):
            gaussian = lambda ages, sigma=sigma: -((ages - 28) ** 2) / (2 * sigma**2)  # noqa: E731
            losses[sigma] = terms_at(build, batch, gaussian, 28 + error)["concentrated"].item()
        assert min(losses, key=losses.get) == best


@pytest.mark.parametrize("option, value", [("unimodal_weight", -1), ("unimodal_weight", math.nan), ("variance_floor", 0)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is"):
        build("unimodal_concentrated", **{option: value})
