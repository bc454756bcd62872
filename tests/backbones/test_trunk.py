"""What is trained of a network: a small trunk behind it, or its last blocks."""

import pytest
import torch
from torch import nn

from pml.backbones.build import build_backbone
from pml.backbones.trunk import Dropout, blocks_of, build_trunk, freeze
from pml.errors import InputError
from pml.suite.settings import Frozen


def test_the_trunk_is_dropout_linear_normalisation_and_relu():
    trunk, width = build_trunk(10, Frozen(width=6, dropout=0.5))
    assert [type(layer).__bases__[-1] if isinstance(layer, Dropout) else type(layer) for layer in trunk] == [
        nn.Dropout,
        nn.Linear,
        nn.BatchNorm1d,
        nn.ReLU,
    ]
    assert width == 6 and trunk(torch.randn(4, 10)).shape == (4, 6)


def test_dropout_leaves_out_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    layer = Dropout(0.3)
    dropped = layer(torch.ones(400, 400))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert layer.eval()(torch.ones(3, 3)).equal(torch.ones(3, 3))


@pytest.mark.parametrize(
    ("name", "options", "blocks"),
    [
        ("resnet18", {}, 8),
        ("resnet34", {}, 16),
        ("faceres_deep", {}, 14),
        ("efficientnet_lite0", {}, 16),
        ("timm", {"model": "mobilenetv3_small_050"}, 12),
        ("timm", {"model": "vit_tiny_patch16_224", "size": 32}, 12),
    ],
)
def test_blocks_are_those_of_the_paper_that_described_the_network(name, options, blocks):
    pytest.importorskip("timm")
    assert len(blocks_of(build_backbone(name, options)[0])) == blocks


@pytest.mark.parametrize("name", ["resnet18", "faceres_deep", "efficientnet_lite0"])
def test_what_stands_before_the_last_blocks_does_not_move_and_all_behind_does(name):
    pytest.importorskip("timm")
    torch.manual_seed(0)
    network, _ = build_backbone(name, {})
    before = {key: value.clone() for key, value in network.state_dict().items()}
    still = freeze(network, 2)
    network.train()
    for module in still:
        module.eval()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    optimiser.step()
    trained = {key for block in blocks_of(network)[-2:] for key in names_of(network, block)}
    first = min(list(before).index(key) for key in trained)
    moved = {key for key, value in network.state_dict().items() if not value.equal(before[key])}
    assert not moved & set(list(before)[:first]), "what stands still, its means and variances among it"
    weights = {key for key, _ in network.named_parameters()}
    assert {key for key in list(before)[first:] if key in weights and not key.endswith("bias")} <= moved


def names_of(network: nn.Module, block: nn.Module) -> list[str]:
    (prefix,) = [name for name, module in network.named_modules() if module is block]
    return [key for key in network.state_dict() if key.startswith(f"{prefix}.")]


def test_more_blocks_than_there_are_is_an_error():
    with pytest.raises(InputError, match="trained_blocks: 9, but the backbone has 8 blocks"):
        freeze(build_backbone("resnet18", {})[0], 9)
