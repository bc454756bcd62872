import math

import pytest
import torch

from pml.errors import InputError
from pml.registry import find, find_options


def answers(method, features):
    """P(age > k | age >= k) of every image and every age but the last, by hand."""
    weight, bias = method.classifiers.weight.tolist(), method.classifiers.bias.tolist()
    return [
        [
            1 / (1 + math.exp(-b - sum(w * x for w, x in zip(row, image, strict=True))))
            for row, b in zip(weight, bias, strict=True)
        ]
        for image in features.tolist()
    ]


def distribution(image):
    """Over all ages: reach age k, and stay there."""
    probabilities, reached = [], 1.0
    for p in image:
        probabilities.append(reached * (1 - p))
        reached *= p
    return [*probabilities, reached]


def test_every_answer_is_asked_only_of_the_faces_that_reach_its_age(build, batch):
    method = build("corn")
    total, asked = 0.0, 0
    for label, image in zip([16, 20, 28, 34, 40], answers(method, batch.features), strict=True):
        for k, p in zip(range(16, 40), image, strict=True):
            if label >= k:
                total -= math.log(p if label > k else 1 - p)
                asked += 1
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert asked == 1 + 5 + 13 + 19 + 24
    assert loss.item() == pytest.approx(total / asked, abs=1e-9) and terms["conditional_cross_entropy"].item() == loss.item()


def test_loss_of_an_example_worked_out_with_the_authors_code():
    method = find("method", "corn")(3, range(4), find_options("method", "corn", {}))
    with torch.no_grad():
        method.classifiers.weight.copy_(torch.eye(3))
        method.classifiers.bias.zero_()
    logits = torch.tensor([[2.0, 0.5, -1.0], [1.0, -0.2, 0.3], [3.0, 2.0, 1.0]])
    loss, _ = method.loss(logits, torch.tensor([1.0, 0.0, 3.0]), torch.full((3,), math.nan))
    assert loss.item() == pytest.approx(0.483841, abs=1e-6)


def test_products_of_the_answers_are_a_distribution(build, batch):
    method = build("corn")
    expected = [distribution(image) for image in answers(method, batch.features)]
    assert method.distribution(batch.features).tolist() == [pytest.approx(row, abs=1e-12) for row in expected]


def test_prediction_is_the_first_age_plus_the_number_of_products_above_one_half(build, batch):
    method, features = build("corn"), 20 * batch.features  # far apart, so that predictions differ
    expected = [16 + sum(math.prod(image[: k + 1]) > 0.5 for k in range(24)) for image in answers(method, features)]
    assert len(set(expected)) > 1 and method.predict(features).tolist() == expected


def test_expected_age_is_to_be_had_instead(build, batch):
    method = build("corn", decoder="expectation")
    rows = [distribution(image) for image in answers(method, batch.features)]
    expected = [sum(k * p for k, p in zip(range(16, 41), row, strict=True)) for row in rows]
    assert method.predict(batch.features).tolist() == pytest.approx(expected)


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="decoder is 'mode'"):
        build("corn", decoder="mode")
