"""EMD²: Hou, Yu, Samaras, "Squared Earth Mover's Distance-based Loss for Training Deep Neural Networks", 2016,
arXiv 1611.05916.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_at_least


class EMD2(AgeClassifier):
    """The squared difference of the cumulative distributions of the softmax and of the nearest whole age, summed over ages.

    It is the ranked probability score: a probability costs more the further it lies from the label.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the loss.

        Args:
            cross_entropy: weight of the label's cross-entropy beside it. 0 is the squared distance alone, as in the abstract of
                the paper and in dlordinal.
        """

        cross_entropy: float = 0.0

        def __post_init__(self):
            require_at_least(0, cross_entropy=self.cross_entropy)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_probabilities, classes = self.log_probabilities(features), self.classes(ages)
        target = F.one_hot(classes, len(self.ages))
        emd2 = ((log_probabilities.exp().cumsum(dim=1) - target.cumsum(dim=1)) ** 2).sum(dim=1).mean()
        cross_entropy = F.nll_loss(log_probabilities, classes)
        loss = emd2 + self.options.cross_entropy * cross_entropy
        return loss, {"emd2": emd2.detach(), "cross_entropy": cross_entropy.detach()}
