import pytest
import torch
from torch import nn
from torch.testing import assert_close

from baselines.dldl_v2 import DLDLv2
from pml.errors import InputError
from pml.methods import contract
from pml.methods.contract import Subject
from pml.registry import find, find_options

# Convolutions of the released code's lists, halvings left out.
CHANNELS = {
    "thin": [32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 256],
    "tiny": [16, 16, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 128],
}


def no_shared():
    pytest.fail("its network is its own")


def network_of(**options):
    torch.manual_seed(0)
    return find("method", "thin_age_net").backbone(no_shared, find_options("method", "thin_age_net", options))


@pytest.mark.parametrize("width", CHANNELS)
def test_its_network_is_a_narrow_vgg_16_with_hybrid_pooling(width):
    network, feature_dim = network_of(width=width)
    network.eval()
    faces = maps = torch.randn(1, 3, 224, 224)
    convolutions = iter([layer for layer in network.modules() if isinstance(layer, nn.Conv2d)])
    wide = []
    for count in (2, 2, 3, 3, 3):
        for _ in range(count):
            convolution = next(convolutions)
            maps = nn.functional.conv2d(maps, convolution.weight, padding=1)
            maps = (maps / (1 + 1e-5) ** 0.5).clamp(min=0)  # at the start the running means are 0, the variances 1
            wide.append(maps.shape[1])
        maps = nn.functional.max_pool2d(maps, 2)
    assert wide == CHANNELS[width] and next(convolutions, None) is None
    assert maps.shape[2:] == (7, 7) and feature_dim == wide[-1]
    assert_close(network(faces), nn.functional.avg_pool2d(maps, 7).flatten(1))


def test_a_convolution_starts_as_in_the_released_code():
    network, _ = network_of()
    last = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]
    assert last.bias is None
    assert last.weight.std().item() == pytest.approx((2 / (3 * 3 * 256)) ** 0.5, rel=0.01)


def test_features_of_faces_of_other_sizes_are_as_wide():
    network, feature_dim = network_of(width="tiny")
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, feature_dim)


def test_loss_and_prediction_are_those_of_dldl_v2(build, batch):
    ours, theirs = build("thin_age_net", expectation_l1=0.7), build("dldl_v2", expectation_l1=0.7)
    assert type(ours).loss is DLDLv2.loss
    given = batch.features, batch.ages, batch.age_stds
    assert_close(ours.loss(*given)[0], theirs.loss(*given)[0])
    assert_close(ours.predict(batch.features), theirs.predict(batch.features))


def test_the_network_learns_at_its_own_share_of_the_rate(build):
    network, _ = network_of()
    first, second = build("thin_age_net", network_rate=0.3).parameter_groups(network, 0.01)
    assert first["share"] == 0.3 and len(first["params"]) == len(list(network.parameters()))
    assert second.get("share", 1) == 1


@pytest.mark.parametrize("check", [contract.check_backbone, contract.check_fit, contract.check_restart])
def test_contract_of_the_tiny_one(check):
    check(Subject("thin_age_net", {"width": "tiny"}))


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="width is 'wide'; it needs 'thin' or 'tiny'"):
        build("thin_age_net", width="wide")
    with pytest.raises(InputError, match="network_rate is 0"):
        build("thin_age_net", network_rate=0)
    with pytest.raises(InputError, match="sigma is 0"):
        build("thin_age_net", sigma=0)
