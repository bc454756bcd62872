"""UVOTE: Jiang, Garnot, Schindler, Wegner, "Uncertainty Voting Ensemble for Imbalanced Deep Regression", GCPR 2024.

arXiv 2305.15178; code SherryJYC/UVOTE.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method, TrainingSet
from pml.options import require_above, require_at_least

LARGEST_LOG_SCALE = 5.0  # either way, in the loss; of the released code, as are the next two
LEAST_SCALE = 1e-10
COUNT_RANGE = 5, 1000  # to which the counts of the exponent 1 are clipped


class UVOTE(AgeRegressor):
    """Laplace heads, each trained under a re-weighting of its own; the one that is least uncertain of a face predicts its age.

    Head i of B has the location mu_i and the scale b_i, both in years, and the loss log 2 b_i + |y - mu_i| / b_i. It weighs an
    image of age a by n_a^-r_i, r_i from 0 to 1. From the second on, the loss of a head counts (epoch / epochs)^2. The output
    log b_i counts from the standard deviation of the training ages, in the paper from a year: from there the first errors
    drive it past its bound, where it has no gradient.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            heads: the number of experts; 2 is the released code's for AgeDB, 3 for IMDB-WIKI.
            scale_share: what the weights that give the scales have of the learning rate, as in the released code.
        """

        heads: int = 2
        scale_share: float = 0.1

        def __post_init__(self):
            require_at_least(2, heads=self.heads)
            require_above(0, scale_share=self.scale_share)

    options: Options
    weights: Tensor
    progress = 0.0

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.regressor, self.log_scale = nn.Linear(feature_dim, options.heads), nn.Linear(feature_dim, options.heads)
        for layer in (self.regressor, self.log_scale):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        self.register_buffer("weights", torch.ones(options.heads, len(self.ages)))

    def begin_training(self, training_set: TrainingSet) -> None:
        super().begin_training(training_set)
        self.epochs, classes = training_set.epochs, self.classes(training_set.ages)
        counts = torch.bincount(classes, minlength=len(self.ages)).to(self.ages).clamp(min=1)
        for weights, exponent in zip(self.weights, torch.linspace(0, 1, self.options.heads).tolist(), strict=True):
            weights.copy_((counts if exponent < 1 else counts.clamp(*COUNT_RANGE)) ** -exponent)
        self.weights /= self.weights[:, classes].mean(1, keepdim=True)

    def begin_epoch(self, epoch: int) -> None:
        self.progress = epoch / self.epochs

    def parameter_groups(self, backbone: nn.Module, backbone_rate: float) -> list[dict]:
        shared, _ = super().parameter_groups(backbone, backbone_rate)
        scales = {"params": list(self.log_scale.parameters()), "share": self.options.scale_share}
        return [shared, {"params": list(self.regressor.parameters())}, scales]

    def regress(self, features: Tensor) -> Tensor:
        """Return (N, B) the location of each head in years."""
        return self.centre + self.spread * self.regressor(features)

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_scale = self.log_scale(features).clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE)
        scale = self.spread * log_scale.exp() + LEAST_SCALE
        nll = (2 * scale).log() + (ages[:, None] - self.regress(features)).abs() / scale
        first, *others = (self.weights[:, self.classes(ages)].T * nll).mean(0)
        loss = first + self.progress**2 * sum(others)
        return loss, {f"nll_{number}": term.detach() for number, term in enumerate([first, *others], 1)}

    def predict(self, features: Tensor) -> Tensor:
        vote = self.log_scale(features).argmin(1, keepdim=True)
        return self.regress(features).gather(1, vote)[:, 0].clamp(self.ages[0], self.ages[-1])
