"""DLDL: Gao et al., "Deep Label Distribution Learning with Label Ambiguity", IEEE TIP 2017; released code gaobb/DLDL."""

from dataclasses import dataclass

from torch import Tensor

from pml.methods.age_classifier import AgeClassifier, Decoder
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence, sigma_per_image
from pml.options import require_above

CLIP = 1e-15  # the released code keeps each entry of the target within [CLIP, 1 - CLIP]


class DLDL(AgeClassifier):
    """Divergence of the softmax from a Gaussian target, as wide as the image's age_std where the data set gives one.

    As in the released code the target is the density at whole ages, clipped and not scaled to sum 1.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of target and decoder.

        Args:
            sigma: standard deviation in years of the target of an image without age_std. The released code's for Morph II.
            normalise: scale the target to sum 1, which the released code does not.
            decoder: "argmax" as the released code for Morph II, or "expectation", as for ChaLearn, or "median". Morph II's
                labels are whole chronological years, ChaLearn's are means of votes. FG-NET, which that code does not cover, is
                of the first kind; hence the default.
        """

        sigma: float = 2.0
        normalise: bool = False
        decoder: Decoder = "argmax"

        def __post_init__(self):
            require_above(0, sigma=self.sigma)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        sigma = sigma_per_image(age_stds, self.options.sigma)
        target = gaussian_label_distribution(ages, self.ages, sigma, self.options.normalise, floor=CLIP)
        kl = kl_divergence(target.clamp(max=1 - CLIP), self.log_probabilities(features)).mean()
        return kl, {"kl": kl.detach()}
