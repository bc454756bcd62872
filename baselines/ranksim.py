"""RankSim: Gong, Mori, Tung, "RankSim: Ranking Similarity Regularization for Deep Imbalanced Regression", ICML 2022.

Code BorealisAI/ranksim-imbalanced-regression. The gradient of a rank is that of Vlastelica, Paulus, Musil, Martius, Rolinek,
"Differentiation of Blackbox Combinatorial Solvers", ICLR 2020.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_above


class RankSim(AgeRegressor):
    """L1 plus gamma times how far the faces' order by similarity of features is from their order by age, seen from each face.

    The order is taken among one face for each age in the batch, drawn at random.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the regulariser.

        Args:
            gamma: its weight beside the L1 in years; 100 for AgeDB in the released code.
            interpolation: lambda, how far the similarities are moved to see how their ranks change; 2 as there.
        """

        gamma: float = 100.0
        interpolation: float = 2.0

        def __post_init__(self):
            require_above(0, gamma=self.gamma, interpolation=self.interpolation)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        chosen = one_of_each(self.classes(ages))
        directions, labels = F.normalize(features[chosen]), ages[chosen]
        aim = ranks(-(labels[:, None] - labels).abs())
        step = self.options.gamma * self.options.interpolation
        ranking = RankDistance.apply(directions @ directions.T, aim, step)
        l1 = (self.regress(features) - ages).abs().mean()
        return l1 + self.options.gamma * ranking, {"l1": l1.detach(), "ranking": ranking.detach()}


def one_of_each(classes: Tensor) -> Tensor:
    """Return (M,) the position of one image of each class, at random; (N,) classes."""
    shuffled = torch.randperm(len(classes)).to(classes.device)
    order = shuffled[classes[shuffled].argsort(stable=True)]
    return order[classes[order].diff(prepend=classes[order[:1]] - 1) != 0]


def ranks(rows: Tensor) -> Tensor:
    """Return (N, M) the place of each entry in its row, over M; the largest is first, of equals the last."""
    descending = rows.argsort(dim=1, stable=True).flip(1)
    return (descending.argsort(dim=1) + 1).to(rows) / rows.shape[1]


class RankDistance(torch.autograd.Function):
    """The squared distance of the ranks of each row from those aimed at, both (M, M); a mean over a row and a sum over rows.

    Ranks are constant by pieces, so in place of a gradient stands how they change if the rows are moved along the gradient of
    the loss by its ranks, over how far they are moved. The released code moves them by lambda times the gradient of whatever is
    differentiated. Here gamma * lambda is given, so the scale that half precision puts on a loss does not count.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, aim: Tensor, step: float) -> Tensor:
        found = ranks(rows)
        stepped = rows + step * 2 * (found - aim) / rows.shape[1]
        ctx.save_for_backward((ranks(stepped) - found) / step)
        return ((found - aim) ** 2).mean(1).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return gradient * ctx.saved_tensors[0], None, None
