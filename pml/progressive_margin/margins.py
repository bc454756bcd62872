"""The ordinal and the variational margin, and their fusion (Eqs. 9-11)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = 64
NARROWEST = 0.5


def margin_network(inputs: int, outputs: int) -> nn.Sequential:
    """Return the small network of one branch, applied to each class's row; the paper gives no layers."""
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))


class OrdinalMargin(nn.Module):
    """f^O (Eq. 9): a Gaussian over the K classes for each class, sampled at every class."""

    def __init__(self, classes: int, statistics_dim: int):
        super().__init__()
        self.network = margin_network(statistics_dim, 2)
        self.register_buffer("positions", torch.arange(classes, dtype=torch.float32), persistent=False)

    def forward(self, statistics: Tensor) -> Tensor:
        """Return M_o*, (K, K), from V, (K, D + 1 + K): row j is the margin that a sample of class j meets at each class.

        The mean lies within the classes. The standard deviation is at least half a class, since a narrower Gaussian would
        fall between the positions it is sampled at.
        """
        mean, deviation = self.network(statistics).unbind(1)
        mean = torch.sigmoid(mean) * self.positions[-1]
        deviation = functional.softplus(deviation) + NARROWEST
        standardised = (self.positions - mean[:, None]) / deviation[:, None]
        return torch.exp(-(standardised**2) / 2) / (deviation[:, None] * math.sqrt(2 * math.pi))


class VariationalMargin(nn.Module):
    """f^V (Eq. 10): one margin for each class, from the change of its statistics."""

    def __init__(self, statistics_dim: int):
        super().__init__()
        self.network = margin_network(statistics_dim, 1)

    def forward(self, residual: Tensor) -> Tensor:
        """Return M_v, (K,), from Delta V, (K, D + 1 + K)."""
        return self.network(residual).squeeze(1)


def fuse(ordinal: Tensor, variational: Tensor, weight_o: float, weight_v: float) -> Tensor:
    """Return M_p = lambda M_o* + beta M_v (Eq. 11), (K, K); M_v is the same in every row."""
    return weight_o * ordinal + weight_v * variational


def standardise_rows(margins: Tensor) -> Tensor:
    """Scale each row of (K, K) margins to mean 0 and standard deviation 1.

    With nothing to bound them, the loss would be smallest for margins of minus infinity.
    """
    centred = margins - margins.mean(1, keepdim=True)
    # The variance is clamped, not its root: the root of 0 has no gradient, and a row may be constant (lambda = beta = 0).
    return centred / centred.square().mean(1, keepdim=True).clamp(min=1e-12).sqrt()
