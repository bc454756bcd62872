"""C3AE: Zhang, Liu, Xu, Zhu, "C3AE: Exploring the Limits of Compact Model for Age Estimation", CVPR 2019.

Ports that were read: StevenBanama/C3AE (Keras), vicwer/C3AE_Age_Estimation (TensorFlow).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pml.methods.age_regressor import AgeRegressor
from pml.methods.label_distribution import kl_divergence
from pml.methods.method import Method, Network
from pml.options import require_at_least


class C3AE(AgeRegressor):
    """An age is a share of the two bins around it; a softmax over the bins learns them, a linear layer on it the age.

    The loss is the absolute error of the age plus the weighted divergence of the bins.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the loss and the network.

        Args:
            bins_weight: of the divergence beside the error in years; 10 as in the Keras port.
            bin_years: between two bins; the paper's 10.
            own_network: train the paper's plain network on 64 x 64 pixels in place of the experiment's.
        """

        bins_weight: float = 10.0
        bin_years: int = 10
        own_network: bool = False

        def __post_init__(self):
            require_at_least(0, bins_weight=self.bins_weight)
            require_at_least(1, bin_years=self.bin_years)

    options: Options
    bins: Tensor

    @classmethod
    def backbone(cls, shared: Callable[[], Network], options: Method.Options) -> Network:
        own = isinstance(options, cls.Options) and options.own_network
        return (PlainNetwork(), PlainNetwork.FEATURES) if own else shared()

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        bins = torch.arange(ages[-1] // options.bin_years + 2) * options.bin_years
        self.register_buffer("bins", bins.to(self.ages))
        self.classifier = nn.Linear(feature_dim, len(bins))
        # The bins' own ages are its start, so that few steps at a small rate are enough. It learns what to add to them.
        self.regressor = nn.Linear(len(bins), 1)
        nn.init.zeros_(self.regressor.weight)
        nn.init.zeros_(self.regressor.bias)

    def two_points(self, ages: Tensor) -> Tensor:
        """Return (N, bins): the two shares of each age, which weight the bins to the age itself."""
        return (1 - (self.bins - ages[:, None].clamp(self.bins[0], self.bins[-1])).abs() / self.options.bin_years).clamp(min=0)

    def age_of_bins(self, shares: Tensor) -> Tensor:
        """Return (N,) ages in years of (N, bins) shares."""
        return shares @ self.bins + self.spread * self.regressor(shares).squeeze(1)

    def regress(self, features: Tensor) -> Tensor:
        return self.age_of_bins(self.classifier(features).softmax(1))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_shares = self.classifier(features).log_softmax(1)
        l1 = (self.age_of_bins(log_shares.exp()) - ages).abs().mean()
        kl = kl_divergence(self.two_points(ages), log_shares).mean()
        return l1 + self.options.bins_weight * kl, {"l1": l1.detach(), "kl": kl.detach()}


class PlainNetwork(nn.Module):
    """Five convolutions of 32 channels and a squeeze and excitation, from faces of any size to 4 x 4 x 32 features."""

    CHANNELS, FEATURES, SIZE = 32, 512, 64

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(self.SIZE)]
        for inputs in (3, *[self.CHANNELS] * 3):
            layers += [nn.Conv2d(inputs, self.CHANNELS, 3), nn.BatchNorm2d(self.CHANNELS), nn.ReLU(), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(*layers[:-1], nn.Conv2d(self.CHANNELS, self.CHANNELS, 1))
        half = self.CHANNELS // 2
        self.excitation = nn.Sequential(nn.Linear(self.CHANNELS, half), nn.ReLU(), nn.Linear(half, self.CHANNELS), nn.Sigmoid())

    def forward(self, faces: Tensor) -> Tensor:
        """Return (N, 512) features of (N, 3, H, W) faces."""
        maps = self.layers(faces)
        return (maps * self.excitation(maps.mean((2, 3)))[..., None, None]).flatten(1)
