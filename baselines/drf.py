"""DRFs: Shen et al., "Deep Regression Forests for Age Estimation", CVPR 2018; code shenwei1231/caffe-DeepRegressionForests."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional as F

from pml.methods.method import Method, TrainingSet
from pml.options import require_at_least

HISTORY = 50  # batches that the released code updates the leaves from
LEAST_VARIANCE = 100**2 * torch.finfo(torch.float32).eps  # years², which it adds to every variance
LEAST = torch.finfo(torch.float32).tiny
LEAST_EXPONENT, LEAST_DENSITY = -80.0, 1e-33  # as good as the released code's LEAST, near which arithmetic is slow


class DRF(Method):
    """Soft trees over sigmoid outputs, each leaf a Gaussian of ages; their mixture is the distribution.

    The splits learn by the squared error of each tree (the released code; the paper has the likelihood's), the
    leaves at the end of each epoch by the paper's variational bound, as in expectation maximisation.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the forest, all by default those of the paper and of its released code.

        Args:
            trees: number of them.
            depth: levels of nodes; the last one has the 2 ** (depth - 1) leaves.
            units: sigmoid outputs, of which each tree draws its splits without replacement.
            iterations: of one update of the leaves.
        """

        trees: int = 5
        depth: int = 6
        units: int = 128
        iterations: int = 20

        def __post_init__(self):
            require_at_least(1, trees=self.trees, iterations=self.iterations)
            require_at_least(2, depth=self.depth)
            require_at_least(2 ** (self.depth - 1) - 1, units=self.units)

    options: Options
    splits: Tensor
    means: Tensor
    variances: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.units = nn.Linear(feature_dim, options.units)
        leaves = 2 ** (options.depth - 1)
        drawn = [torch.randperm(options.units)[: leaves - 1] for _ in range(options.trees)]
        self.register_buffer("splits", torch.stack(drawn))
        self.register_buffer("means", torch.linspace(ages[0], ages[-1], leaves).repeat(options.trees, 1))
        self.register_buffer("variances", torch.ones(options.trees, leaves))
        self.history: deque[tuple[Tensor, Tensor]] = deque(maxlen=HISTORY)

    def begin_training(self, training_set: TrainingSet) -> None:
        # Leaf l begins as the l-th of equal parts of the sorted ages. The released code reads its leaves from a file.
        leaves = self.means.shape[1]
        parts = training_set.ages.sort().values.repeat_interleave(leaves).view(leaves, -1)
        self.means.copy_(parts.mean(1))
        self.variances.copy_(parts.var(1, correction=0) + LEAST_VARIANCE)

    def routing(self, features: Tensor) -> Tensor:
        """Return (N, trees, leaves): the probability that an image reaches a leaf, the product of its splits'."""
        left = self.units(features).sigmoid()[:, self.splits]
        reached = left.new_ones(*left.shape[:2], 1)
        for level in range(self.options.depth - 1):
            here = left[..., 2**level - 1 : 2 ** (level + 1) - 1]
            reached = torch.stack([reached * here, reached * (1 - here)], dim=-1).flatten(2)
        return reached

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        routing = self.routing(features)
        if self.training:
            self.history.append((routing.detach(), ages))
        of_trees = (routing * self.means).sum(2)
        squared = ((of_trees - ages[:, None]) ** 2 / 2).sum(1).mean()
        return squared, {"squared": squared.detach()}

    def end_epoch(self, features: Callable[[], Tensor]) -> None:
        if self.history:
            routing, ages = (torch.cat(parts) for parts in zip(*self.history, strict=True))
            self.history.clear()
            self.update_leaves(routing, ages)

    def update_leaves(self, routing: Tensor, ages: Tensor) -> None:
        """Fit the leaves to (N, trees, leaves) `routing` and (N,) `ages`; a leaf that no image reaches keeps its Gaussian."""
        squares = (ages[:, None, None] - self.means) ** 2
        for _ in range(self.options.iterations):
            exponent = (squares / (-2 * self.variances)).clamp_(min=LEAST_EXPONENT)
            density = exponent.exp_() / (2 * math.pi * self.variances).sqrt()
            share = density.clamp_(min=LEAST_DENSITY).mul_(routing)
            share /= share.sum(2, keepdim=True).clamp(min=LEAST)
            total = share.sum(0)
            reached, total = total > LEAST, total.clamp(min=LEAST)
            self.means.copy_(torch.where(reached, torch.einsum("ntl,n->tl", share, ages) / total, self.means))
            squares = (ages[:, None, None] - self.means) ** 2
            spread = (share * squares).sum(0) / total + LEAST_VARIANCE
            self.variances.copy_(torch.where(reached, spread, self.variances))

    def distribution(self, features: Tensor) -> Tensor:
        """Return (N, K): the mixture's share of the year around each age, the tails with the first and the last."""
        below = Normal(self.means[..., None], self.variances.sqrt()[..., None]).cdf(self.ages[:-1] + 0.5)
        cumulated = F.pad(F.pad(below, (0, 1), value=1.0), (1, 0))
        at_ages = cumulated[..., 1:] - cumulated[..., :-1]
        return torch.einsum("ntl,tlk->nk", self.routing(features), at_ages) / self.options.trees
