"""DenseLoss: Steininger, Kobs, Davidson, Krause, Hotho, "Density-based weighting for imbalanced regression", Mach. Learn. 2021.

Code: SteiMi/denseweight.
"""

from dataclasses import dataclass

from torch import Tensor

from pml.methods.age_weights import WeightedRegressor, dense_weights
from pml.methods.method import Method
from pml.options import require_at_least


class DenseLoss(WeightedRegressor):
    """Regression whose L1 loss weighs an image by DenseWeight: 1 - alpha p(age), p a kernel density estimate scaled to 0..1."""

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            alpha: strength; 0 is plain L1. 1 is the released code's default, at which ages at the peak of the density weigh
                next to nothing; the paper tunes it to the data set.
        """

        alpha: float = 1.0

        def __post_init__(self):
            require_at_least(0, alpha=self.alpha)

    options: Options

    def class_weights(self, counts: Tensor) -> Tensor:
        return dense_weights(self.ages, counts, self.options.alpha)
