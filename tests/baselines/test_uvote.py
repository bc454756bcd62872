import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from pml.errors import InputError
from pml.methods.method import TrainingSet

TRAINED_ON = torch.tensor([20.0] * 12 + [28.4] * 4 + [33.0] + [16.0] * 2 + [40.0] * 6)


def begun(build, **options):
    method = build("uvote", **options)
    method.begin_training(TrainingSet(TRAINED_ON, torch.full_like(TRAINED_ON, math.nan), torch.ones(len(TRAINED_ON)), 8))
    for layer in (method.regressor, method.log_scale):
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    return method


def outputs(layer, features):
    return [
        [
            bias + sum(w * x for w, x in zip(row, face, strict=True))
            for row, bias in zip(*map(torch.Tensor.tolist, pair), strict=True)
        ]
        for pair in [(layer.weight, layer.bias)]
        for face in features.tolist()
    ]


def weight_of(age, exponent):
    """The weight of an image by hand: n^-r, with n clipped where r is 1, over its mean over the training images."""
    classes = [round(each) for each in TRAINED_ON.tolist()]

    def raw(year):
        count = max(classes.count(year), 1)
        return (min(max(count, 5), 1000) if exponent == 1 else count) ** -exponent

    return raw(round(age)) / (sum(map(raw, classes)) / len(classes))


@pytest.mark.parametrize("heads", [2, 3])
@pytest.mark.parametrize("epoch", [0, 3])
def test_loss_is_the_weighted_laplace_likelihood_of_each_head(build, batch, heads, epoch):
    method = begun(build, heads=heads)
    method.begin_epoch(epoch)
    mean, terms = TRAINED_ON.double().mean().item(), [0.0] * heads
    spread = TRAINED_ON.double().std(correction=0).item()
    locations, log_scales = outputs(method.regressor, batch.features), outputs(method.log_scale, batch.features)
    for age, location, log_scale in zip(batch.ages.tolist(), locations, log_scales, strict=True):
        for head in range(heads):
            b = spread * math.exp(min(max(log_scale[head], -5), 5)) + 1e-10
            nll = math.log(2 * b) + abs(age - mean - spread * location[head]) / b
            terms[head] += weight_of(age, head / (heads - 1)) * nll / len(batch.ages)
    loss, named = method.loss(batch.features, batch.ages, batch.age_stds)
    # The ages of a training set are float32 tensors, so the mean and the spread are, too.
    assert [term.item() for term in named.values()] == pytest.approx(terms, rel=1e-6)
    assert loss.item() == pytest.approx(terms[0] + (epoch / 8) ** 2 * sum(terms[1:]), rel=1e-6)


def test_loss_has_the_value_of_the_released_code(build):
    method = build("uvote").double()
    with torch.no_grad():
        method.centre.zero_(), method.spread.fill_(1), method.regressor.weight.zero_(), method.log_scale.weight.zero_()
        method.regressor.weight[0, :2], method.log_scale.weight[0, 1] = torch.tensor([30.0, 50.0]).double(), 7
    features, ages = torch.eye(6).double()[:2], torch.tensor([32.0, 47.0]).double()
    loss, _ = method.loss(features, ages, torch.full_like(ages, math.nan))
    assert loss.item() == pytest.approx(4.203254, abs=1e-6)


def test_first_epoch_trains_the_first_head_alone(build, batch):
    method = begun(build)
    method.begin_epoch(0)
    method.loss(batch.features, batch.ages, batch.age_stds)[0].backward()
    for layer in (method.regressor, method.log_scale):
        assert layer.weight.grad[0].all() and not layer.weight.grad[1].any()


def test_head_of_the_smallest_scale_predicts(build, batch):
    method = begun(build, heads=3)
    locations, log_scales = method.regress(batch.features), method.log_scale(batch.features)
    expected = [
        min(max(row[scales.index(min(scales))], 16), 40)
        for row, scales in zip(locations.tolist(), log_scales.tolist(), strict=True)
    ]
    assert len({scales.index(min(scales)) for scales in log_scales.tolist()}) > 1
    assert method.predict(batch.features).tolist() == pytest.approx(expected, abs=1e-9)


def test_scales_learn_at_a_share_of_the_rate(build):
    method = build("uvote", scale_share=0.2)
    backbone, locations, scales = method.parameter_groups(nn.Linear(2, 2), 0.5)
    assert (backbone["share"], locations.get("share", 1), scales["share"]) == (0.5, 1, 0.2)
    assert_close(scales["params"], list(method.log_scale.parameters()))
    assert len(locations["params"]) + len(scales["params"]) == len(list(method.parameters()))


@pytest.mark.parametrize(("option", "value"), [("heads", 1), ("scale_share", 0.0)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        build("uvote", **{option: value})
