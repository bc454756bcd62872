"""Logit adjustment: Menon, Jayasumana, Rawat, Jain, Veit, Kumar, "Long-tail Learning via Logit Adjustment", ICLR 2021."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.options import require_above, require_at_least


class LogitAdjustment(AgeClassifier):
    """The KL baseline with tau times the log frequency of each class added to its logit in training alone (their Eq. 10).

    It is the margin that PML's variational one would be under a joint softmax if it followed the class count: m = -tau log pi.
    The frequencies pi are those of the label distributions, summed over the images seen so far, with one image more spread
    over all classes.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings.

        Args:
            tau: strength; 0 is the KL baseline, 1 aims at the mean error over classes instead of images.
            sigma: standard deviation of the label distribution in years.
        """

        tau: float = 1.0
        sigma: float = 2.0

        def __post_init__(self):
            require_at_least(0, tau=self.tau)
            require_above(0, sigma=self.sigma)

    options: Options
    seen: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options, bias=False)
        self.register_buffer("seen", torch.zeros(len(self.ages)))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        target = gaussian_label_distribution(ages, self.ages, self.options.sigma)
        if self.training:
            self.seen += target.sum(0)
        frequency = (self.seen + 1 / len(self.seen)) / (self.seen.sum() + 1)
        adjusted = self.classifier(features) + self.options.tau * frequency.log()
        kl = kl_divergence(target, adjusted.log_softmax(1)).mean()
        return kl, {"adjusted_kl": kl.detach()}
