"""The shared backbone f^E (Sec. 3), from normalised faces (N, 3, H, W) to features (N, D), and its initial weights.

A backbone is a function that returns the network and D. Its keyword-only parameters are its options.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from pml.errors import InputError, suggest
from pml.method import Network
from pml.registry import find, find_options


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


def build_backbone(name: str, options: dict) -> Network:
    """Return the untrained network of a registry entry, or of a function `module:name` of the user's own, and D."""
    return find("backbone", name)(**vars(find_options("backbone", name, options)))


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the backbone's weights in a checkpoint, torchvision's own or a run's model.pt, without a classifier.

    Raises:
        InputError: the checkpoint is missing or unreadable.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; name another file under 'initialisation'") from None
    except Exception as error:  # torch raises a different type for every kind of damage
        raise InputError(f"{path}: not a checkpoint of weights: {error}") from None
    weights = weights.get("backbone", weights) if isinstance(weights, dict) else {}
    return {key: value for key, value in weights.items() if not key.startswith("fc.")}


def load_fitting(network: nn.Module, weights: dict[str, torch.Tensor]) -> bool:
    """Load the weights into the network if they are its own; return whether they are."""
    if _shapes(weights) != _shapes(network.state_dict()):
        return False
    network.load_state_dict(weights)
    return True


def _shapes(weights: dict) -> dict[str, tuple | None]:
    # Older checkpoints, torchvision's among them, do not count the batches, and nothing here uses the count.
    return {key: getattr(value, "shape", None) for key, value in weights.items() if not key.endswith("num_batches_tracked")}
