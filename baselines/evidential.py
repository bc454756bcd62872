"""The NIG head of VIR: Wang and Wang, "Variational Imbalanced Regression: Fair Uncertainty Quantification", NeurIPS 2023.

Code Wang-ML-Lab/variational-imbalanced-regression. The loss is that of Amini, Schwarting, Soleimany, Rus, "Deep Evidential
Regression", NeurIPS 2020.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pml.methods.age_regressor import AgeRegressor
from pml.methods.age_weights import count_classes, gaussian_kernel, inverse_weights
from pml.methods.method import Method, TrainingSet
from pml.options import require_at_least

# Of the released code: the softness of what keeps n and omega positive, the least n, and alpha where n is 0.
SOFTNESS, LEAST_COUNT, PRIOR_ALPHA = 0.1, 2.0, 0.3
KERNEL_SIZE, KERNEL_SIGMA = 5, 2.0  # in years, of the Gaussian that smooths the roots of counts; of its commands
LEAST_BETA = 1e-10  # squared years; ours, for features so large that nothing is left of beta


class Evidential(AgeRegressor):
    """A normal-inverse-gamma distribution over the mean and the variance of a face's age; its mean predicts the age.

    Not VIR, which has features drawn from a distribution, statistics of neighbouring ages and a reconstruction, too. The head
    gives the mean gamma, n pseudo-observations and omega; nu = n, alpha = 0.3 + n / 2, beta = omega. Omega is in units of
    the variance of the training ages, in the paper in squared years: there the first errors drive n to its least value.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            evidence_weight: of the error times the evidence, beside the likelihood; 0.01 in the released code.
            reweight: multiply n in training by the image's weight, the inverse of the smoothed root of its age's count.
        """

        evidence_weight: float = 0.01
        reweight: bool = True

        def __post_init__(self):
            require_at_least(0, evidence_weight=self.evidence_weight)

    options: Options
    weights: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.evidence = nn.Linear(feature_dim, 2)
        self.register_buffer("weights", torch.ones(len(self.ages)))

    def begin_training(self, training_set: TrainingSet) -> None:
        super().begin_training(training_set)
        if self.options.reweight:
            counts = count_classes(self.classes(training_set.ages), len(self.ages))
            self.weights.copy_(inverse_weights(counts, "sqrt_inverse", gaussian_kernel(KERNEL_SIZE, KERNEL_SIGMA)))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        count, omega = F.softplus(self.evidence(features), beta=SOFTNESS).unbind(1)
        nu = (count + LEAST_COUNT) * self.weights[self.classes(ages)]
        alpha, beta = PRIOR_ALPHA + nu / 2, self.spread**2 * omega + LEAST_BETA
        error = self.regress(features) - ages
        nll = negative_log_likelihood(error, nu, alpha, beta).mean()
        evidence = (error.abs() * (2 * nu + alpha)).mean()
        return nll + self.options.evidence_weight * evidence, {"nll": nll.detach(), "evidence": evidence.detach()}


def negative_log_likelihood(error: Tensor, nu: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Return (N,) minus the logarithm of the Student's t density that a normal-inverse-gamma gives an error from its mean."""
    omega = 2 * beta * (1 + nu)
    likelihood = (math.pi / nu).log() / 2 - alpha * omega.log() + (alpha + 0.5) * (nu * error**2 + omega).log()
    return likelihood + torch.lgamma(alpha) - torch.lgamma(alpha + 0.5)
