"""Ordinal entropy: Zhang, Yang, Bi Mi, Zheng, Yao, "Improving Deep Regression with Ordinal Entropy", ICLR 2023.

Code needylove/OrdinalEntropy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_at_least

ERRORS: dict[str, Callable[..., Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}
LEAST_SQUARE = 1e-12  # of a distance, below which it has no gradient; of the released code


class OrdinalEntropy(AgeRegressor):
    """Regression plus two terms that spread the ages' centres in feature space and pull each face to the centre of its age.

    Centres are those of the batch, one for each whole year, scaled to length 1 as the features are.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the loss.

        Args:
            error: "l1" in years is that of the long-tailed baseline to which the released code is added for ages; "l2" is what
                the paper writes, here in squared years, beside which terms of at most 2 weigh next to nothing.
            diversity_weight, tightness_weight: the paper's lambda_d and lambda_t; 1 in the released code.
        """

        error: Literal["l1", "l2"] = "l1"
        diversity_weight: float = 1.0
        tightness_weight: float = 1.0

        def __post_init__(self):
            require_at_least(0, diversity_weight=self.diversity_weight, tightness_weight=self.tightness_weight)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        error = ERRORS[self.options.error](self.regress(features), ages)
        found, own, counts = self.classes(ages).unique(return_inverse=True, return_counts=True)
        sums = features.new_zeros(len(found), features.shape[1]).index_add(0, own, features)
        centres = F.normalize(sums / counts[:, None])
        diversity = spread_of(centres, self.ages[found])
        # A face that is its own centre has no distance to lose.
        several = counts[own] > 1
        distances = _length((F.normalize(features) - centres[own])[several])
        tightness = distances.sum() / several.sum().clamp(min=1)
        loss = error + self.options.diversity_weight * diversity + self.options.tightness_weight * tightness
        return loss, {
            self.options.error: error.detach(),
            "diversity": diversity.detach(),
            "tightness": tightness.detach(),
        }


def spread_of(centres: Tensor, ages: Tensor) -> Tensor:
    """Return minus the mean distance of two of the (M, D) centres, each weighted by how far apart their (M,) ages are.

    A weight is the difference of the ages less the least of all differences, over the largest.
    """
    if len(ages) < 2:
        return centres.new_zeros(())
    first, second = torch.triu_indices(len(ages), len(ages), offset=1, device=ages.device)
    differences = (ages[first] - ages[second]).abs()
    weights = (differences - differences.min()) / differences.max()
    return -(weights * _length(centres[first] - centres[second])).mean()


def _length(rows: Tensor) -> Tensor:
    return (rows**2).sum(1).clamp(min=LEAST_SQUARE).sqrt()
