"""Class-balanced loss: Cui, Jia, Lin, Song, Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019.

Code: richardaecn/class-balanced-loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.age_weights import count_classes, effective_number_weights
from pml.methods.method import TrainingSet


class ClassBalanced(AgeClassifier):
    """Cross-entropy of the nearest whole age, weighted by the inverse effective number (1 - beta) / (1 - beta^n) of its images.

    The weights have mean 1 over the classes that have images, as in the paper (its Sec. 4).
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings.

        Args:
            beta: 0 is plain cross-entropy, near 1 the inverse number of images; the paper tries .9, .99, .999 and .9999.
        """

        beta: float = 0.999

        def __post_init__(self):
            if not 0 <= self.beta < 1:
                raise ValueError(f"beta is {self.beta}; it needs a number from 0 on, below 1")

    options: Options
    weights: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.register_buffer("weights", torch.ones_like(self.ages))

    def begin_training(self, training_set: TrainingSet) -> None:
        counts = count_classes(self.classes(training_set.ages), len(self.ages))
        self.weights.copy_(effective_number_weights(counts, self.options.beta))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        classes = self.classes(ages)
        cross_entropies = F.cross_entropy(self.classifier(features), classes, reduction="none")
        loss = (self.weights[classes] * cross_entropies).mean()
        return loss, {"balanced_cross_entropy": loss.detach(), "cross_entropy": cross_entropies.mean().detach()}
