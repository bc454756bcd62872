"""Rank-N-Contrast: Zha, Cao, Son, Yang, Katabi, "Rank-N-Contrast: Learning Continuous Representations for Regression".

NeurIPS 2023; code kaiwenzha/Rank-N-Contrast.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_above


class RankNContrast(AgeRegressor):
    """The contrast of a face with another one against all that are at least as far from it in age (Eq. 1-2), on two views.

    A variant in one stage: beside the contrast, which alone shapes the features, an L1 head learns on them detached. The paper
    first trains the features for 400 epochs and then the head.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings.

        Args:
            temperature: tau, by which distances of features are divided; 2 in the paper.
        """

        temperature: float = 2.0

        def __post_init__(self):
            require_above(0, temperature=self.temperature)

    views = 2
    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        ages = ages.repeat(self.views)
        contrast = rank_n_contrast(features, ages, self.options.temperature)
        l1 = (self.regress(features.detach()) - ages).abs().mean()
        return contrast + l1, {"contrast": contrast.detach(), "l1": l1.detach()}


def rank_n_contrast(features: Tensor, ages: Tensor, temperature: float) -> Tensor:
    """Return the mean of -log(exp(s_ij) / sum over k of exp(s_ik)) over all pairs i, j of the (N, D) features.

    s_ij is minus the distance of two features over the temperature. k are all with |y_i - y_k| >= |y_i - y_j|, without i.
    The ages y are (N,) in years.
    """
    rows = len(features)
    others = ~torch.eye(rows, dtype=torch.bool, device=features.device)
    # Not by matrix products, which lose the small distances of two views.
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    similarities = -distances[others].view(rows, rows - 1) / temperature
    differences = (ages[:, None] - ages).abs()[others].view(rows, rows - 1)
    # In order of the difference, the sum over k is one from some place on: the first of equal differences.
    differences, order = differences.sort(dim=1)
    similarities = similarities.gather(1, order)
    sums = similarities.flip(1).logcumsumexp(1).flip(1)
    return (sums.gather(1, torch.searchsorted(differences, differences)) - similarities).mean()
