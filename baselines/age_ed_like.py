"""After AgeED: Tan, Wan, Lei, Zhi, Guo, Li, "Efficient Group-n Encoding and Decoding for Facial Age Estimation", TPAMI 2018.

Its full text and code were not at hand: the groups' shape, the weights, n and the decoding are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pml.methods.method import Method, TrainingSet
from pml.options import require_at_least


class AgeEDLike(Method):
    """Binary classifiers of groups of n adjacent ages, so that each age lies in n groups; decoded near the best age.

    Group j holds the ages j - n + 1 to j, counted from the first age. In each classifier the images inside of its group weigh
    as much together as those outside.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the groups.

        Args:
            n: adjacent ages in a group, and half the width of the decoder's window; 10 is ours.
        """

        n: int = 10

        def __post_init__(self):
            require_at_least(1, n=self.n)

    options: Options
    inside: Tensor
    outside: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        groups = len(self.ages) + options.n - 1
        self.classifier = nn.Linear(feature_dim, groups)
        self.register_buffer("inside", torch.ones(groups))
        self.register_buffer("outside", torch.ones(groups))

    def groups(self, ages: Tensor) -> Tensor:
        """Return (N, groups): 1 where the age lies in the group, else 0."""
        first = self.classes(ages)[:, None]
        group = torch.arange(len(self.inside), device=first.device)
        return ((first <= group) & (group < first + self.options.n)).to(self.ages)

    def begin_training(self, training_set: TrainingSet) -> None:
        images = len(training_set.ages)
        counts = torch.bincount(self.classes(training_set.ages.to(self.ages)), minlength=len(self.ages)).to(self.ages)
        held = F.pad(counts, (self.options.n - 1,) * 2).unfold(0, self.options.n, 1).sum(1)
        self.inside.copy_(images / (2 * held.clamp(min=1)))
        self.outside.copy_(images / (2 * (images - held).clamp(min=1)))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        inside = self.groups(ages)
        weight = torch.where(inside > 0, self.inside, self.outside)
        loss = F.binary_cross_entropy_with_logits(self.classifier(features), inside, weight)
        return loss, {"group_cross_entropy": loss.detach()}

    def distribution(self, features: Tensor) -> None:
        return None

    def predict(self, features: Tensor) -> Tensor:
        """Return (N,) the mean age around the one whose groups are likeliest, each age weighted by the sum of its groups.

        Near the first and the last age the window is narrower on both sides: cut on one side it would pull to the middle.
        """
        # A weight of 0 for all would leave no mean.
        scores = (
            self.classifier(features).sigmoid().unfold(1, self.options.n, 1).sum(2).clamp(min=torch.finfo(torch.float32).tiny)
        )
        best = scores.argmax(1, keepdim=True)
        place = torch.arange(len(self.ages), device=best.device)
        reach = torch.minimum(best, len(self.ages) - 1 - best).clamp(max=self.options.n)
        scores = scores * ((place - best).abs() <= reach)
        return scores @ self.ages / scores.sum(1)
