"""DLDL-v2: Gao et al., "Age Estimation Using Expectation of Label Distribution Learning", IJCAI 2018; code gaobb/DLDL-v2."""

from dataclasses import dataclass

from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence, sigma_per_image
from pml.options import require_above, require_at_least


class DLDLv2(AgeClassifier):
    """DLDL with a target of sum 1 plus the absolute error of the expected age, which is also the prediction."""

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of target and loss.

        Args:
            sigma: standard deviation in years of the target of an image without age_std; 2 as in DLDL, since DLDL-v2's
                released code reads it from a list file.
            expectation_l1: the paper's lambda, the weight of the expected age's absolute error beside the divergence, which
                is a sum over ages and a mean over images. The released Torch code also sets 1, but its divergence is a mean
                over ages too, so there the absolute error weighs K times as much: give 101 for its balance at K = 101.
        """

        sigma: float = 2.0
        expectation_l1: float = 1.0

        def __post_init__(self):
            require_above(0, sigma=self.sigma)
            require_at_least(0, expectation_l1=self.expectation_l1)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_probabilities = self.log_probabilities(features)
        target = gaussian_label_distribution(ages, self.ages, sigma_per_image(age_stds, self.options.sigma))
        kl = kl_divergence(target, log_probabilities).mean()
        l1 = (self.expected_age(log_probabilities.exp()) - ages).abs().mean()
        return kl + self.options.expectation_l1 * l1, {"kl": kl.detach(), "expectation_l1": l1.detach()}
