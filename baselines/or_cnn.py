"""OR-CNN: Niu, Zhou, Wang, Gao, Hua, "Ordinal Regression with Multiple Output CNN for Age Estimation", CVPR 2016."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pml.methods.age_thresholds import AgeThresholds, exceeds
from pml.methods.method import Method, TrainingSet


class ORCNN(AgeThresholds):
    """One binary classifier for each age but the last asks whether a face is older; their cross-entropies are summed.

    The paper gives each classifier a softmax over two outputs. One output, the difference of the two, has the same softmax.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the loss.

        Args:
            task_weights: the weight of each classifier. "uniform" weighs all alike, as the code of CORAL does
                (Raschka-research-group/coral-cnn). "sqrt_count" is the square root of the number of training images of the
                classifier's age, for which the paper reports slightly lower errors. It is scaled to a mean of 1 here, where
                the paper's sum is 1, and an age without images counts as one image here, or its classifier would learn
                nothing and still be counted.
        """

        task_weights: Literal["uniform", "sqrt_count"] = "uniform"

    options: Options
    weights: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.classifiers = nn.Linear(feature_dim, len(self.ages) - 1)
        self.register_buffer("weights", torch.ones(len(self.ages) - 1))

    def begin_training(self, training_set: TrainingSet) -> None:
        if self.options.task_weights == "sqrt_count":
            counts = self.classes(training_set.ages).bincount(minlength=len(self.ages))[:-1]
            weights = counts.clamp(min=1).to(self.weights).sqrt()
            self.weights.copy_(weights / weights.mean())

    def logits(self, features: Tensor) -> Tensor:
        return self.classifiers(features)

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        logits = self.logits(features)
        target = exceeds(self.classes(ages), logits)
        entropies = F.binary_cross_entropy_with_logits(logits, target, self.weights, reduction="none")
        loss = entropies.sum(dim=1).mean()
        return loss, {"binary_cross_entropy": loss.detach()}
