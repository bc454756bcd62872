"""Weights of ages by how many training images they have, for methods against the long tail, and the weighted regression."""

from abc import abstractmethod
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import TrainingSet

Weighting = Literal["inverse", "sqrt_inverse"]
Padding = Literal["constant", "reflect"]
FEWEST, MOST = 5, 1000  # between which counts are clipped before they are inverted, as in YyzHarry/imbalanced-regression
GRID = 4096  # points that DenseWeight works the density out at
LEAST_DENSE_WEIGHT = 1e-6


def count_classes(classes: Tensor, number: int) -> Tensor:
    """Return (K,) the number of images of each class, in float64, from their (N,) classes."""
    return torch.bincount(classes, minlength=number).double()


def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """Return (size,) the Gaussian kernel of label and feature distribution smoothing, its middle 1.

    As in the released code it is a unit impulse of `size` entries, filtered: the tails beyond its ends are reflected into it.
    At size 5 and sigma 2 that makes it .858, .946, 1, .946, .858, flatter than the Gaussian's .607, .882, 1, .882, .607.

    Raises:
        ValueError: the size is no odd number, or sigma is not above 0.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"kernel_size is {size}; it needs an odd number")
    if not sigma > 0:
        raise ValueError(f"kernel_sigma is {sigma}; it needs years above 0")
    impulse = np.zeros(size)
    impulse[size // 2] = 1
    kernel = torch.from_numpy(gaussian_filter1d(impulse, sigma))
    return kernel / kernel.max()


def smooth(values: Tensor, kernel: Tensor, padding: Padding = "constant") -> Tensor:
    """Return (K, ...) values, convolved over the K ages with a symmetric kernel; beyond the ends are zeros or reflections."""
    half = len(kernel) // 2
    rows = F.pad(values.reshape(len(values), -1).T, (half, half), mode=padding)
    return (rows.unfold(1, len(kernel), 1) @ kernel.to(values)).T.reshape(values.shape)


def mean_one(weights: Tensor, counts: Tensor) -> Tensor:
    """Return (K,) weights of classes, scaled to mean 1 over the training images."""
    return weights * counts.sum() / (weights * counts).sum()


def inverse_weights(counts: Tensor, weighting: Weighting, kernel: Tensor | None = None) -> Tensor:
    """Return (K,) the inverse of the counts or of their square roots, of mean 1 over the training images.

    A class without images weighs what one with a single image does, for a label between two years may round to it.

    Args:
        counts: (K,) images of each class.
        weighting: "inverse" clips the counts to 5..1000 first; "sqrt_inverse" takes their square roots.
        kernel: smooths what is inverted (label distribution smoothing); None for none.
    """
    inverted = counts.clamp(FEWEST, MOST) if weighting == "inverse" else counts.sqrt()
    if kernel is not None:
        inverted = smooth(inverted, kernel)
    return mean_one(1 / inverted.clamp(min=1), counts)


def effective_number_weights(counts: Tensor, beta: float) -> Tensor:
    """Return (K,) the inverse effective numbers (1 - beta) / (1 - beta^n), of mean 1 over the classes that have images.

    A class without images weighs what one with a single image does.
    """
    weights = (1 - beta) / (1 - beta ** counts.double().clamp(min=1))
    return weights / weights[counts > 0].mean()


def dense_weights(ages: Tensor, counts: Tensor, alpha: float) -> Tensor:
    """Return (K,) DenseWeight: 1 - alpha times the ages' density, at least 1e-6, of mean 1 over the training images.

    The density is a Gaussian estimate with bandwidth 1.06 sd n^(-1/5), scaled to 0..1 over a grid; an age has the density of
    the grid point below it.

    Args:
        ages: (K,) in years.
        counts: (K,) images of each.
        alpha: 0 for equal weights; at 1 the ages at the density's peak weigh nearly nothing, above 1 so do their neighbours.
    """
    ages, number = ages.double(), counts.sum()
    mean = (counts * ages).sum() / number
    spread = ((counts * (ages - mean) ** 2).sum() / number).sqrt().clamp(min=1)
    bandwidth = float(1.06 * spread * number**-0.2)
    seen = ages[counts > 0]
    first, last = float(seen[0]) - 4 * bandwidth, float(seen[-1]) + 4 * bandwidth
    grid = torch.linspace(first, last, GRID, dtype=ages.dtype, device=ages.device)
    density = (-((grid[:, None] - ages) ** 2) / (2 * bandwidth**2)).exp() @ counts.double()
    density = (density - density.min()) / (density.max() - density.min())
    below = (torch.searchsorted(grid, ages, right=True) - 1).clamp(0, GRID - 1)
    return mean_one((1 - alpha * density[below]).clamp(min=LEAST_DENSE_WEIGHT), counts)


class WeightedRegressor(AgeRegressor):
    """Regression by the L1 loss times a weight of the nearest whole age; a subclass makes the weights.

    Attributes:
        weights: (K,) of the classes.
    """

    weights: Tensor

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("weights", torch.ones_like(self.ages))

    @abstractmethod
    def class_weights(self, counts: Tensor) -> Tensor:
        """Return (K,) weights from the (K,) numbers of training images in float64."""

    def begin_training(self, training_set: TrainingSet) -> None:
        super().begin_training(training_set)
        self.weights.copy_(self.class_weights(count_classes(self.classes(training_set.ages), len(self.ages))))

    def weighted_l1(self, features: Tensor, ages: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted mean of the absolute errors in years, and it and their plain mean by name."""
        errors = (self.regress(features) - ages).abs()
        loss = (self.weights[self.classes(ages)] * errors).mean()
        return loss, {"weighted_l1": loss.detach(), "l1": errors.mean().detach()}

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return self.weighted_l1(features, ages)
