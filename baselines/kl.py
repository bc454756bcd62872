"""KL: the paper's baseline, "the same architectures as our PML except using the standard KL loss" (Sec. 4.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.options import require_above


class KL(AgeClassifier):
    """Divergence of the softmax from the Gaussian label distribution (Eq. 1-2); predicts the expected age.

    The head has no bias: as in PML, a logit is the dot product s(x, W_k) of Eq. 4.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the label distribution.

        Args:
            sigma: standard deviation in years. The paper gives none; 2 is its released code's, for every data set.
            normalise: scale the target to sum 1; false leaves Eq. 1 as written.
        """

        sigma: float = 2.0
        normalise: bool = True

        def __post_init__(self):
            require_above(0, sigma=self.sigma)

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options, bias=False)

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        target = gaussian_label_distribution(ages, self.ages, self.options.sigma, self.options.normalise)
        kl = kl_divergence(target, self.log_probabilities(features)).mean()
        return kl, {"kl": kl.detach()}
