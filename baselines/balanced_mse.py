"""Balanced MSE: Ren, Zhang, Yu, Liu, "Balanced MSE for Imbalanced Visual Regression", CVPR 2022.

Code: jiawei-ren/BalancedMSE.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pml.methods.age_regressor import AgeRegressor
from pml.methods.age_weights import count_classes
from pml.methods.method import Method, TrainingSet
from pml.options import require_at_least

LEAST_SIGMA = 0.1  # years


class BalancedMSE(AgeRegressor):
    """The squared error of a prediction as its Gaussian likelihood, less how likely the training ages make it a priori.

    The prior is integrated over the training ages (BNI) or over the labels of the batch (BMC). The noise is learnt, and twice
    its variance, held fixed, scales the loss back to years squared.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            integration: "bni" weighs each age by its share of the training images. "bmc", batch Monte Carlo, is a cross-entropy
                between the predictions and the labels of the batch; one image alone teaches it nothing.
            sigma: initial standard deviation of the noise in years; 10 is the released code's for IMDB-WIKI.
            sigma_rate: what the logarithm of sigma has of the learning rate. The released code learns sigma itself, at 100
                times the head's rate (.01 to .0001): at 10 years that is 10 for the logarithm.
        """

        integration: Literal["bni", "bmc"] = "bni"
        sigma: float = 10.0
        sigma_rate: float = 10.0

        def __post_init__(self):
            require_at_least(LEAST_SIGMA, sigma=self.sigma)
            require_at_least(0, sigma_rate=self.sigma_rate)

    options: Options
    log_prior: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.log_sigma = nn.Parameter(torch.tensor(options.sigma).log())
        self.register_buffer("log_prior", torch.full_like(self.ages, 1 / len(self.ages)).log())

    def begin_training(self, training_set: TrainingSet) -> None:
        super().begin_training(training_set)
        counts = count_classes(self.classes(training_set.ages), len(self.ages))
        self.log_prior.copy_((counts / counts.sum()).log())

    def parameter_groups(self, backbone: nn.Module, backbone_rate: float) -> list[dict]:
        network, head = super().parameter_groups(backbone, backbone_rate)
        head["params"] = [each for each in head["params"] if each is not self.log_sigma]
        return [network, head, {"params": [self.log_sigma], "share": self.options.sigma_rate, "weight_decay": 0.0}]

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        predicted, sigma = self.regress(features), self.log_sigma.exp().clamp(min=LEAST_SIGMA)
        squared = (predicted - ages) ** 2
        candidates, log_prior = (self.ages, self.log_prior) if self.options.integration == "bni" else (ages.to(predicted), 0)
        logits = -((predicted[:, None] - candidates) ** 2) / (2 * sigma**2) + log_prior
        balanced = (squared / (2 * sigma**2) + logits.logsumexp(1)).mean()
        loss = balanced * (2 * sigma**2).detach()
        return loss, {"balanced_mse": loss.detach(), "mse": squared.mean().detach(), "sigma": sigma.detach()}
