"""Focal loss: Lin, Goyal, Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_at_least


class Focal(AgeClassifier):
    """Cross-entropy of the nearest whole age, weighed by (1 - p)^gamma, p the probability of that age (their Eq. 4).

    Images that are predicted well count little, so many easy images do not drown the few hard ones.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the loss.

        Args:
            gamma: focusing parameter; 2 is the paper's, 0 is the cross-entropy.
        """

        gamma: float = 2.0

        def __post_init__(self):
            require_at_least(0, gamma=self.gamma)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_probability = self.log_probabilities(features).gather(1, self.classes(ages)[:, None])[:, 0]
        # Below gamma 1 the power has no finite gradient at 0.
        missing = (-log_probability.expm1()).clamp(min=torch.finfo(features.dtype).tiny)
        focal = (-(missing**self.options.gamma) * log_probability).mean()
        return focal, {"focal": focal.detach()}
