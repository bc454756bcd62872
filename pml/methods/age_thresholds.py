"""What ordinal methods share: for each age but the last, the binary question whether a face is older."""

from abc import abstractmethod

from torch import Tensor

from pml.methods.method import Method


def exceeds(classes: Tensor, logits: Tensor) -> Tensor:
    """Return (N, K - 1), of the kind of `logits`: 1 where the class of an image is above k, for k = 0..K-2, otherwise 0."""
    thresholds = classes.new_ones(logits.shape[1]).cumsum(0) - 1
    return (classes[:, None] > thresholds).to(logits.dtype)


class AgeThresholds(Method):
    """Predicts the first age plus the number of thresholds that a face is past; a subclass adds logits and loss.

    Nothing keeps the K - 1 answers in order, so their differences may be negative: there is no distribution over the ages.
    """

    @abstractmethod
    def logits(self, features: Tensor) -> Tensor:
        """Return (N, K - 1) log-odds that a face is older than each age but the last."""

    def distribution(self, features: Tensor) -> None:
        return None

    def predict(self, features: Tensor) -> Tensor:
        return self.ages[(self.logits(features) > 0).sum(dim=1)]
