import math

import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError
from pml.methods.label_distribution import gaussian_label_distribution
from pml.registry import find, find_options

PATH = "baselines.logit_adjustment:LogitAdjustment"


@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_loss_is_the_divergence_of_the_softmax_of_adjusted_logits(build, batch, tau):
    method = build(PATH, tau=tau)
    targets = gaussian_label_distribution(batch.ages, method.ages, 2.0).tolist()
    classes = len(targets[0])
    seen = [sum(target[k] for target in targets) + 1 / classes for k in range(classes)]
    expected = 0.0
    for logits, target in zip(method.classifier(batch.features).tolist(), targets, strict=True):
        weights = [math.exp(s) * (n / sum(seen)) ** tau for s, n in zip(logits, seen, strict=True)]
        expected += sum(t * math.log(t * sum(weights) / w) for t, w in zip(target, weights, strict=True)) / len(targets)
    loss, terms = method.train().loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected) and terms["adjusted_kl"].item() == loss.item()


def test_with_tau_0_it_is_the_kl_baseline(build, batch):
    method, kl = build(PATH, tau=0), build("baselines.kl:KL")
    kl.classifier.load_state_dict(method.classifier.state_dict())
    assert_close(
        method.loss(batch.features, batch.ages, batch.age_stds)[0], kl.loss(batch.features, batch.ages, batch.age_stds)[0]
    )


def test_frequencies_are_counted_in_training_alone_and_no_prediction_sees_them(build, batch):
    method = build(PATH).train()
    for _ in range(3):
        method.loss(batch.features, batch.ages, batch.age_stds)
    assert method.seen.sum().item() == pytest.approx(3 * len(batch.ages))
    seen, predicted = method.seen.clone(), method.eval().predict(batch.features)
    method.loss(batch.features, batch.ages, batch.age_stds)
    assert method.seen.equal(seen)
    method.seen.zero_()
    assert method.predict(batch.features).equal(predicted)


def test_of_classes_that_the_features_do_not_tell_apart_the_rare_one_is_predicted_as_often():
    """Its minimiser: with tau = 1 the softmax of the logits is balanced, where the KL baseline's follows the frequencies."""
    torch.manual_seed(0)
    method = find("method", PATH)(1, [20, 40], find_options("method", PATH, {"sigma": 0.01})).double().train()
    features, ages = torch.ones(100, 1, dtype=torch.float64), torch.tensor([20.0] * 90 + [40.0] * 10, dtype=torch.float64)
    optimiser = torch.optim.Adam(method.parameters(), lr=0.1)
    for _ in range(300):
        loss, _ = method.loss(features, ages, torch.full_like(ages, math.nan))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert_close(method.eval().distribution(features[:1]), torch.full((1, 2), 0.5, dtype=torch.float64), atol=0.01, rtol=0)


@pytest.mark.parametrize(("option", "value"), [("sigma", 0), ("tau", -1)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        build(PATH, **{option: value})
