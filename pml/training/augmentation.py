"""Flip, scaling, rotation and translation (Sec. 4.2), as one affine warp of the whole batch; or one of several, by face."""

import dataclasses
import math

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import functional as colours

from pml.training.settings import Augmentation

# The statistics of ImageNet, which torchvision's weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(faces: Tensor) -> Tensor:
    """Turn (N, H, W, 3) uint8 faces into (N, 3, H, W) float32 inputs of the backbone."""
    return _standardise(faces.permute(0, 3, 1, 2).float() / 255)


def augment(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Return the (N, 3, H, W) inputs, each with its own augmentations; pixels from outside repeat the border."""
    change = _one_of if augmentation.one_of else _warp
    return change(inputs, augmentation, generator)


def _warp(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
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


def _one_of(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Change each input in exactly one of four ways, with equal chances, as the released code does."""
    ways = (_mirror, _grey, _rotate, _jitter)
    way_of = torch.randint(len(ways), (len(inputs),), generator=generator)
    outputs = inputs.clone()
    for number, way in enumerate(ways):
        chosen = (way_of == number).nonzero()[:, 0].to(inputs.device)
        if len(chosen):
            outputs[chosen] = way(inputs[chosen], augmentation, generator)
    return outputs


def _mirror(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    return inputs.flip(3)


def _rotate(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    return _warp(inputs, dataclasses.replace(augmentation, flip=0, scale=0, translation=0), generator)


def _grey(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    return _standardise(colours.rgb_to_grayscale(_pixels(inputs), num_output_channels=3))


def _jitter(inputs: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and hue by random amounts in random order, as torchvision's ColorJitter does."""
    adjustments = (colours.adjust_brightness, colours.adjust_contrast, colours.adjust_saturation, colours.adjust_hue)
    none = (1, 1, 1, 0)
    faces = []
    for face in _pixels(inputs):
        signed = (torch.rand(4, generator=generator) * 2 - 1).tolist()
        for number in torch.randperm(4, generator=generator).tolist():
            face = adjustments[number](face, none[number] + augmentation.colour[number] * signed[number])
        faces.append(face)
    return _standardise(torch.stack(faces))


def _standardise(pixels: Tensor) -> Tensor:
    mean = torch.tensor(MEAN, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(3, 1, 1)
    return (pixels - mean) / std


def _pixels(inputs: Tensor) -> Tensor:
    """Return inputs as colours from 0 to 1 again."""
    mean = torch.tensor(MEAN, device=inputs.device).view(3, 1, 1)
    std = torch.tensor(STD, device=inputs.device).view(3, 1, 1)
    return (inputs * std + mean).clamp(0, 1)
