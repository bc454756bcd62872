"""UCL: Li, Wang, Yao, Li, Yang, Yan, Wang, Pu, "Unimodal-Concentrated Loss: Fully Adaptive Label Distribution Learning for
Ordinal Regression", CVPR 2022.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_above, require_at_least


class UnimodalConcentrated(AgeClassifier):
    """A Gaussian likelihood of the label under mean and variance of the softmax, plus a penalty where that is not unimodal.

    The penalty sums how far probabilities fall on the way up to the label and rise on the way down from it. No target
    distribution is given, so each image gets a width of its own.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the loss. The authors' code is not public.

        Args:
            unimodal_weight: weight of the penalty; 1000 as in the benchmark of Paplham and Franc (CVPR 2024), whose training is
                long. In a short one the penalty leaves little to the likelihood, and a weight of 10 predicts better.
            variance_floor: added to the variance, in years². That benchmark adds 1e-10, so an image that is predicted wrong and
                for sure outweighs all others by many orders. 1/12 is ours, the variance of rounding a label to a year.
        """

        unimodal_weight: float = 1000.0
        variance_floor: float = 1 / 12

        def __post_init__(self):
            require_at_least(0, unimodal_weight=self.unimodal_weight)
            require_above(0, variance_floor=self.variance_floor)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        probabilities = self.distribution(features)
        expected = self.expected_age(probabilities)
        variance = (probabilities * (self.ages - expected[:, None]) ** 2).sum(dim=1) + self.options.variance_floor
        concentrated = (variance.log() / 2 + (expected - ages) ** 2 / (2 * variance)).mean()

        steps = probabilities.diff(dim=1)
        rises = self.ages[:-1] < self.ages[self.classes(ages)][:, None]
        unimodal = F.relu(steps.where(~rises, -steps)).sum(dim=1).mean()
        loss = concentrated + self.options.unimodal_weight * unimodal
        return loss, {"concentrated": concentrated.detach(), "unimodal": unimodal.detach()}
