"""The networks of the two margins, the Gaussian of the ordinal margin, and the scaling of the fused one (Eqs. 9-11)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = 64  # units
NARROWEST = 0.5  # classes, of a positive standard deviation
NONZERO = 1e-6  # nearest to 0 that a divisor comes


def branch_network(inputs: int, outputs: int) -> nn.Sequential:
    """Return the small network of one branch, (K, inputs) to (K, outputs) row by row; the paper gives no layers."""
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))


class SharedNetwork(nn.Sequential):
    """The released code's one network for both branches: a class is a channel, its statistics are the signal.

    Its batch is the one table of statistics, so batch normalisation is over the signal, in evaluation too.
    """

    def __init__(self, classes: int):
        # Channels in and out, width, stride and padding.
        layers = [nn.Conv1d(classes, 64, 7, 2, 3, bias=False), *_normalised(64), nn.MaxPool1d(3, 2, 1)]
        layers += [nn.Conv1d(64, 64, 3, 1, 1), *_normalised(64)]
        for width in (128, 256, 512):
            layers += [nn.Conv1d(width // 2, width, 3, 2, 1), nn.Conv1d(width, width, 3, 1, 1), *_normalised(width)]
        super().__init__(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(512, classes))
        for layer in self:
            if isinstance(layer, nn.Conv1d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, statistics: Tensor) -> Tensor:
        """Return (K, 1) from (K, L), for any L from 33 on: it is halved five times and must then be more than 1."""
        return super().forward(statistics[None]).T


def _normalised(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm1d(width, track_running_stats=False), nn.ReLU()


class OrdinalMargin(nn.Module):
    """f^O (Eq. 9): a Gaussian over the K classes for each class, sampled at every class.

    Args:
        network: from (K, L) statistics to (K, 2), raw mean and standard deviation, or to (K, 1), the latter alone. The mean is
            then the same output again, scaled from its least and greatest value to 0..K, as in the released code.
        deviation: "positive", at least half a class, since a narrower Gaussian falls between the positions it is sampled at, or
            "unconstrained", the raw output; where that is negative, so is the margin.
    """

    positions: Tensor

    def __init__(self, network: nn.Module, classes: int, deviation: str = "positive"):
        super().__init__()
        self.network = network
        self.deviation = deviation
        self.register_buffer("positions", torch.arange(classes, dtype=torch.float32), persistent=False)

    def forward(self, statistics: Tensor) -> Tensor:
        """Return M_o*, (K, K): row j is the margin that a sample of class j meets at each class."""
        output = self.network(statistics)
        deviation = output[:, -1]
        if output.shape[1] == 2:
            mean = torch.sigmoid(output[:, 0]) * self.positions[-1]
        else:
            least, greatest = deviation.aminmax()
            mean = (deviation - least) / (greatest - least).clamp(min=NONZERO) * len(deviation)
        if self.deviation == "positive":
            deviation = functional.softplus(deviation) + NARROWEST
        else:
            deviation = torch.where(deviation.abs() < NONZERO, NONZERO, deviation)
        standardised = (self.positions - mean[:, None]) / deviation[:, None]
        return torch.exp(-(standardised**2) / 2) / (deviation[:, None] * math.sqrt(2 * math.pi))


def standardise_rows(margins: Tensor, kind: str = "population") -> Tensor:
    """Scale each row of (K, K) margins to mean 0 and standard deviation 1, of the "population" or "sample"; or "none".

    With nothing to bound them, the loss would be smallest for margins of minus infinity (docs/fidelity.md).
    """
    if kind == "none":
        return margins
    centred = margins - margins.mean(1, keepdim=True)
    variance = centred.square().sum(1, keepdim=True) / (margins.shape[1] - (kind == "sample"))
    # The variance is clamped, not its root: the root of 0 has no gradient, and a row may be constant (lambda = beta = 0).
    return centred / variance.clamp(min=1e-12).sqrt()
