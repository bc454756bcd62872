"""FDS: Yang, Zha, Chen, Wang, Katabi, "Delving into Deep Imbalanced Regression", ICML 2021.

Code: YyzHarry/imbalanced-regression.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_weights import WeightedRegressor, gaussian_kernel, inverse_weights, smooth
from pml.methods.method import Method, TrainingSet

LEAST_RATIO, MOST_RATIO = 0.1, 10.0  # of variances, as in the released code


class FDS(WeightedRegressor):
    """Feature distribution smoothing (their Sec. 3.2): in training, features take on moments that neighbouring ages share.

    After each epoch the mean m and variance v of the features of each age are averaged over the epochs and smoothed over the
    ages; in the next, a feature z of that age becomes (z - m) sqrt(clip(v' / v, .1, 10)) + m' with the smoothed m' and v'.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            weights: of the L1 loss: "none" for plain L1; "sqrt_inverse" or, smoothed by the same kernel, "lds", with which the
                paper combines it.
            kernel_size: number of ages under the kernel, odd; 5 as in the commands of the released code.
            kernel_sigma: standard deviation of the Gaussian in years; 2 as in the same.
            momentum: share that the moments of earlier epochs keep; .9 is the paper's and the released code's.
        """

        weights: Literal["none", "sqrt_inverse", "lds"] = "none"
        kernel_size: int = 5
        kernel_sigma: float = 2.0
        momentum: float = 0.9

        def __post_init__(self):
            gaussian_kernel(self.kernel_size, self.kernel_sigma)
            if not 0 <= self.momentum < 1:
                raise ValueError(f"momentum is {self.momentum}; it needs a share from 0 on, below 1")

    options: Options
    means: Tensor
    variances: Tensor
    smoothed_means: Tensor
    smoothed_variances: Tensor
    known: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        for name in ("means", "variances", "smoothed_means", "smoothed_variances"):
            self.register_buffer(name, torch.zeros(len(self.ages), feature_dim))
        self.register_buffer("known", torch.zeros(()))
        self.kernel = gaussian_kernel(options.kernel_size, options.kernel_sigma)
        self.trained_on = torch.zeros(0, dtype=torch.int64)

    def class_weights(self, counts: Tensor) -> Tensor:
        if self.options.weights == "none":
            return torch.ones_like(counts)
        return inverse_weights(counts, "sqrt_inverse", self.kernel if self.options.weights == "lds" else None)

    def begin_training(self, training_set: TrainingSet) -> None:
        super().begin_training(training_set)
        self.trained_on = self.classes(training_set.ages)

    def end_epoch(self, features: Callable[[], Tensor]) -> None:
        values = features()
        members = F.one_hot(self.trained_on, len(self.ages)).to(values)  # sums by products, whose order is always the same
        counts = members.sum(0)[:, None]
        means = members.T @ values / counts.clamp(min=1)
        variances = members.T @ (values - means[self.trained_on]) ** 2 / (counts - 1).clamp(min=1)
        kept = self.options.momentum * self.known
        self.means.copy_(kept * self.means + (1 - kept) * means)
        self.variances.copy_(kept * self.variances + (1 - kept) * variances)
        self.known.fill_(1)
        # Ages without images take no part: their moments would be those of no face.
        seen = (counts > 0).to(values)
        mass = smooth(seen, self.kernel, "reflect").clamp(min=torch.finfo(values.dtype).tiny)
        self.smoothed_means.copy_(smooth(seen * self.means, self.kernel, "reflect") / mass)
        self.smoothed_variances.copy_(smooth(seen * self.variances, self.kernel, "reflect") / mass)

    def calibrate(self, features: Tensor, ages: Tensor) -> Tensor:
        """Return (N, D) features with the smoothed moments of their ages; one that never varies within its age stays."""
        classes = self.classes(ages)
        variances = self.variances[classes]
        varies = variances > 0
        ratios = self.smoothed_variances[classes] / variances.where(varies, 1)
        scales = ratios.clamp(LEAST_RATIO, MOST_RATIO).sqrt()
        calibrated = (features - self.means[classes]) * scales + self.smoothed_means[classes]
        return calibrated.where(varies, features)

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return self.weighted_l1(self.calibrate(features, ages) if self.training else features, ages)
