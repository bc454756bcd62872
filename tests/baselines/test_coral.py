import math

import pytest
import torch

from pml.errors import InputError
from pml.methods.method import TrainingSet


def begun(build, ages, **options):
    method = build("coral", **options)
    method.begin_training(TrainingSet(ages, torch.full_like(ages, math.nan), torch.ones(len(ages)), 3))
    return method


def answers(method, features):
    """P(age > k) of every image and every age but the last, by hand: one score, and a bias for each age."""
    [weight], biases = method.score.weight.tolist(), method.biases.tolist()
    scores = [sum(w * x for w, x in zip(weight, image, strict=True)) for image in features.tolist()]
    return [[1 / (1 + math.exp(-score - bias)) for bias in biases] for score in scores]


def test_loss_sums_the_cross_entropies_of_the_binary_answers(build, batch):
    method = build("coral")
    expected = 0.0
    for label, image in zip([16, 20, 28, 34, 40], answers(method, batch.features), strict=True):
        expected -= sum(math.log(p if label > k else 1 - p) for k, p in zip(range(16, 40), image, strict=True)) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["binary_cross_entropy"].item() == loss.item()


def test_biases_begin_in_descending_order(build, batch):
    assert begun(build, batch.ages).biases.tolist() == pytest.approx([(24 - k) / 24 for k in range(24)])


def test_biases_may_begin_at_the_log_odds_of_the_training_ages(build):
    trained = torch.tensor([16.0, 16.0, 17.0, 20.0, 39.0], dtype=torch.float64)
    above = [3, 2, 2, 2] + [1] * 19 + [0]  # of ages 16 to 39
    expected = [math.log((count + 0.5) / (5 - count + 0.5)) for count in above]
    assert begun(build, trained, bias_init="log_odds").biases.tolist() == pytest.approx(expected)


def test_prediction_is_the_first_age_plus_the_number_of_thresholds_passed(build, batch):
    method = build("coral")
    expected = [16 + sum(p > 0.5 for p in image) for image in answers(method, batch.features)]
    assert method.predict(batch.features).tolist() == expected
    assert method.distribution(batch.features) is None


def test_answers_contradict_each_other_for_no_face(build, batch):
    """Descending biases make "older than 30" less likely than "older than 20" whatever the score."""
    logits = build("coral").logits(100 * batch.features)
    assert (logits.diff(dim=1) < 0).all()


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="bias_init is 'zero'; it needs 'descending' or 'log_odds'"):
        build("coral", bias_init="zero")
