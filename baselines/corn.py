"""CORN: Shi, Cao, Raschka, "Deep Neural Networks for Rank-Consistent Ordinal Regression Based on Conditional Probabilities",
Pattern Analysis and Applications 26, 2023; code Raschka-research-group/coral-pytorch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pml.methods.age_classifier import AgeClassifier, Decoder, decode
from pml.methods.age_thresholds import exceeds
from pml.methods.method import Method


class CORN(Method):
    """Classifier k tells faces above age k from those of age k, among the training faces of age k or more.

    So it gives P(age > k | age >= k), and by the chain rule the products of these descend and are a distribution.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the decoder.

        Args:
            decoder: the paper predicts the number of products above 1/2, which is the median; its code does the same.
        """

        decoder: Decoder = "median"

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.classifiers = nn.Linear(feature_dim, len(self.ages) - 1)

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        logits, classes = self.classifiers(features), self.classes(ages)
        above = exceeds(classes, logits)
        asked = exceeds(classes + 1, logits)
        # Over pairs of image and classifier; an image of the last age is asked by all K - 1, one of the first by one.
        entropies = F.binary_cross_entropy_with_logits(logits, above, reduction="none")
        loss = (entropies * asked).sum() / asked.sum()
        return loss, {"conditional_cross_entropy": loss.detach()}

    def distribution(self, features: Tensor) -> Tensor:
        logits = self.classifiers(features)
        reached = F.pad(F.logsigmoid(logits).cumsum(dim=1).exp(), (1, 0), value=1.0)  # P(age >= k) for k = 0..K-1
        stays = F.pad(torch.sigmoid(-logits), (0, 1), value=1.0)  # P(age = k | age >= k)
        return reached * stays

    def decode(self, distribution: Tensor) -> Tensor:
        return decode(distribution, self.ages, self.options.decoder)
