"""LDAM: Cao et al., "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss", NeurIPS 2019.

Code: kaidic/LDAM-DRW.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.age_weights import count_classes, effective_number_weights
from pml.methods.method import TrainingSet
from pml.options import require_above


class LDAM(AgeClassifier):
    """Cross-entropy of scaled cosines, that of the image's own age less a margin of C / n^(1/4) (their Sec. 3.2).

    In the last epochs the classes are re-weighted by their inverse effective number (deferred re-weighting, their Algorithm 1).
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings; all defaults are the released code's.

        Args:
            largest_margin: that of the age with the fewest images, which sets C.
            scale: of the cosines, in training and in prediction.
            beta: of the effective number, in the last epochs.
            deferred_until: fraction of the epochs after which re-weighting begins, theirs being 160 of 200; 1 for never.
        """

        largest_margin: float = 0.5
        scale: float = 30.0
        beta: float = 0.9999
        deferred_until: float = 0.8

        def __post_init__(self):
            for name, least, most in (("largest_margin", 0, 2), ("beta", 0, 1 - 1e-9), ("deferred_until", 0, 1)):
                if not least <= getattr(self, name) <= most:
                    raise ValueError(f"{name} is {getattr(self, name)}; it needs a number from {least} to {most:.10g}")
            require_above(0, scale=self.scale)

    options: Options
    margins: Tensor
    later_weights: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options, bias=False)
        with torch.no_grad():
            self.classifier.weight.copy_(F.normalize(self.classifier.weight))
        self.register_buffer("margins", torch.zeros_like(self.ages))
        self.register_buffer("later_weights", torch.ones_like(self.ages))
        self.epochs, self.reweights = 1, False

    def begin_training(self, training_set: TrainingSet) -> None:
        counts = count_classes(self.classes(training_set.ages), len(self.ages))
        fewest = counts[counts > 0].min()
        # An age without images has the margin of one with the fewest: a label between two years may round to it.
        self.margins.copy_(self.options.largest_margin * (fewest / counts.clamp(min=fewest)) ** 0.25)
        self.later_weights.copy_(effective_number_weights(counts, self.options.beta))
        self.epochs = training_set.epochs

    def begin_epoch(self, epoch: int) -> None:
        self.reweights = epoch >= self.options.deferred_until * self.epochs

    def logits(self, features: Tensor) -> Tensor:
        """Return (N, K) scaled cosines between features and the classes' weights."""
        return self.options.scale * F.linear(F.normalize(features), F.normalize(self.classifier.weight))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        classes = self.classes(ages)
        own = F.one_hot(classes, len(self.ages))
        logits = self.logits(features) - self.options.scale * self.margins * own
        loss = F.cross_entropy(logits, classes, weight=self.later_weights if self.reweights else None)
        return loss, {"ldam": loss.detach()}
