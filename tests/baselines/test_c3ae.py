import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from pml.errors import InputError
from pml.methods import contract
from pml.methods.contract import Subject
from pml.methods.method import TrainingSet
from pml.registry import find, find_options


@pytest.fixture
def begun(build, batch):
    """Return a function that builds the method after training ages of known spread, with a last layer that is not zero."""

    def begun(**options):
        method = build("c3ae", **options)
        method.begin_training(TrainingSet(batch.ages, batch.age_stds, torch.ones(5), 3))
        nn.init.normal_(method.regressor.weight)
        return method

    return begun


def outputs(method, batch):
    """The head by hand: a softmax over bins 10 years apart, and what the last layer makes of it."""
    ages = batch.ages.tolist()
    mean = sum(ages) / 5
    spread = math.sqrt(sum((age - mean) ** 2 for age in ages) / 5)
    weight, bias = method.classifier.weight.tolist(), method.classifier.bias.tolist()
    added, constant = method.regressor.weight[0].tolist(), method.regressor.bias.item()
    rows = []
    for x in batch.features.tolist():
        e = [math.exp(sum(w * v for w, v in zip(row, x, strict=True)) + b) for row, b in zip(weight, bias, strict=True)]
        shares = [each / sum(e) for each in e]
        age = spread * constant + sum(share * (10 * k + spread * added[k]) for k, share in enumerate(shares))
        rows.append((shares, age))
    return rows


def two_points(age, bins):
    """As the ports write it: the share of the lower bin is 1 - (age mod 10) / 10, the next one's the rest."""
    shares = [0.0] * bins
    shares[int(age // 10)] = 1 - (age % 10) / 10
    shares[int(age // 10) + 1] = (age % 10) / 10
    return shares


@pytest.mark.parametrize("weight", [0.0, 0.8, 10.0])
def test_loss_is_the_absolute_error_plus_the_weighted_divergence_of_the_bins(begun, batch, weight):
    method = begun(bins_weight=weight)
    l1 = kl = 0.0
    for age, (shares, predicted) in zip(batch.ages.tolist(), outputs(method, batch), strict=True):
        l1 += abs(predicted - age) / 5
        kl += sum(t * math.log(t / q) for t, q in zip(two_points(age, len(shares)), shares, strict=True) if t > 0) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(l1 + weight * kl, abs=1e-9)
    assert [terms["l1"].item(), terms["kl"].item()] == pytest.approx([l1, kl], abs=1e-9)


def test_prediction_is_the_last_layer_s_age_within_the_ages(begun, batch):
    method = begun()
    expected = [min(max(age, 16), 40) for _, age in outputs(method, batch)]
    assert method.predict(batch.features).tolist() == pytest.approx(expected, abs=1e-9)
    assert method.distribution(batch.features) is None


def test_two_points_give_back_the_age(build, batch):
    method = build("c3ae")
    points = method.two_points(batch.ages)
    assert_close(points, torch.tensor([two_points(age, 6) for age in batch.ages.tolist()], dtype=torch.float64))
    assert_close(method.age_of_bins(points), batch.ages)
    assert (points > 0).sum(1).max() == 2


def test_there_are_twelve_bins_for_a_hundred_years():
    method = find("method", "c3ae")(6, range(101), find_options("method", "c3ae", {}))
    assert method.bins.tolist() == [10 * k for k in range(12)]


def shared():
    return nn.Flatten(), 3


def test_the_network_is_the_experiment_s_unless_its_own_is_asked_for():
    kind = find("method", "c3ae")
    assert kind.backbone(shared, find_options("method", "c3ae", {}))[1] == 3
    network, width = kind.backbone(shared, find_options("method", "c3ae", {"own_network": True}))
    assert width == 512
    for size in (64, 224):
        assert network(torch.randn(2, 3, size, size)).shape == (2, 512)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.out_channels, layer.kernel_size[0]) for layer in convolutions] == [(32, 3)] * 4 + [(32, 1)]


def test_plain_network_by_hand():
    """64 pixels, four times a 3 x 3 convolution and normalisation, thrice halved; then each channel takes its excitation."""
    torch.manual_seed(0)
    network, _ = find("method", "c3ae").backbone(shared, find_options("method", "c3ae", {"own_network": True}))
    network.eval()
    faces = maps = torch.randn(2, 3, 64, 64)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    sizes = []
    for place, convolution in enumerate(convolutions):
        maps = nn.functional.conv2d(maps, convolution.weight, convolution.bias)
        if place < 4:  # at the start the running means are 0, the variances 1
            maps = (maps / math.sqrt(1 + 1e-5)).clamp(min=0)
        if place < 3:
            maps = nn.functional.avg_pool2d(maps, 2)
        sizes.append(maps.shape[-1])
    assert sizes == [31, 14, 6, 4, 4]
    first, second = (layer for layer in network.modules() if isinstance(layer, nn.Linear))
    pooled = maps.mean((2, 3))
    scale = 1 / (1 + (-((pooled @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias)).exp())
    assert first.out_features == 16
    assert_close(network(faces), (maps * scale[:, :, None, None]).flatten(1))


@pytest.mark.parametrize("check", [contract.check_backbone, contract.check_fit, contract.check_restart])
def test_contract_on_its_own_network(check):
    check(Subject("c3ae", {"own_network": True}))


@pytest.mark.parametrize(("option", "value"), [("bins_weight", -1), ("bin_years", 0)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        build("c3ae", **{option: value})
