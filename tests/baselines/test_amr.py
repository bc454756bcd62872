import math

import pytest
import torch

from pml.errors import InputError


def parts(p, label):
    """Cross-entropy, mean and residue of one image; the label is a real number, its class the nearest year."""
    of_label = p[round(label) - 16]
    mean = (sum(k * q for k, q in zip(range(16, 41), p, strict=True)) - label) ** 2 / 2
    residue = 0.0
    for q in p:
        rest = (q if q < of_label else 0.0) + 0.001
        residue -= rest * math.log(rest)
    return -math.log(of_label), mean, residue


@pytest.mark.parametrize("weights", [(0.2, 0.05), (0.0, 3.0)])
def test_loss_is_the_weighted_sum_of_cross_entropy_mean_and_residue(build, batch, probabilities, weights):
    method = build("amr", mean_weight=weights[0], residue_weight=weights[1])
    images = zip(probabilities(method, batch.features), batch.ages.tolist(), strict=True)
    entropy, mean, residue = (sum(part) / 5 for part in zip(*(parts(p, label) for p, label in images), strict=True))
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(entropy + weights[0] * mean + weights[1] * residue, abs=1e-9)
    assert [terms[name].item() for name in ("cross_entropy", "mean", "residue")] == pytest.approx([entropy, mean, residue])


def test_default_weights_are_those_of_the_released_code(build):
    options = build("amr").options
    assert (options.mean_weight, options.residue_weight) == (0.2, 0.05)


def test_residue_leaves_ages_alone_that_are_more_probable_than_the_label(build, batch):
    """Of two peaks the higher is not pushed down, so the number of ages kept adapts to the image."""
    method = build("amr")
    residues = []
    for peak in (3.0, 5.0):
        with torch.no_grad():
            method.classifier.weight.zero_()
            method.classifier.bias.fill_(-50.0)
            method.classifier.bias[0], method.classifier.bias[9] = 2.0, peak
        residues.append(method.loss(batch.features[:1], batch.ages[:1], batch.age_stds[:1])[1]["residue"].item())
    assert residues == pytest.approx([-25 * 0.001 * math.log(0.001)] * 2)


@pytest.mark.parametrize("option", ["mean_weight", "residue_weight"])
@pytest.mark.parametrize("value", [-1, math.nan])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is"):
        build("amr", **{option: value})
