import math

import pytest
import torch
from torch import nn

from baselines.ranksim import RankDistance, one_of_each, ranks
from pml.errors import InputError

AGES = [16.0, 20.0, 28.0, 34.0, 40.0]


def ranks_by_hand(row):
    """The place of each entry from the largest on, over their number; of equals the last comes first."""
    order = sorted(range(len(row)), key=lambda place: (row[place], place), reverse=True)
    return [(order.index(place) + 1) / len(row) for place in range(len(row))]


def cosine(first, second):
    return sum(map(math.prod, zip(first, second, strict=True))) / math.hypot(*first) / math.hypot(*second)


def similarities(faces):
    return [[cosine(first, second) for second in faces] for first in faces]


def regulariser(faces, ages):
    total = 0.0
    for row, age in zip(similarities(faces), ages, strict=True):
        pairs = zip(ranks_by_hand(row), ranks_by_hand([-abs(age - other) for other in ages]), strict=True)
        total += sum((found - aim) ** 2 for found, aim in pairs) / len(ages)
    return total


@pytest.mark.parametrize("gamma", [1.0, 100.0])
def test_loss_is_the_absolute_error_plus_the_weighted_distance_of_the_ranks(build, batch, gamma):
    method, ages = build("ranksim", gamma=gamma), batch.ages.tolist()
    l1 = sum(abs(found - age) for found, age in zip(method.regress(batch.features).tolist(), ages, strict=True)) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    expected = regulariser(batch.features.tolist(), ages)
    assert terms["ranking"].item() == pytest.approx(expected, abs=1e-9) and expected > 0
    assert loss.item() == pytest.approx(l1 + gamma * expected, abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_gradient_is_the_change_of_ranks_along_a_step(batch, scale):
    """Vlastelica's -(rank(s) - rank(s + lambda * g)) / lambda, with g the gradient of the unscaled loss by the ranks."""
    gamma, interpolation = 3.0, 0.5
    rows = torch.tensor(similarities(batch.features.tolist())).double().requires_grad_()
    aim = [ranks_by_hand([-abs(age - other) for other in AGES]) for age in AGES]
    (scale * gamma * RankDistance.apply(rows, torch.tensor(aim).double(), gamma * interpolation)).backward()
    for row, goal, gradient in zip(rows.tolist(), aim, rows.grad.tolist(), strict=True):
        found = ranks_by_hand(row)
        g = [gamma * 2 * (f - a) / 5 for f, a in zip(found, goal, strict=True)]
        moved = ranks_by_hand([s + interpolation * each for s, each in zip(row, g, strict=True)])
        expected = [-scale * (f - m) / interpolation for f, m in zip(found, moved, strict=True)]
        assert gradient == pytest.approx(expected, abs=1e-9)
    assert rows.grad.any()


def test_ranks_count_from_the_largest_and_of_equals_from_the_last():
    rows = torch.tensor([[3.0, 1.0, 2.0, 2.0], [-1.0, -1.0, -2.0, 0.0]])
    assert ranks(rows).tolist() == [[0.25, 1.0, 0.75, 0.5], [0.75, 0.5, 1.0, 0.25]] == list(map(ranks_by_hand, rows.tolist()))


def test_one_face_of_each_age_takes_part_at_random():
    classes = torch.tensor([3, 1, 3, 3, 1, 7])
    drawn = [one_of_each(classes) for _ in range(50)]
    assert all(classes[chosen].tolist() == [1, 3, 7] for chosen in drawn)
    assert {place for chosen in drawn for place in chosen.tolist()} == set(range(6))


def test_descent_puts_features_in_the_order_of_the_ages(build):
    torch.manual_seed(0)
    features, ages = nn.Parameter(torch.randn(12, 6).double()), torch.linspace(16, 39, 12).double()
    method, optimiser = build("ranksim"), torch.optim.Adam([features], lr=0.01)
    course = []
    for _ in range(200):
        loss, terms = method.loss(features, ages, ages)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(terms["ranking"].item())
    assert course[-1] < course[0] / 4


@pytest.mark.parametrize("option", ["gamma", "interpolation"])
def test_refused_option_is_named(build, option):
    with pytest.raises(InputError, match=f"{option} is 0"):
        build("ranksim", **{option: 0})
