"""RRT: Yang, Zha, Chen, Wang, Katabi, "Delving into Deep Imbalanced Regression", ICML 2021.

Code: YyzHarry/imbalanced-regression.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pml.methods.age_weights import WeightedRegressor, Weighting, inverse_weights
from pml.methods.method import Method, Step, TrainingSet
from pml.options import require_above


class RRT(WeightedRegressor):
    """Regressor re-training: plain L1; then the backbone stands still, and a second head learns on it by re-weighted L1.

    Standing still includes the statistics of its normalisation, so a step of the second stage runs the backbone in evaluation
    mode, which only `step` can set.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            weights: of the second stage; "sqrt_inverse" is the paper's for ages.
            retraining: fraction of the epochs that the second stage lasts, rounded down; ours. A review of 2026
                (noah-puetz/deconstructing_deep_imbalanced_regression) adds 30 epochs to 120.
            retraining_rate: what the second head has of the learning rate; ours. The released code begins the second stage at
                the full rate again, of which a cosine schedule leaves a twentieth to the last quarter; under one, 10 is apt.
            reinitialise: begin with new weights, as the released code does. Otherwise the second head begins as the first ends:
                on features that stand still the loss is convex, so its end is the same, and fewer steps reach it.
        """

        weights: Weighting = "sqrt_inverse"
        retraining: float = 0.25
        retraining_rate: float = 1.0
        reinitialise: bool = False

        def __post_init__(self):
            if not 0 < self.retraining < 1:
                raise ValueError(f"retraining is {self.retraining}; it needs a fraction between 0 and 1")
            require_above(0, retraining_rate=self.retraining_rate)

    options: Options
    retrains: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        # A layer of its own, for the optimiser remembers the steps of the first.
        self.second_regressor = nn.Linear(feature_dim, 1)
        self.register_buffer("retrains", torch.tensor(False))
        self.first_retraining = 1

    def class_weights(self, counts: Tensor) -> Tensor:
        return inverse_weights(counts, self.options.weights)

    def begin_training(self, training_set: TrainingSet) -> None:
        super().begin_training(training_set)
        self.first_retraining = training_set.epochs - int(self.options.retraining * training_set.epochs)

    def begin_epoch(self, epoch: int) -> None:
        self.retrains.fill_(epoch >= self.first_retraining)
        if epoch == self.first_retraining and not self.options.reinitialise:
            self.second_regressor.load_state_dict(self.regressor.state_dict())

    def parameter_groups(self, backbone: nn.Module, backbone_rate: float) -> list[dict]:
        second = list(self.second_regressor.parameters())
        network, head = super().parameter_groups(backbone, backbone_rate)
        head["params"] = [each for each in head["params"] if all(each is not other for other in second)]
        return [network, head, {"params": second, "share": self.options.retraining_rate}]

    def step(self, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        if self.retrains:
            step.backbone.eval()
        return super().step(step)

    def regress(self, features: Tensor) -> Tensor:
        head = self.second_regressor if self.retrains else self.regressor
        return self.centre + self.spread * head(features).squeeze(1)

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        if self.retrains:
            return self.weighted_l1(features.detach(), ages)
        l1 = (self.regress(features) - ages).abs().mean()
        return l1, {"weighted_l1": l1.detach(), "l1": l1.detach()}
