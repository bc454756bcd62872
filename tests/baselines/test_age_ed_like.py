import math

import pytest
import torch

from pml.errors import InputError
from pml.methods.method import TrainingSet

AGES = list(range(16, 41))
LABELS = [16, 20, 28, 34, 40]  # of the batch, to whole years


def begun(build, batch, n):
    method = build("age_ed_like", n=n)
    method.begin_training(TrainingSet(batch.ages, batch.age_stds, torch.ones(5), 3))
    return method


def members(group, n):
    """The ages of a group: n adjacent ones, fewer at both ends."""
    return [age for place, age in enumerate(AGES) if place <= group <= place + n - 1]


def inside_of(method, batch):
    """The sigmoids of all groups, an image at a time."""
    rows = zip(method.classifier.weight.tolist(), method.classifier.bias.tolist(), strict=True)
    layer = list(rows)
    return [
        [1 / (1 + math.exp(-sum(w * v for w, v in zip(row, x, strict=True)) - b)) for row, b in layer]
        for x in batch.features.tolist()
    ]


@pytest.mark.parametrize("n", [1, 3, 10])
def test_each_age_lies_in_n_groups_and_adjacent_ages_share_all_but_one(build, n):
    method = build("age_ed_like", n=n)
    groups = method.groups(method.ages)
    assert groups.shape == (25, 25 + n - 1)
    assert groups.sum(1).tolist() == [n] * 25
    assert (groups[:-1] * groups[1:]).sum(1).tolist() == [n - 1] * 24
    assert groups.tolist() == [[float(age in members(group, n)) for group in range(24 + n)] for age in AGES]


@pytest.mark.parametrize("n", [1, 3, 10])
def test_loss_is_the_cross_entropy_of_all_groups_with_both_sides_of_each_weighing_alike(build, batch, n):
    method = begun(build, batch, n)
    expected, groups = 0.0, 24 + n
    for label, sigmoids in zip(LABELS, inside_of(method, batch), strict=True):
        for group, p in enumerate(sigmoids):
            held = sum(other in members(group, n) for other in LABELS)
            if label in members(group, n):
                expected -= 5 / (2 * held) * math.log(p)
            else:
                expected -= 5 / (2 * (5 - held)) * math.log(1 - p)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected / (5 * groups), abs=1e-9)
    assert terms["group_cross_entropy"].item() == loss.item()


def test_both_sides_of_a_group_weigh_half_of_the_images(build, batch):
    method = begun(build, batch, 3)
    groups = method.groups(batch.ages)
    held = groups.sum(0)
    both = (held > 0) & (held < 5)
    assert ((groups * method.inside).sum(0)[both] == 2.5).all()
    assert ((1 - groups) * method.outside).sum(0)[both].tolist() == pytest.approx([2.5] * int(both.sum()))


@pytest.mark.parametrize("n", [1, 3, 10])
def test_prediction_is_the_mean_age_around_the_best_weighted_by_the_groups(build, batch, n):
    method = begun(build, batch, n)
    expected = []
    for sigmoids in inside_of(method, batch):
        scores = [sum(sigmoids[place : place + n]) for place in range(25)]
        best = scores.index(max(scores))
        reach = min(n, best, 24 - best)
        window = range(best - reach, best + reach + 1)
        expected.append(sum(scores[k] * AGES[k] for k in window) / sum(scores[k] for k in window))
    assert method.predict(batch.features).tolist() == pytest.approx(expected, abs=1e-9)
    assert method.distribution(batch.features) is None


@pytest.mark.parametrize("age", [16, 17, 28, 39, 40])
def test_certain_groups_give_back_their_age_also_at_the_ends(build, age):
    method = build("age_ed_like", n=5)
    certain = method.groups(torch.tensor([float(age)], dtype=torch.float64))
    with torch.no_grad():
        method.classifier.weight.zero_()
        method.classifier.bias.copy_(100 * (2 * certain[0] - 1))
    assert method.predict(torch.zeros(1, 6, dtype=torch.float64)).item() == pytest.approx(age)


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="n is 0"):
        build("age_ed_like", n=0)
