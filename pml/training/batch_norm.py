"""Batch normalisation over the joint batch of all processes."""

import torch
from torch import Tensor, nn

from pml.training.processes import count, sum_over_processes


def batch_norm(device: torch.device) -> type[nn.Module]:
    """Return the class of the layers: torch's own, of which the one for several processes works on GPUs alone."""
    if count() == 1:
        return nn.BatchNorm2d
    return nn.SyncBatchNorm if device.type == "cuda" else JointBatchNorm


class JointBatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` with the means and variances of the shares of all processes, which may differ in size."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the normalised (N, C, H, W) inputs of this process's share."""
        if not self.training:
            return super().forward(inputs)
        values = inputs.to(self.weight.dtype)
        size = sum_over_processes(values.new_tensor(values[:, 0].numel()))
        mean = sum_over_processes(values.sum((0, 2, 3))) / size
        centred = values - mean[:, None, None]
        variance = sum_over_processes(centred.square().sum((0, 2, 3))) / size
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * size / (size - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(inputs.dtype)
