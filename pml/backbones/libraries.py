"""The backbones f^E (Sec. 3) of torchvision and timm, from normalised faces (N, 3, H, W) to features (N, D).

A backbone is a function that returns the network and D. Its keyword-only parameters are its options.
"""

from typing import Any

from torch import nn

from pml.errors import InputError, suggest
from pml.methods.method import Network


def resnet18() -> Network:
    """Return torchvision's ResNet-18 up to its pooled layer-4 features."""
    return _resnet("resnet18")


def resnet34() -> Network:
    """Return torchvision's ResNet-34 up to its pooled layer-4 features."""
    return _resnet("resnet34")


def timm(*, model: str, size: int | None = None) -> Network:
    """Return a network of the package timm, by its name there.

    Args:
        model: such as mobilenetv3_small_100.
        size: width of a face in pixels, for a network that is built for one size, such as a vision transformer.

    Raises:
        InputError: timm is not installed, or has no such network.
    """
    try:
        import timm as package
    except ModuleNotFoundError:
        raise InputError("backbone 'timm': timm is not installed; pip install timm") from None
    if not package.is_model(model):
        raise InputError(f"backbone 'timm': model '{model}' is not known{suggest(model, package.list_models())}")
    given: dict[str, Any] = {} if size is None else {"img_size": size}
    network: Any = package.create_model(model, pretrained=False, num_classes=0, **given)
    return network, network.head_hidden_size


def _resnet(name: str) -> Network:
    from torchvision import models  # takes as long to load as PyTorch, and who checks a config builds no network

    network = getattr(models, name)(weights=None)
    feature_dim = network.fc.in_features
    network.fc = nn.Identity()
    return network, feature_dim
