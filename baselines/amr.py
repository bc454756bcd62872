"""AMR: Zhao, Qian, Hou, Zeng, "Adaptive Mean-Residue Loss for Robust Facial Age Estimation", ICME 2022;
code jacobzhaoziyuan/AMR-Loss.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_at_least

EPSILON = 1e-3  # as in the released code, where the logarithm of 0 would be


class AMR(AgeClassifier):
    """Mean-Variance whose variance is replaced by the residue: the entropy terms of all ages less probable than the label.

    How many ages are more probable, and so are left alone, adapts to each image.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the loss.

        Args:
            mean_weight: the paper's lambda_1, as in the released code for FG-NET.
            residue_weight: the paper's lambda_2, likewise.
        """

        mean_weight: float = 0.2
        residue_weight: float = 0.05

        def __post_init__(self):
            require_at_least(0, mean_weight=self.mean_weight, residue_weight=self.residue_weight)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_probabilities, classes = self.log_probabilities(features), self.classes(ages)
        probabilities = log_probabilities.exp()

        cross_entropy = F.nll_loss(log_probabilities, classes)
        mean = ((self.expected_age(probabilities) - ages) ** 2 / 2).mean()
        of_label = probabilities.gather(1, classes[:, None])
        less = probabilities.masked_fill(probabilities >= of_label, 0) + EPSILON
        residue = -(less * less.log()).sum(dim=1).mean()
        loss = cross_entropy + self.options.mean_weight * mean + self.options.residue_weight * residue
        return loss, {"cross_entropy": cross_entropy.detach(), "mean": mean.detach(), "residue": residue.detach()}
