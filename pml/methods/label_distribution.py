"""Ages as distributions (Sec. 3.1): the Gaussian target, and its divergence from a prediction."""

import math

import torch
from torch import Tensor

LEAST_SIGMA = 1e-10  # years; stands for a standard deviation of 0, as in the released code of DLDL-v2


def gaussian_label_distribution(
    labels: Tensor, ages: Tensor, sigma: float | Tensor, normalise: bool = True, floor: float = 0.0
) -> Tensor:
    """Return (N, K): the Gaussian density around each label at each of the K ages (Eq. 1).

    As written, a row does not sum to 1: near the first and the last age part of the Gaussian lies outside
    (at sigma 2 a label of age 0 keeps 0.60), and below sigma 0.4 its peak exceeds 1.

    Args:
        labels: (N,) in years, real-valued.
        ages: (K,) in years.
        sigma: standard deviation in years above 0, one for all labels or (N,).
        normalise: scale each row to sum 1.
        floor: raise every smaller entry to this, after `normalise`.
    """
    sigma = torch.as_tensor(sigma, dtype=ages.dtype, device=ages.device).reshape(-1, 1)
    exponent = -((ages - labels[:, None]) ** 2) / (2 * sigma**2)
    density = exponent.exp() / (sigma * math.sqrt(2 * math.pi))
    # Scaled to sum 1 the density is the softmax of its exponents, which stands even where all of them underflow.
    return (exponent.softmax(dim=1) if normalise else density).clamp(min=floor)


def kl_divergence(target: Tensor, log_probabilities: Tensor) -> Tensor:
    """Return (N,): sum over ages of target * log(target / probability) (Eq. 2), for two (N, K); a target of 0 counts 0.

    Where both sum to 1 it is never negative, and 0 only if they are the same. Its gradient is that of the soft
    cross-entropy in the equation's second line: the two differ by the target's entropy.
    """
    log_ratio = target.log() - log_probabilities
    return (target * log_ratio.masked_fill(target == 0, 0)).sum(dim=1)


def sigma_per_image(age_stds: Tensor, otherwise: float) -> Tensor:
    """Return (N,) `age_stds`, with `otherwise` in the place of NaN; both in years."""
    return age_stds.nan_to_num(nan=otherwise).clamp(min=LEAST_SIGMA)
