"""Re-weighting by inverse frequency, the baseline of Yang et al., "Delving into Deep Imbalanced Regression", ICML 2021.

Code: YyzHarry/imbalanced-regression.
"""

from dataclasses import dataclass

from torch import Tensor

from pml.methods.age_weights import WeightedRegressor, Weighting, inverse_weights
from pml.methods.method import Method


class Reweighting(WeightedRegressor):
    """Regression whose L1 loss weighs an image by the inverse number of training images of its age, or by its root.

    The paper calls the two INV and SQINV.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            weights: "inverse" clips the number to 5..1000 first, as the released code does; "sqrt_inverse", its choice for
                AgeDB and IMDB-WIKI, does not.
        """

        weights: Weighting = "sqrt_inverse"

    options: Options

    def class_weights(self, counts: Tensor) -> Tensor:
        return inverse_weights(counts, self.options.weights)
