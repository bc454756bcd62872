"""The device that trains, and copies to it."""

import platform

import torch
from torch import Tensor

from pml.errors import InputError

WITHOUT_GPU = "ask for none with --set-resources train_folds:gpu=0 embed_faces:gpu=0 extract_features:gpu=0"


def choose_device(name: str, gpus: int = 0) -> torch.device:
    """Return the device that the config asks for, which is a GPU if the job was given any.

    Raises:
        InputError: a GPU is asked for and there is none; or the job was given more `gpus` than there are, or the config leaves
            them idle.
    """
    if gpus and name == "cpu":
        raise InputError(f"training.device is 'cpu', but the job was given {gpus} GPU(s); set it to 'auto', or {WITHOUT_GPU}")
    # A driver too old for this PyTorch still counts its GPUs.
    usable = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus > usable:
        raise InputError(
            f"the job was given {gpus} GPU(s), but PyTorch can use {usable} on {platform.node()}; look at the "
            f"node's driver and at the CUDA version of this PyTorch, or {WITHOUT_GPU}"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("training.device is 'cuda', but this machine shows no GPU; set it to 'auto' or 'cpu'")
    return torch.device(name)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy without waiting for what the device is at; only from page-locked memory does a GPU copy so."""
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
