import math

import pytest
import torch

from pml.errors import InputError
from pml.methods.method import TrainingSet


def begun(build, ages, **options):
    method = build("or_cnn", **options)
    method.begin_training(TrainingSet(ages, torch.full_like(ages, math.nan), torch.ones(len(ages)), 3))
    return method


def answers(method, features):
    """P(age > k) of every image and every age but the last, by hand."""
    weight, bias = method.classifiers.weight.tolist(), method.classifiers.bias.tolist()
    scores = [
        [b + sum(w * x for w, x in zip(row, image, strict=True)) for row, b in zip(weight, bias, strict=True)]
        for image in features
    ]
    return [[1 / (1 + math.exp(-score)) for score in image] for image in scores]


def summed_entropies(method, batch, weights):
    total = 0.0
    for label, image in zip([16, 20, 28, 34, 40], answers(method, batch.features.tolist()), strict=True):
        for k, p, weight in zip(range(16, 40), image, weights, strict=True):
            total -= weight * math.log(p if label > k else 1 - p) / 5
    return total


def test_loss_sums_the_cross_entropies_of_the_binary_answers(build, batch):
    method = begun(build, batch.ages)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(summed_entropies(method, batch, [1.0] * 24), abs=1e-9)
    assert terms["binary_cross_entropy"].item() == loss.item()


def test_square_roots_of_the_counts_weigh_the_answers(build, batch):
    trained = torch.tensor([16.0] * 9 + [18.2] * 4 + [40.0] * 5, dtype=torch.float64)
    method = begun(build, trained, task_weights="sqrt_count")
    roots = [3.0, 1.0, 2.0] + [1.0] * 21  # one image where there is none; the last age has no classifier
    weights = [root * 24 / sum(roots) for root in roots]
    loss, _ = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(summed_entropies(method, batch, weights), abs=1e-9)


def test_prediction_is_the_first_age_plus_the_number_of_thresholds_passed_in_whatever_order(build, batch):
    method = begun(build, batch.ages)
    expected = [16 + sum(p > 0.5 for p in image) for image in answers(method, batch.features.tolist())]
    assert method.predict(batch.features).tolist() == expected
    assert method.distribution(batch.features) is None


def test_loss_grows_with_the_years_between_answer_and_label(build, batch):
    method = build("or_cnn")
    with torch.no_grad():
        method.classifiers.weight.zero_()
        method.classifiers.bias.copy_(torch.tensor([2.0] * 10 + [-2.0] * 14))  # says 26
    losses = [
        method.loss(batch.features[:1], torch.tensor([float(age)]).double(), batch.age_stds[:1])[0] for age in range(26, 41)
    ]
    assert all(nearer < further for nearer, further in zip(losses, losses[1:], strict=False))


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="task_weights is 'log'; it needs 'uniform' or 'sqrt_count'"):
        build("or_cnn", task_weights="log")
