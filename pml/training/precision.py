"""The arithmetic of the backbone: float32, or mixed precision."""

import functools
import math
from contextlib import AbstractContextManager, nullcontext

import torch

from pml.suite.settings import Settings
from pml.training.batches import Store, is_faces

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}

# A GPU computes a smaller batch in less time than its kernels take to start, and mixed precision starts more of them. Measured
# on an H200: bfloat16 was slower at 1.6 million pixels a batch, and faster at 6.4 (docs/performance.md).
WORTHWHILE_PIXELS = 3_000_000


def choose_precision(settings: Settings, device: torch.device, store: Store) -> str:
    """Return the precision that the config asks for; "auto" is the faster of float32 and bfloat16, as far as benchmarks tell.

    That is bfloat16 where the processor computes in it, or where the GPU does and its batches are large.
    """
    if settings.precision != "auto":
        return settings.precision
    pixels = settings.batch_size * math.prod(store.shape[1:3]) if is_faces(store) else 0
    small = device.type == "cuda" and pixels < WORTHWHILE_PIXELS
    return "bfloat16" if _has_bfloat16(device.type) and not small else "float32"


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
