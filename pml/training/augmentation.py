"""Flip, scaling, rotation and translation (Sec. 4.2), as one affine warp of the whole batch; or one of several, by face."""

import dataclasses
import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import functional as colours

from pml.backbones.scale import MEAN, STD
from pml.suite.settings import Augmentation
from pml.training.device import to_device

MIRROR, GREY, ROTATE, JITTER, NONE = range(5)


def normalise(faces: Tensor) -> Tensor:
    """Turn (N, H, W, 3) uint8 faces into (N, 3, H, W) float32 inputs of the backbone."""
    # In place: fresh memory at every step of this would take longer than the arithmetic.
    pixels = faces.permute(0, 3, 1, 2).float().div_(255)
    mean, std = _statistics(pixels.device)
    return pixels.sub_(mean).div_(std)


def augment(
    inputs: Tensor,
    augmentation: Augmentation,
    generator: torch.Generator,
    batch_size: int | None = None,
    share: slice = slice(None),
) -> Tensor:
    """Return the (N, 3, H, W) inputs, each with its own augmentations; pixels from outside repeat the border.

    The inputs are the `share` of a batch of `batch_size`, by default all of it. The numbers are drawn on the CPU and for the
    whole batch, so that every device and every number of processes sees the same augmentations.
    """
    batch_size = len(inputs) if batch_size is None else batch_size
    if augmentation.one_of:
        changes = _draw_changes(batch_size, augmentation, generator)
        return _one_of(inputs, _Changes(*(values[share] for values in changes)), augmentation.colour)
    return _warp(inputs, random_affine(batch_size, augmentation, generator)[share])


def _warp(inputs: Tensor, matrices: Tensor) -> Tensor:
    grid = functional.affine_grid(to_device(matrices, inputs.device), list(inputs.shape), align_corners=False)
    return functional.grid_sample(inputs, grid, mode="bilinear", padding_mode="border", align_corners=False)


def random_affine(count: int, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Return (count, 2, 3) maps from output to input positions, in coordinates that run from -1 to 1."""
    uniform = torch.rand(count, 5, generator=generator)
    signed = uniform * 2 - 1
    mirror = torch.where(uniform[:, 0] < augmentation.flip, -1.0, 1.0)
    scale = 1 + augmentation.scale * signed[:, 1]
    angle = math.radians(augmentation.rotation) * signed[:, 2]
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    shift_x, shift_y = 2 * augmentation.translation * signed[:, 3], 2 * augmentation.translation * signed[:, 4]
    rows = [torch.stack([mirror * cosine, -sine, shift_x], 1), torch.stack([mirror * sine, cosine, shift_y], 1)]
    return torch.stack(rows, 1)


class _Changes(NamedTuple):
    """What `one_of` does to each of N faces."""

    way: Tensor  # (N,) number of MIRROR, GREY, ROTATE, JITTER or NONE
    matrices: Tensor  # (N, 2, 3) maps of those that are rotated
    strengths: Tensor  # (N, 4) from -1 to 1, of each adjustment of those whose colours are jittered
    orders: Tensor  # (N, 4) numbers of the adjustments


def _draw_changes(count: int, augmentation: Augmentation, generator: torch.Generator) -> _Changes:
    way = torch.randint(4, (count,), generator=generator)
    chance = torch.tensor([augmentation.flip, augmentation.grey, 1, 1])[way]
    way[torch.rand(count, generator=generator) >= chance] = NONE
    changes = _Changes(way, torch.zeros(count, 2, 3), torch.zeros(count, 4), torch.zeros(count, 4, dtype=torch.long))
    rotation = dataclasses.replace(augmentation, flip=0, scale=0, translation=0)
    rotated = way == ROTATE
    changes.matrices[rotated] = random_affine(int(rotated.sum()), rotation, generator)
    for face in (way == JITTER).nonzero()[:, 0]:
        changes.strengths[face] = torch.rand(4, generator=generator) * 2 - 1
        changes.orders[face] = torch.randperm(4, generator=generator)
    return changes


def _one_of(inputs: Tensor, changes: _Changes, colour: tuple[float, ...]) -> Tensor:
    """Change each input in one of four ways, with equal chances, or not at all, as the released code does.

    A face whose way is the mirror image or grey has another chance to stay as it is, as in torchvision's RandomHorizontalFlip
    and RandomGrayscale.
    """
    outputs = inputs.clone()
    for way in (MIRROR, GREY, ROTATE, JITTER):
        chosen = (changes.way == way).nonzero()[:, 0]
        if len(chosen):
            own = to_device(chosen, inputs.device)
            outputs[own] = _change(inputs[own], way, _Changes(*(values[chosen] for values in changes)), colour)
    return outputs


def _change(inputs: Tensor, way: int, changes: _Changes, colour: tuple[float, ...]) -> Tensor:
    if way == MIRROR:
        return inputs.flip(3)
    if way == GREY:
        return _standardise(colours.rgb_to_grayscale(_pixels(inputs), num_output_channels=3))
    if way == ROTATE:
        return _warp(inputs, changes.matrices)
    return _jitter(inputs, changes, colour)


def _jitter(inputs: Tensor, changes: _Changes, colour: tuple[float, ...]) -> Tensor:
    """Change brightness, contrast, saturation and hue by random amounts in random order, as torchvision's ColorJitter does."""
    adjustments = (colours.adjust_brightness, colours.adjust_contrast, colours.adjust_saturation, colours.adjust_hue)
    none = (1, 1, 1, 0)
    faces = []
    for face, strengths, order in zip(_pixels(inputs), changes.strengths.tolist(), changes.orders.tolist(), strict=True):
        for number in order:
            face = adjustments[number](face, none[number] + colour[number] * strengths[number])
        faces.append(face)
    return _standardise(torch.stack(faces))


def _standardise(pixels: Tensor) -> Tensor:
    mean, std = _statistics(pixels.device)
    return (pixels - mean) / std


def _pixels(inputs: Tensor) -> Tensor:
    """Return inputs as colours from 0 to 1 again."""
    mean, std = _statistics(inputs.device)
    return (inputs * std + mean).clamp(0, 1)


def _statistics(device: torch.device) -> Tensor:
    return to_device(torch.tensor((MEAN, STD)).view(2, 3, 1, 1), device)
