"""The network of a run, and its initial weights."""

from pathlib import Path

import torch
from torch import nn

from pml.errors import InputError
from pml.methods.method import Network
from pml.registry import find, find_options
from pml.tensors import load_tensors

WRAPPERS = ("backbone", "state_dict", "model")  # the keys under which a run's model.pt, and others, keep their weights


def build_backbone(name: str, options: dict) -> Network:
    """Return the untrained network of a registry entry, or of a function `module:name` of the user's own, and D."""
    return find("backbone", name)(**vars(find_options("backbone", name, options)))


def build_frozen(name: str, options: dict, initialisation: str) -> Network:
    """Return a network that stands still, and D.

    Args:
        initialisation: path of its weights, or "random".

    Raises:
        InputError: the weights are missing, or of another network.
    """
    torch.manual_seed(0)
    network, feature_dim = build_backbone(name, options)
    if initialisation != "random" and not load_fitting(network, read_weights(initialisation)):
        raise InputError(f"{initialisation}: weights of another network than the backbone {name}; name the matching backbone")
    return network.eval().requires_grad_(False), feature_dim


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the backbone's weights in a checkpoint, torchvision's own or a run's model.pt, without a classifier.

    They may stand under a key such as `state_dict`. Their names may begin with `module.`, as those of several GPUs do.

    Raises:
        InputError: the checkpoint is missing or unreadable, holds no weights by name, or one that is not finite.
    """
    remedy = "name a checkpoint of the backbone's weights, a state_dict, under 'initialisation'"
    weights = load_tensors(path, remedy)
    for _ in WRAPPERS:
        if isinstance(weights, dict):
            weights = next((weights[key] for key in WRAPPERS if key in weights), weights)
    if not (isinstance(weights, dict) and weights and all(isinstance(key, str) for key in weights)):
        raise InputError(f"{path}: holds no weights by name; {remedy}")
    plain = {key.removeprefix("module."): value for key, value in weights.items()}
    plain = {key: value for key, value in plain.items() if not key.startswith("fc.")}
    for key, value in plain.items():
        if isinstance(value, torch.Tensor) and not (value.layout == torch.strided and value.isfinite().all()):
            raise InputError(f"{path}: weights '{key}' are not all finite numbers; {remedy}")
    return plain


def load_fitting(network: nn.Module, weights: dict[str, torch.Tensor]) -> bool:
    """Load the weights into the network if they are its own; return whether they are."""
    if _shapes(weights) != _shapes(network.state_dict()):
        return False
    network.load_state_dict(weights)
    return True


def _shapes(weights: dict) -> dict[str, tuple | None]:
    # Older checkpoints, torchvision's among them, do not count the batches, and nothing here uses the count.
    return {key: getattr(value, "shape", None) for key, value in weights.items() if not key.endswith("num_batches_tracked")}
