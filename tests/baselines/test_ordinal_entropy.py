import itertools
import math

import pytest
import torch
from torch import nn

from pml.errors import InputError

AGES = torch.tensor([16.0, 20.3, 19.8, 33.0, 20.0, 33.0, 40.0], dtype=torch.float64)


def unit(vector):
    return [each / math.hypot(*vector) for each in vector]


def terms_by_hand(features, years):
    """The two regularisers, a face and a pair of centres at a time."""
    centres = {}
    for year in sorted(set(years)):
        faces = [face for face, own in zip(features, years, strict=True) if own == year]
        centres[year] = unit([sum(column) / len(faces) for column in zip(*faces, strict=True)])
    pairs = list(itertools.combinations(centres, 2))
    gaps = [abs(first - second) for first, second in pairs]
    weights = [(gap - min(gaps)) / max(gaps) for gap in gaps]
    distances = [math.dist(centres[first], centres[second]) for first, second in pairs]
    diversity = -sum(map(math.prod, zip(weights, distances, strict=True))) / len(pairs)
    moved = [math.dist(unit(face), centres[year]) for face, year in zip(features, years, strict=True) if years.count(year) > 1]
    return diversity, sum(moved) / len(moved)


@pytest.fixture
def features():
    return torch.randn(7, 6, generator=torch.Generator().manual_seed(3)).double()


@pytest.mark.parametrize(("error", "power"), [("l1", 1), ("l2", 2)])
def test_loss_is_the_error_plus_the_weighted_regularisers(build, features, error, power):
    method = build("ordinal_entropy", error=error, diversity_weight=0.5, tightness_weight=2.0)
    cost = sum(abs(a - b) ** power for a, b in zip(method.regress(features).tolist(), AGES.tolist(), strict=True)) / 7
    diversity, tightness = terms_by_hand(features.tolist(), [round(age) for age in AGES.tolist()])
    loss, terms = method.loss(features, AGES, AGES)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {error: cost, "diversity": diversity, "tightness": tightness}, abs=1e-9
    )
    assert loss.item() == pytest.approx(cost + 0.5 * diversity + 2 * tightness, abs=1e-9)


@pytest.mark.parametrize("ages", [[20.0], [20.0, 20.0], [20.0, 30.0], [16.0, 20.0, 40.0]])
def test_what_a_batch_has_no_pair_for_counts_nothing(build, features, ages):
    method, labels = build("ordinal_entropy"), torch.tensor(ages).double()
    loss, terms = method.loss(features[: len(ages)], labels, labels)
    assert loss.isfinite()
    assert (terms["diversity"] < 0) == (len(set(ages)) > 2) and (terms["tightness"] > 0) == (len(set(ages)) < len(ages))


def test_descent_spreads_the_ages_and_gathers_the_faces_of_an_age(build, features):
    faces, course = nn.Parameter(features.clone()), []
    method, optimiser = build("ordinal_entropy"), torch.optim.Adam([faces], lr=0.02)
    for _ in range(300):
        loss, terms = method.loss(faces, AGES, AGES)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(terms)
    assert course[-1]["diversity"] < course[0]["diversity"] and course[-1]["tightness"] < course[0]["tightness"] / 2


@pytest.mark.parametrize("option", ["diversity_weight", "tightness_weight"])
def test_refused_option_is_named(build, option):
    with pytest.raises(InputError, match=f"{option} is -1"):
        build("ordinal_entropy", **{option: -1})
