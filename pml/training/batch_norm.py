"""Batch normalisation over the joint batch of all processes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pml.training.processes import count, sum_over_processes


def join_batch_norm(network: nn.Module, device: torch.device) -> None:
    """Make the batch normalisation of a network, whatever it is, one over all processes, if there are several."""
    if count() == 1:
        return
    layers: list[Any] = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    for layer in layers:
        # In place, so that the layer keeps its weights, its statistics, and the activation that timm puts into it.
        layer.process_group = None
        layer.__class__ = SyncBatchNorm if device.type == "cuda" else JointBatchNorm


class SyncBatchNorm(nn.SyncBatchNorm):
    """torch's own, which works on GPUs alone, and behind it what modules the layer holds."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised (N, C, H, W) inputs of this process's share."""
        return _apply_children(self, super().forward(inputs))


class JointBatchNorm(_BatchNorm):
    """torch's batch normalisation with the means and variances of the shares of all processes, which may differ in size."""

    num_batches_tracked: Tensor
    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def _check_input_dim(self, inputs: Tensor) -> None:
        """Take inputs of any number of dimensions: the layer that this one replaces knows its own."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised (N, C, ...) inputs of this process's share."""
        return _apply_children(self, self._normalise(inputs) if self.training else super().forward(inputs))

    def _normalise(self, inputs: Tensor) -> Tensor:
        values = inputs.to(self.weight.dtype)
        others = [dimension for dimension in range(values.ndim) if dimension != 1]
        channels = [-1, *[1] * (values.ndim - 2)]
        size = sum_over_processes(values.new_tensor(values[:, 0].numel()))
        mean = sum_over_processes(values.sum(others)) / size
        centred = values - mean.view(channels)
        variance = sum_over_processes(centred.square().sum(others)) / size
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * size / (size - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(channels) + self.bias.view(channels)).to(inputs.dtype)


def _apply_children(layer: nn.Module, outputs: Tensor) -> Tensor:
    for child in layer.children():
        outputs = child(outputs)
    return outputs
