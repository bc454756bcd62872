"""After AVDL: Wen et al., "Adaptive Variance Based Label Distribution Learning for Facial Age Estimation", ECCV 2020.

Its full text and code were not at hand: the steps, the balanced images and the bounds are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.options import require_above, require_at_least


class AVDLLike(AgeClassifier):
    """Divergence from a Gaussian target whose width, for each image, is what would help a set that is balanced over the ages.

    Before each step, a virtual one on the last linear layer tells how the error of the balanced set depends on each width.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the widths, all ours.

        Args:
            sigma: standard deviation of the target in years, before its step.
            sigma_step: years that the width of the batch's most influential image moves by; the others move in proportion.
            least_sigma, most_sigma: bounds of the width in years.
            virtual_rate: learning rate of the virtual step.
        """

        sigma: float = 2.0
        sigma_step: float = 1.0
        least_sigma: float = 0.5
        most_sigma: float = 6.0
        virtual_rate: float = 0.1

        def __post_init__(self):
            require_at_least(0, sigma_step=self.sigma_step, virtual_rate=self.virtual_rate)
            require_above(0, least_sigma=self.least_sigma)
            if not self.least_sigma <= self.sigma <= self.most_sigma:
                raise ValueError(f"sigma is {self.sigma}; it needs years from least_sigma to most_sigma")

    options: Options
    balanced: Tensor
    seen: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.register_buffer("balanced", torch.zeros(len(self.ages), feature_dim))
        self.register_buffer("seen", torch.zeros(len(self.ages), dtype=torch.bool))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        sigma = torch.full_like(ages, self.options.sigma)
        if self.training:
            sigma = self.adapt(sigma, features.detach(), ages)
            self.remember(features.detach(), ages)
        target = gaussian_label_distribution(ages, self.ages, sigma)
        kl = kl_divergence(target, self.log_probabilities(features)).mean()
        return kl, {"kl": kl.detach(), "mean_sigma": sigma.mean()}

    def adapt(self, sigma: Tensor, features: Tensor, ages: Tensor) -> Tensor:
        """Return (N,) widths, a step down the absolute error of the balanced images after a virtual step with `sigma`."""
        if not self.seen.any():
            return sigma
        weight, bias = self.classifier.weight.detach(), self.classifier.bias.detach()
        with torch.enable_grad():
            sigma = sigma.requires_grad_()
            # The gradient of the mean divergence by the logits, in closed form.
            slope = (self.distribution(features).detach() - gaussian_label_distribution(ages, self.ages, sigma)) / len(ages)
            weight = weight - self.options.virtual_rate * slope.T @ features
            bias = bias - self.options.virtual_rate * slope.sum(0)
            expected = self.expected_age((self.balanced[self.seen] @ weight.T + bias).softmax(1))
            (gradient,) = torch.autograd.grad((expected - self.ages[self.seen]).abs().mean(), sigma)
        step = self.options.sigma_step * gradient / gradient.abs().max().clamp(min=torch.finfo(gradient.dtype).tiny)
        return (sigma.detach() - step).clamp(self.options.least_sigma, self.options.most_sigma)

    def remember(self, features: Tensor, ages: Tensor) -> None:
        """Let the batch's last image of each age stand for that age among the balanced images."""
        places = torch.arange(len(ages), device=ages.device)
        last = torch.full_like(self.seen, -1, dtype=torch.int64).scatter_reduce(0, self.classes(ages), places, "amax")
        found = last >= 0
        self.balanced.copy_(torch.where(found[:, None], features[last.clamp(min=0)], self.balanced))
        self.seen.logical_or_(found)
