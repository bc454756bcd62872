import math

import pytest

from pml.errors import InputError
from tests.baselines.long_tail import NUMBERS, begun

CLASSES = [0, 4, 12, 18, 24]


def cosines(method, x):
    rows = method.classifier.weight.tolist()
    length = math.sqrt(sum(value**2 for value in x))
    return [sum(w * v for w, v in zip(row, x, strict=True)) / length / math.sqrt(sum(w**2 for w in row)) for row in rows]


def losses(method, batch, scale, largest):
    """Return the loss of each image: cross-entropy of its cosines, its own less the margin C / n^(1/4)."""
    constant = largest * min(NUMBERS.values()) ** 0.25
    for k, x in zip(CLASSES, batch.features.tolist(), strict=True):
        margin = constant / NUMBERS[16 + k] ** 0.25
        logits = [scale * (cosine - margin * (j == k)) for j, cosine in enumerate(cosines(method, x))]
        yield math.log(sum(math.exp(logit - logits[k]) for logit in logits))


@pytest.mark.parametrize(("scale", "largest"), [(30.0, 0.5), (8.0, 0.2)])
def test_loss_is_cross_entropy_with_a_margin_that_falls_with_the_number(build, batch, scale, largest):
    method = begun(build, "ldam", scale=scale, largest_margin=largest)
    method.begin_epoch(0)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(sum(losses(method, batch, scale, largest)) / 5, abs=1e-9)
    assert terms["ldam"].item() == loss.item()


def test_classes_are_reweighted_from_four_fifths_of_the_epochs_on(build, batch):
    method = begun(build, "ldam", epochs=10)
    each = list(losses(method, batch, 30.0, 0.5))
    weights = [(1 - 0.9999) / (1 - 0.9999 ** NUMBERS[16 + k]) for k in CLASSES]
    for epoch, share in ((7, [1.0] * 5), (8, weights), (9, weights)):
        method.begin_epoch(epoch)
        loss, _ = method.loss(batch.features, batch.ages, batch.age_stds)
        expected = sum(w * value for w, value in zip(share, each, strict=True)) / sum(share)
        assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_never_reweighted_if_deferred_to_the_end(build):
    method = begun(build, "ldam", epochs=10, deferred_until=1.0)
    method.begin_epoch(9)
    assert not method.reweights


def test_rarest_age_has_the_largest_margin(build):
    margins = begun(build, "ldam").margins
    assert margins[21 - 16] == 0.5 == margins.max() and margins[20 - 16].item() == pytest.approx(0.5 / 9**0.25)


def test_distribution_is_the_softmax_of_scaled_cosines_without_margin(build, batch):
    method = begun(build, "ldam")
    for x, row in zip(batch.features.tolist(), method.distribution(batch.features).tolist(), strict=True):
        exponentials = [math.exp(30 * cosine) for cosine in cosines(method, x)]
        assert row == pytest.approx([each / sum(exponentials) for each in exponentials], abs=1e-9)


@pytest.mark.parametrize("option", [{"largest_margin": -1}, {"scale": 0}, {"beta": 1}, {"deferred_until": 1.5}])
def test_refused_option_is_named(build, option):
    [(name, value)] = option.items()
    with pytest.raises(InputError, match=f"{name} is {value}"):
        build("ldam", **option)
