"""What all methods with one class per age share: a linear head and its softmax."""

from collections.abc import Sequence

from torch import Tensor, nn

from pml.method import Method


class AgeClassifier(Method):
    """A linear layer with one output per age; a subclass adds the loss.

    Args:
        feature_dim: D, the width of the backbone's features.
        ages: the K ages in years that have a class, ascending whole numbers.
        options: an instance of the subclass's `Options`.
        bias: whether the linear layer has one.
    """

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Method.Options, bias: bool = True):
        super().__init__(feature_dim, ages, options)
        self.classifier = nn.Linear(feature_dim, len(self.ages), bias=bias)

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Return (N, K) logarithms of `distribution`."""
        return self.classifier(features).log_softmax(dim=1)

    def distribution(self, features: Tensor) -> Tensor:
        return self.classifier(features).softmax(dim=1)
