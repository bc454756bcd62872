"""The arithmetic of the backbone: float32, or mixed precision."""

import functools
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_precision(name: str, device: torch.device, network: nn.Module) -> str:
    """Return the precision that the config asks for; "auto" is the faster of float32 and bfloat16, as far as benchmarks tell.

    That is bfloat16 where the device computes in it. But on a CPU the gradients of depthwise convolutions are slower in it, so
    a network that trains all of them has float32 (docs/performance.md).
    """
    if name != "auto":
        return name
    slow = device.type == "cpu" and all(weight.requires_grad for weight in network.parameters()) and _is_depthwise(network)
    return "bfloat16" if _has_bfloat16(device.type) and not slow else "float32"


def _is_depthwise(network: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1 for layer in network.modules())


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Return the context of a precision, a key of `PRECISIONS`."""
    dtype = PRECISIONS[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


@functools.cache
def _has_bfloat16(device_type: str) -> bool:
    # A processor without these instructions emulates bfloat16, ten times slower than float32.
    if device_type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return device_type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
