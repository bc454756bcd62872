"""LDS: Yang, Zha, Chen, Wang, Katabi, "Delving into Deep Imbalanced Regression", ICML 2021.

Code: YyzHarry/imbalanced-regression.
"""

from dataclasses import dataclass

from torch import Tensor

from pml.methods.age_weights import WeightedRegressor, Weighting, gaussian_kernel, inverse_weights
from pml.methods.method import Method


class LDS(WeightedRegressor):
    """Label distribution smoothing (their Sec. 3.1): re-weighting by a frequency that neighbouring ages share.

    As in the released code, the kernel smooths the clipped numbers or the square roots, not the numbers themselves.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            weights: what is smoothed and inverted: "sqrt_inverse", the released code's for ages, the square roots of the
                numbers of images; "inverse" the numbers, clipped to 5..1000.
            kernel_size: number of ages under the kernel, odd; 5 as in the commands of the released code.
            kernel_sigma: standard deviation of the Gaussian in years; 2 as in the same.
        """

        weights: Weighting = "sqrt_inverse"
        kernel_size: int = 5
        kernel_sigma: float = 2.0

        def __post_init__(self):
            gaussian_kernel(self.kernel_size, self.kernel_sigma)

    options: Options

    def class_weights(self, counts: Tensor) -> Tensor:
        kernel = gaussian_kernel(self.options.kernel_size, self.options.kernel_sigma)
        return inverse_weights(counts, self.options.weights, kernel)
