"""The shared backbone f^E (Sec. 3): a torchvision ResNet up to its pooled layer-4 features."""

from pathlib import Path

import torch
from torch import nn
from torchvision import models

from pml.errors import InputError

BACKBONES = {"resnet18": models.resnet18, "resnet34": models.resnet34}


def build_backbone(name: str, initialisation: str, batch_norm: type[nn.Module] = nn.BatchNorm2d) -> tuple[nn.Module, int]:
    """Return a network from (N, 3, H, W) normalised faces to (N, D) features, and D.

    Args:
        name: a key of `BACKBONES`.
        initialisation: "random", or the path of a checkpoint: torchvision's own weights (ImageNet) or a run's model.pt.
        batch_norm: class of the layers that normalise.

    Raises:
        InputError: the checkpoint is missing, unreadable or of another network.
    """
    network = BACKBONES[name](weights=None, norm_layer=batch_norm)
    feature_dim = network.fc.in_features
    network.fc = nn.Identity()
    if initialisation != "random":
        network.load_state_dict(_read_weights(Path(initialisation), network))
    return network, feature_dim


def _read_weights(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; name another file under 'initialisation'") from None
    except Exception as error:  # torch raises a different type for every kind of damage
        raise InputError(f"{path}: not a checkpoint of weights: {error}") from None
    weights = weights.get("backbone", weights) if isinstance(weights, dict) else {}
    weights = {key: value for key, value in weights.items() if not key.startswith("fc.")}
    if _shapes(weights) != _shapes(network.state_dict()):
        raise InputError(f"{path}: weights of another network than the backbone of this experiment; name the matching backbone")
    return weights


def _shapes(weights: dict) -> dict[str, tuple | None]:
    # Older checkpoints, torchvision's among them, do not count the batches, and nothing here uses the count.
    return {key: getattr(value, "shape", None) for key, value in weights.items() if not key.endswith("num_batches_tracked")}
