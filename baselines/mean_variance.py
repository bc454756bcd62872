"""Mean-Variance: Pan et al., "Mean-Variance Loss for Deep Age Estimation from a Face", CVPR 2018."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_at_least


class MeanVariance(AgeClassifier):
    """Cross-entropy of the nearest whole age, plus half the squared error of the softmax's mean, plus its variance."""

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of loss and decoder.

        Args:
            mean_weight: the paper's lambda_1.
            variance_weight: the paper's lambda_2.
            round_prediction: predict the nearest whole year to the expected age, as code by the paper's first author does
                (sunhm15/DCDL), instead of the expected age itself.
        """

        mean_weight: float = 0.2
        variance_weight: float = 0.05
        round_prediction: bool = False

        def __post_init__(self):
            require_at_least(0, mean_weight=self.mean_weight, variance_weight=self.variance_weight)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_probabilities = self.log_probabilities(features)
        probabilities = log_probabilities.exp()
        expected = self.expected_age(probabilities)

        cross_entropy = F.nll_loss(log_probabilities, self.classes(ages))
        mean = ((expected - ages) ** 2 / 2).mean()
        variance = (probabilities * (self.ages - expected[:, None]) ** 2).sum(dim=1).mean()
        loss = cross_entropy + self.options.mean_weight * mean + self.options.variance_weight * variance
        return loss, {"cross_entropy": cross_entropy.detach(), "mean": mean.detach(), "variance": variance.detach()}

    def decode(self, distribution: Tensor) -> Tensor:
        expected = super().decode(distribution)
        return expected.round() if self.options.round_prediction else expected
