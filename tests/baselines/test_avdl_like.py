import math

import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError

AGES = list(range(16, 41))
SEEN = {18: 0, 28: 1, 39: 2}  # ages of the balanced images, and their places


@pytest.fixture
def method(build):
    """One that has seen an image of each of three ages."""
    method = build("avdl_like")
    balanced = torch.randn(3, 6, dtype=torch.float64)
    method.remember(balanced, torch.tensor(list(SEEN), dtype=torch.float64))
    return method


def softmax(logits):
    e = [math.exp(each) for each in logits]
    return [each / sum(e) for each in e]


def linear(weight, bias, x):
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(weight, bias, strict=True)]


def target_of(age, sigma):
    density = [math.exp(-((k - age) ** 2) / (2 * sigma**2)) for k in AGES]
    return [each / sum(density) for each in density]


def error_after_the_virtual_step(method, batch, sigmas, rate=0.1):
    """The absolute error of the balanced images after a step of gradient descent on the mean divergence, by hand."""
    weight, bias = method.classifier.weight.tolist(), method.classifier.bias.tolist()
    stepped, stepped_bias = [list(row) for row in weight], list(bias)
    for x, age, sigma in zip(batch.features.tolist(), batch.ages.tolist(), sigmas, strict=True):
        slopes = [p - t for p, t in zip(softmax(linear(weight, bias, x)), target_of(age, sigma), strict=True)]
        for k, slope in enumerate(slopes):
            stepped_bias[k] -= rate * slope / 5
            for d, value in enumerate(x):
                stepped[k][d] -= rate * slope * value / 5
    error = 0.0
    for age in SEEN:
        p = softmax(linear(stepped, stepped_bias, method.balanced[age - 16].tolist()))
        error += abs(sum(k * share for k, share in zip(AGES, p, strict=True)) - age) / len(SEEN)
    return error


def adapted(method, batch):
    """The widths by central differences of that error."""
    slopes = []
    for place in range(5):
        up, down = [[2.0 + h * (other == place) for other in range(5)] for h in (1e-5, -1e-5)]
        high, low = (error_after_the_virtual_step(method, batch, sigmas) for sigmas in (up, down))
        slopes.append((high - low) / 2e-5)
    most = max(abs(slope) for slope in slopes)
    return [min(max(2.0 - slope / most, 0.5), 6.0) for slope in slopes]


def test_widths_go_down_the_slope_of_the_balanced_error_after_a_virtual_step(method, batch):
    found = method.adapt(torch.full((5,), 2.0, dtype=torch.float64), batch.features, batch.ages)
    assert found.tolist() == pytest.approx(adapted(method, batch), abs=1e-6)
    assert (found - 2).abs().max().item() == pytest.approx(1)


def test_the_virtual_step_in_closed_form_is_that_of_autograd(method, batch):
    """The closed form against a step with the gradient of the divergence itself, and the slope through it."""
    sigma = torch.full((5,), 2.0, dtype=torch.float64, requires_grad=True)
    weight, bias = (each.detach().clone().requires_grad_() for each in (method.classifier.weight, method.classifier.bias))
    log_p = (batch.features @ weight.T + bias).log_softmax(1)
    target = torch.softmax(-((method.ages - batch.ages[:, None]) ** 2) / (2 * sigma[:, None] ** 2), 1)
    kl = (target * (target.log() - log_p)).sum(1).mean()
    steps = torch.autograd.grad(kl, (weight, bias), create_graph=True)
    stepped = [each - 0.1 * step for each, step in zip((weight, bias), steps, strict=True)]
    expected = (method.balanced[method.seen] @ stepped[0].T + stepped[1]).softmax(1) @ method.ages
    (slope,) = torch.autograd.grad((expected - method.ages[method.seen]).abs().mean(), sigma)
    found = method.adapt(torch.full((5,), 2.0, dtype=torch.float64), batch.features, batch.ages)
    assert_close(found, 2 - slope / slope.abs().max(), rtol=0, atol=1e-9)


def test_loss_is_the_divergence_from_targets_of_those_widths(method, batch, probabilities):
    sigmas = method.adapt(torch.full((5,), 2.0, dtype=torch.float64), batch.features, batch.ages).tolist()
    expected = 0.0
    for age, sigma, p in zip(batch.ages.tolist(), sigmas, probabilities(method, batch.features), strict=True):
        expected += sum(t * math.log(t / q) for t, q in zip(target_of(age, sigma), p, strict=True) if t > 0) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9)
    assert [terms["kl"].item(), terms["mean_sigma"].item()] == pytest.approx([expected, sum(sigmas) / 5])


def test_better_widths_lower_the_balanced_error(method, batch):
    small = method.adapt(torch.full((5,), 2.0, dtype=torch.float64), batch.features, batch.ages)
    toward = [2 + 0.01 * (sigma - 2) for sigma in small.tolist()]
    assert error_after_the_virtual_step(method, batch, toward) < error_after_the_virtual_step(method, batch, [2.0] * 5)


def test_before_any_image_is_seen_and_outside_of_training_all_widths_are_the_first(build, batch):
    method, kl = build("avdl_like"), build("kl")
    given = batch.features, batch.ages, batch.age_stds
    assert method.loss(*given)[1]["mean_sigma"].item() == 2
    assert method.loss(*given)[1]["mean_sigma"].item() != 2
    method.eval()
    loss, terms = method.loss(*given)
    assert terms["mean_sigma"].item() == 2
    with torch.no_grad():
        method.classifier.bias.zero_()
        kl.classifier.weight.copy_(method.classifier.weight)
    assert_close(method.loss(*given)[0], kl.loss(*given)[0])


def test_the_last_image_of_each_age_stands_for_it(build):
    method = build("avdl_like")
    features = torch.arange(24, dtype=torch.float64).view(4, 6)
    method.remember(features, torch.tensor([20.0, 30.0, 20.4, 16.0], dtype=torch.float64))
    assert method.ages[method.seen].tolist() == [16, 20, 30]
    assert_close(method.balanced[method.seen], features[[3, 2, 1]])
    method.remember(features[:1], torch.tensor([30.0], dtype=torch.float64))
    assert_close(method.balanced[method.seen], features[[3, 2, 0]])


def test_widths_stay_within_their_bounds(build, batch):
    method = build("avdl_like", sigma=1.0, least_sigma=0.9, most_sigma=1.1, sigma_step=5.0)
    method.remember(batch.features.flip(0), batch.ages)
    found = method.adapt(torch.full((5,), 1.0, dtype=torch.float64), batch.features, batch.ages)
    assert found.min() >= 0.9 and found.max() <= 1.1 and found.unique().numel() > 1


@pytest.mark.parametrize(
    ("option", "value"), [("sigma", 0.1), ("sigma", 7), ("sigma_step", -1), ("virtual_rate", -1), ("least_sigma", 0)]
)
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        build("avdl_like", **{option: value})
