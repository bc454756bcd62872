"""Flip, scaling, rotation and translation (Sec. 4.2), as one affine warp of the whole batch."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from pml.training.settings import Augmentation

# The statistics of ImageNet, which torchvision's weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(faces: Tensor) -> Tensor:
    """Turn (N, H, W, 3) uint8 faces into (N, 3, H, W) float32 inputs of the backbone."""
    mean = torch.tensor(MEAN, device=faces.device).view(3, 1, 1)
    std = torch.tensor(STD, device=faces.device).view(3, 1, 1)
    return (faces.permute(0, 3, 1, 2).float() / 255 - mean) / std


def augment(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Warp each of the (N, 3, H, W) inputs by its own random affine map; pixels from outside repeat the border."""
    matrices = random_affine(len(inputs), augmentation, generator).to(inputs.device)
    grid = functional.affine_grid(matrices, list(inputs.shape), align_corners=False)
    return functional.grid_sample(inputs, grid, mode="bilinear", padding_mode="border", align_corners=False)


def random_affine(count: int, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Return (count, 2, 3) maps from output to input positions, in coordinates that run from -1 to 1.

    The numbers are drawn on the CPU, so that every device sees the same augmentations.
    """
    uniform = torch.rand(count, 5, generator=generator)
    signed = uniform * 2 - 1
    mirror = torch.where(uniform[:, 0] < augmentation.flip, -1.0, 1.0)
    scale = 1 + augmentation.scale * signed[:, 1]
    angle = math.radians(augmentation.rotation) * signed[:, 2]
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    shift_x, shift_y = 2 * augmentation.translation * signed[:, 3], 2 * augmentation.translation * signed[:, 4]
    rows = [torch.stack([mirror * cosine, -sine, shift_x], 1), torch.stack([mirror * sine, cosine, shift_y], 1)]
    return torch.stack(rows, 1)
