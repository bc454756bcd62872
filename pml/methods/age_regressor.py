"""What all methods with the age itself for an output share: a linear head with one output."""

from collections.abc import Sequence

from torch import Tensor, nn

from pml.methods.method import Method, TrainingSet


class AgeRegressor(Method):
    """A linear layer with one output; a subclass adds the loss.

    The output counts standard deviations of the training ages from their mean, so that few steps at a small rate can reach
    every age. The papers of these methods let it count years instead, and train for hundreds of epochs.

    Attributes:
        centre, spread: that mean and standard deviation in years.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Method.Options):
        super().__init__(feature_dim, ages, options)
        self.regressor = nn.Linear(feature_dim, 1)
        self.register_buffer("centre", self.ages.mean())
        self.register_buffer("spread", self.ages.std())

    def begin_training(self, training_set: TrainingSet) -> None:
        self.centre.copy_(training_set.ages.mean())
        self.spread.copy_(training_set.ages.std(correction=0).clamp(min=1))

    def regress(self, features: Tensor) -> Tensor:
        """Return (N,) ages in years, which may lie outside of `ages`."""
        return self.centre + self.spread * self.regressor(features).squeeze(1)

    def distribution(self, features: Tensor) -> None:
        return None

    def predict(self, features: Tensor) -> Tensor:
        return self.regress(features).clamp(self.ages[0], self.ages[-1])
