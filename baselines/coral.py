"""CORAL: Cao, Mirjalili, Raschka, "Rank Consistent Ordinal Regression for Neural Networks with Application to Age Estimation",
Pattern Recognition Letters 140, 2020; code Raschka-research-group/coral-pytorch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pml.methods.age_thresholds import AgeThresholds, exceeds
from pml.methods.method import Method, TrainingSet


class CORAL(AgeThresholds):
    """OR-CNN whose classifiers share their weights and differ in their biases alone, so at the optimum the biases descend."""

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the head.

        Args:
            bias_init: how the K - 1 biases begin. "descending" is (K-1, ..., 1) / (K-1), as in coral-pytorch. "log_odds" is
                ours: the log-odds of the share of training images above each age, which is the best fit without features.
                AdamW moves a bias by about the learning rate a step, so in a short training the biases hardly leave their
                first values, and "descending" keeps all thresholds within one unit of log-odds.
        """

        bias_init: Literal["descending", "log_odds"] = "descending"

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        tasks = len(self.ages) - 1
        self.score = nn.Linear(feature_dim, 1, bias=False)
        self.biases = nn.Parameter(torch.arange(tasks, 0, -1) / tasks)

    def begin_training(self, training_set: TrainingSet) -> None:
        if self.options.bias_init == "log_odds":
            above = exceeds(self.classes(training_set.ages), self.biases[None]).sum(dim=0)
            below = len(training_set.ages) - above
            with torch.no_grad():
                # Half an image more on either side, so that none is infinite.
                self.biases.copy_(((above + 0.5) / (below + 0.5)).log())

    def logits(self, features: Tensor) -> Tensor:
        return self.score(features) + self.biases

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        logits = self.logits(features)
        target = exceeds(self.classes(ages), logits)
        loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(dim=1).mean()
        return loss, {"binary_cross_entropy": loss.detach()}
