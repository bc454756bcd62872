"""POE: Li, Huang, Lu, Feng, Zhou, "Learning Probabilistic Ordinal Embeddings for Uncertainty-Aware Regression", CVPR 2021;
code Li-Wanhua/POEs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pml.methods.age_classifier import AgeClassifier
from pml.options import require_at_least

LARGEST = 10.0  # absolute logarithm of a variance


class POE(AgeClassifier):
    """An embedding that is a Gaussian, classified by draws from it, and whose distances keep the order of the ages.

    Loss: cross-entropy over the draws, plus alpha times the divergence from the standard normal distribution, plus beta times a
    triplet hinge on the symmetric divergence of embeddings. The mean of the embedding predicts. In evaluation mode the loss
    draws nothing.
    """

    @dataclass(frozen=True)
    class Options(AgeClassifier.Options):
        """Settings of the loss. The defaults are those of the released code.

        Args:
            draws: the number of draws of each embedding.
            alpha: weight of the divergence from the standard normal distribution; the code's script for Adience gives 1e-4.
            beta: weight of the triplet hinge.
            margin: of the hinge.
        """

        draws: int = 50
        alpha: float = 1e-5
        beta: float = 1e-4
        margin: float = 5.0

        def __post_init__(self):
            require_at_least(1, draws=self.draws)
            require_at_least(0, alpha=self.alpha, beta=self.beta, margin=self.margin)

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.mean = nn.Linear(feature_dim, feature_dim)
        self.log_variance = nn.Linear(feature_dim, feature_dim)
        self.normalise = nn.BatchNorm1d(feature_dim, eps=1e-3, affine=False)

    def embed(self, features: Tensor) -> Tensor:
        """Return the (N, D) means of the embeddings."""
        return self.mean(features).relu()

    def logits(self, features: Tensor) -> Tensor:
        return super().logits(self.embed(features))

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        mean, log_variance = self.embed(features), self.log_variance(features)
        if len(features) > 1 or not self.training:  # one image has no statistics of a batch
            log_variance = self.normalise(log_variance)
        log_variance = log_variance.clamp(-LARGEST, LARGEST)
        draws = mean[None]
        if self.training:
            noise = torch.randn(self.options.draws, *mean.shape, dtype=mean.dtype, device=mean.device)
            draws = mean + (log_variance / 2).exp() * noise

        logits = self.classifier(draws)
        cross_entropy = F.cross_entropy(logits.flatten(0, 1), self.classes(ages).repeat(len(draws)))
        kl = ((mean**2 + log_variance.exp() - log_variance - 1) / 2).sum(dim=1).mean()
        triplet = triplet_hinge(mean, log_variance, ages, self.options.margin)
        loss = cross_entropy + self.options.alpha * kl + self.options.beta * triplet
        return loss, {"cross_entropy": cross_entropy.detach(), "kl": kl.detach(), "triplet": triplet.detach()}


def triplet_hinge(mean: Tensor, log_variance: Tensor, ages: Tensor, margin: float) -> Tensor:
    """Return the mean hinge of the triplets that are not in order by the margin, 0 if all are.

    Image i forms a triplet with the next of the batch, and with the one whose age gap to i is nearest to that of the next but
    is another.

    Args:
        mean, log_variance: (N, D) of the embeddings.
        ages: (N,) in years.
        margin: of the hinge.
    """
    images = torch.arange(len(ages), device=ages.device)
    second = (images + 1) % len(ages)
    gaps = (ages[:, None] - ages).abs()
    difference = (gaps - gaps[images, second][:, None]).abs()
    excluded = (difference == 0) | torch.eye(len(ages), dtype=torch.bool, device=ages.device)
    third = difference.masked_fill(excluded, torch.inf).argmin(dim=1)

    # 1 where the third is nearer in age, -1 where the second is, 0 where there is no third.
    order = (gaps[images, second] - gaps[images, third]).sign().masked_fill(excluded.all(dim=1), 0)
    distances = j_divergence(mean, log_variance, third) - j_divergence(mean, log_variance, second)
    hinges = (distances * order + margin).relu() * order.abs()
    return hinges.sum() / (hinges > 0).sum().clamp(min=1)


def j_divergence(mean: Tensor, log_variance: Tensor, other: Tensor) -> Tensor:
    """Return (N,) the symmetric Kullback-Leibler divergence of each Gaussian from that of index `other`.

    Args:
        mean, log_variance: (N, D) of the Gaussians.
        other: (N,) indices.
    """
    change = log_variance - log_variance[other]
    squares = (mean - mean[other]) ** 2 * ((-log_variance).exp() + (-log_variance[other]).exp())
    return (change.exp() + (-change).exp() - 2 + squares).sum(dim=1) / 2
