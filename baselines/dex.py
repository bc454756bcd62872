"""DEX: Rothe, Timofte and Van Gool, "DEX: Deep EXpectation of apparent age from a single image", ICCVW 2015."""

import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier


class DEX(AgeClassifier):
    """Cross-entropy of the nearest whole age; predicts the expected age. It has no settings.

    The published figures come from VGG-16, the starred ones pre-trained on IMDB-WIKI, and on ChaLearn from an ensemble of 20.
    """

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        cross_entropy = F.cross_entropy(self.classifier(features), self.classes(ages))
        return cross_entropy, {"cross_entropy": cross_entropy.detach()}
