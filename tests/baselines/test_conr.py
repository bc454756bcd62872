import math

import pytest
import torch
from torch import nn

from pml.errors import InputError

VIEWS = torch.tensor([[0, 0], [1, 0.5], [3, -1], [0.3, 0.1], [1.2, 0.4], [2.8, -0.7]], dtype=torch.float64)
AGES = torch.tensor([16.0, 20.3, 20.9, 24.0, 28.0, 28.0, 33.6, 36.0, 40.0], dtype=torch.float64)


def cosine(first, second):
    return sum(map(math.prod, zip(first, second, strict=True))) / math.hypot(*first) / math.hypot(*second)


def contrast(features, ages, predicted, window=1.0, temperature=0.07, push=0.01):
    """The released code's loss, a face at a time."""
    rows, total = range(len(ages)), 0.0
    for j in rows:
        positive = [k for k in rows if k != j and abs(ages[j] - ages[k]) <= window]
        negative = [k for k in rows if abs(ages[j] - ages[k]) > window and abs(predicted[j] - predicted[k]) <= window]
        exponentials = [math.exp(cosine(features[j], features[k]) / temperature) for k in rows]
        pulled = sum(exponentials[k] for k in positive) + len(ages) - len(positive)
        pushed = sum(math.exp(push * abs(ages[j] - ages[k])) * exponentials[k] for k in negative)
        if negative:
            total -= sum(math.log(exponentials[k] / (pulled + pushed)) for k in positive) / len(positive)
    return total / len(ages)


@pytest.mark.parametrize("options", [{}, {"window": 3.0, "temperature": 0.5, "push": 0.1, "contrast_weight": 0.5}])
def test_loss_is_the_absolute_error_plus_the_weighted_contrast(build, options):
    method = build("conr", **options)
    features = torch.randn(18, 6, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        method.spread.fill_(2)  # so that predictions are within a year for some pairs of faces, not for all
    ages, predicted = 2 * AGES.tolist(), method.regress(features).tolist()
    weight = options.pop("contrast_weight", 4.0)
    expected = contrast(features.tolist(), ages, predicted, **options)
    l1 = sum(abs(found - age) for found, age in zip(predicted, ages, strict=True)) / 18
    loss, terms = method.loss(features, AGES, AGES)
    assert terms["contrast"].item() == pytest.approx(expected, abs=1e-9) and expected > 0
    assert loss.item() == pytest.approx(l1 + weight * expected, abs=1e-9)


def test_contrast_has_the_value_of_the_released_code(build):
    ages, predicted = torch.tensor([20.0, 22, 40]).double().repeat(2), torch.tensor([25, 25.5, 39, 24.8, 26, 25.2]).double()
    features = VIEWS + torch.tensor([0.5, 1.0])
    assert build("conr").contrast(features, ages, predicted).item() == pytest.approx(0.467958, abs=1e-6)


def test_faces_whose_predictions_are_apart_have_no_contrast(build):
    ages = torch.tensor([20.0, 22, 40]).double().repeat(2)
    features = (VIEWS + 1).requires_grad_()
    loss = build("conr").contrast(features, ages, ages)
    loss.backward()
    assert loss == 0 and features.grad.isfinite().all()


def test_descent_parts_faces_that_the_head_takes_for_the_same_age(build):
    torch.manual_seed(0)
    features, ages = nn.Parameter(torch.ones(6, 4).double() + 0.1 * torch.randn(6, 4)), torch.tensor([20.0, 30, 40]).double()
    method, optimiser = build("conr"), torch.optim.Adam([features], lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        method.contrast(features, ages.repeat(2), torch.full((6,), 30.0)).backward()
        optimiser.step()
    cosines = nn.functional.cosine_similarity(features[:, None], features[None], dim=2)
    same = torch.eye(3).repeat(2, 2).bool()
    assert cosines[same].min() > 0.9 and cosines[~same].max() < 0.7


@pytest.mark.parametrize(("option", "value"), [("contrast_weight", -1), ("window", -1), ("temperature", 0), ("push", -1)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        build("conr", **{option: value})
