"""SORD: Diaz, Marathe, "Soft Labels for Ordinal Regression", CVPR 2019."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.label_distribution import kl_divergence
from pml.options import require_above

METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "absolute": lambda label, age: (label - age).abs(),
    "squared": lambda label, age: (label - age) ** 2,
    "squared_log": lambda label, age: ((1 + label).log() - (1 + age).log()) ** 2,
}


class SORD(AgeClassifier):
    """Divergence of the softmax from a soft label, which is the softmax of minus the distance of each age from the label."""

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the soft label.

        Args:
            metric: the paper's phi: "absolute" is |y - k|, the default of the benchmark of Paplham and Franc (CVPR 2024) and of
                dlordinal; "squared" is its square, so the soft label is a Gaussian of variance 1 / (2 scale); "squared_log" is
                (log(1 + y) - log(1 + k))², narrow for the young and wide for the old. The 1 is ours, for ages of 0.
            scale: factor of the distance, 1 as in that benchmark; the larger, the sharper is the soft label. With "squared_log"
                the soft label is flat below a scale of the order of 100.
        """

        metric: Literal["absolute", "squared", "squared_log"] = "absolute"
        scale: float = 1.0

        def __post_init__(self):
            require_above(0, scale=self.scale)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        distance = METRICS[self.options.metric](ages[:, None], self.ages)
        target = (-self.options.scale * distance).softmax(dim=1)
        kl = kl_divergence(target, self.log_probabilities(features)).mean()
        return kl, {"kl": kl.detach()}
