"""What all methods with one class per age share: a linear head, its softmax, and the ways to decode it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from pml.methods.method import Method

Decoder = Literal["expectation", "median", "argmax"]


class AgeClassifier(Method):
    """A linear layer with one output per age; a subclass adds the loss.

    Args:
        feature_dim: D, the width of the backbone's features.
        ages: the K ages in years that have a class, consecutive whole numbers.
        options: an instance of the subclass's `Options`.
        bias: whether the linear layer has one.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of every method with a distribution over the ages.

        Args:
            decoder: what predicts the age: the expectation; the median, which has the least expected error (Paplham and Franc,
                CVPR 2024), a whole year; or the argmax, the most probable year.
        """

        decoder: Decoder = "expectation"

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options, bias: bool = True):
        super().__init__(feature_dim, ages, options)
        self.classifier = nn.Linear(feature_dim, len(self.ages), bias=bias)

    def logits(self, features: Tensor) -> Tensor:
        """Return (N, K) logarithms of `distribution`, up to a constant of each image."""
        return self.classifier(features)

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Return (N, K) logarithms of `distribution`."""
        return self.logits(features).log_softmax(dim=1)

    def distribution(self, features: Tensor) -> Tensor:
        return self.logits(features).softmax(dim=1)

    def decode(self, distribution: Tensor) -> Tensor:
        # Options of one's own may lack it.
        return decode(distribution, self.ages, getattr(self.options, "decoder", "expectation"))


def decode(distribution: Tensor, ages: Tensor, decoder: Decoder) -> Tensor:
    """Return (N,) ages in years from (N, K) probabilities over `ages`.

    The median is the first age up to which at least half of the probability lies, so it is the age of least expected error.
    """
    if decoder == "expectation":
        return distribution @ ages
    if decoder == "median":
        cumulated = distribution.cumsum(1)
        below = (cumulated < cumulated[:, -1:] / 2).sum(1)  # torch.searchsorted has no counterpart in ONNX
        return ages[below.clamp(max=len(ages) - 1)]
    return ages[distribution.argmax(1)]
