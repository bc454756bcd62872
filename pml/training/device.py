"""Copies to the device that trains."""

import torch
from torch import Tensor


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy without waiting for what the device is at; only from page-locked memory does a GPU copy so."""
    if device.type == "cuda":
        values = values.pin_memory()
    return values.to(device, non_blocking=True)
