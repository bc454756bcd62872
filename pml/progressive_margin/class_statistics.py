"""What PML keeps of each age class: its centre, its intra-class and its inter-class variance (Eqs. 5-8)."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return d(a, b) = 1 - cos(a, b) along the last dimension; a zero vector is at distance 1 from everything."""
    return 1 - functional.cosine_similarity(a, b, dim=-1)


class ClassStatistics(nn.Module):
    """Running statistics of K classes of D-dimensional features, updated sample by sample in the order of the batch.

    Args:
        inter, intra: inter_class_variance and intra_class_variance of PMLOptions.

    Attributes:
        counts: N, (K,) samples seen of each class.
        centres: c, (K, D) mean feature of each class (Eq. 5); zero for a class not seen yet.
        scatter: (K,) sum of the products of distances of each class.
    """

    counts: Tensor
    centres: Tensor
    scatter: Tensor

    def __init__(self, classes: int, feature_dim: int, inter: str = "cosine", intra: str = "mean"):
        super().__init__()
        self.inter, self.intra = inter, intra
        self.register_buffer("counts", torch.zeros(classes))
        self.register_buffer("centres", torch.zeros(classes, feature_dim))
        self.register_buffer("scatter", torch.zeros(classes))

    def reset(self) -> None:
        """Forget every sample."""
        for buffer in self.buffers():
            buffer.zero_()

    @torch.no_grad()
    def update(self, features: Tensor, classes: Tensor) -> None:
        """Take in a batch: (N, D) features and their (N,) classes.

        The recursion over samples is solved in closed form: the centre before and after a sample is the mean of what the
        class held before the batch and of the samples of that class that come no later.
        """
        same_and_no_later = (classes[:, None] == classes[None, :]).tril().to(features.dtype)
        count_after = self.counts[classes] + same_and_no_later.sum(1)
        sum_after = self.counts[classes, None] * self.centres[classes] + same_and_no_later @ features
        centre_after = sum_after / count_after[:, None]
        centre_before = (sum_after - features) / (count_after - 1).clamp(min=1)[:, None]
        # Eq. 8, whose d(x - c) stands for d(x, c). The first sample of a class is its own centre, so its product is zero.
        product = cosine_distance(features, centre_before) * cosine_distance(features, centre_after)
        self.scatter.index_add_(0, classes, torch.where(count_after > 1, product, 0))
        # Eq. 6, after the last sample of each class in the batch.
        added = torch.zeros_like(self.counts).index_add_(0, classes, torch.ones_like(count_after))
        sums = (self.counts[:, None] * self.centres).index_add_(0, classes, features)
        self.counts += added
        self.centres.copy_(torch.where(added[:, None] > 0, sums / self.counts.clamp(min=1)[:, None], self.centres))

    @property
    def intra_class_variance(self) -> Tensor:
        """phi, (K,): the scatter, divided by the count since the paper calls it a variance, or as it is."""
        return self.scatter / self.counts.clamp(min=1) if self.intra == "mean" else self.scatter.clone()

    @property
    def inter_class_variance(self) -> Tensor:
        """psi, (K, K): the cosine distance between every two centres (Eq. 7); an empty class is at distance 1.

        The one-sided form takes <c_j, c_k> / |c_j|^2 for the cosine, so row j is wrong unless |c_k| = |c_j|; it is cut to 0..2.
        """
        directions = functional.normalize(self.centres, dim=1)
        if self.inter == "cosine":
            distances = 1 - directions @ directions.T
        else:
            lengths = self.centres.norm(dim=1, keepdim=True).clamp(min=torch.finfo(directions.dtype).tiny)
            distances = (1 - directions @ self.centres.T / lengths).clamp(0, 2)
        return distances.fill_diagonal_(0)

    def psi_to_others(self) -> Tensor:
        """Return (K,) the mean of psi from each class to all other classes seen, NaN where there are none."""
        counted = (self.counts > 0).repeat(len(self.counts), 1).fill_diagonal_(False)
        return self.inter_class_variance.where(counted, torch.nan).nanmean(1)

    def concatenated(self) -> Tensor:
        """V = [c, phi, psi], (K, D + 1 + K), the input of the margin networks (Table 1)."""
        return torch.cat([self.centres, self.intra_class_variance[:, None], self.inter_class_variance], 1)
