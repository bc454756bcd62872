"""Progressive Margin Loss as a method: class statistics, margins and margin softmax over a linear head (Algorithm 1)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pml.methods.age_classifier import AgeClassifier
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.progressive_margin.class_statistics import ClassStatistics
from pml.progressive_margin.margin_softmax import margin_log_softmax
from pml.progressive_margin.margins import OrdinalMargin, SharedNetwork, branch_network, standardise_rows
from pml.progressive_margin.options import PMLOptions
from pml.progressive_margin.summary import degeneration, summarise


class PML(AgeClassifier):
    """PML as the paper's equations say, or as its released code computes, by `options.preset` (docs/fidelity.md).

    The class statistics take part as numbers, without gradient: the margins learn through f^O and f^V, the features
    through the similarities. At inference there is no margin (Sec. 3.3).

    Attributes:
        statistics: c, phi and psi of the samples since the last reset.
        current, previous: V^t and V^(t-1), (K, D + 1 + K), after the last iteration and before it.
        instructor: V_pre, (K, D + 1 + K), what the previous course of the curriculum ended with.
        instructed: whether there was one.
    """

    Options = PMLOptions
    options: PMLOptions
    figure = "pml.progressive_margin.figure:draw"
    current: Tensor
    previous: Tensor
    instructor: Tensor
    instructed: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: PMLOptions):
        super().__init__(feature_dim, ages, options, bias=options.bias)
        classes = len(self.ages)
        statistics_dim = feature_dim + 1 + classes
        self.ordinal_dim = statistics_dim if options.ordinal_input == "c_phi_psi" else feature_dim + 1
        shared = SharedNetwork(classes) if options.networks == "shared" else None
        self.statistics = ClassStatistics(classes, feature_dim, options.inter_class_variance, options.intra_class_variance)
        self.ordinal_margin = OrdinalMargin(shared or branch_network(self.ordinal_dim, 2), classes, options.deviation)
        self.variational_margin = shared or branch_network(statistics_dim, 1)
        for name in ("current", "previous", "instructor"):
            self.register_buffer(name, self.statistics.concatenated())
        self.register_buffer("instructed", torch.tensor(False))

    def begin_course(self) -> None:
        """Keep what the statistics of the course before ended with, if there was one, and start them again."""
        if self.statistics.counts.any():
            self.instructor.copy_(self.statistics.concatenated())
            self.instructed.fill_(True)
        self.statistics.reset()
        self.current.copy_(self.statistics.concatenated())

    def begin_epoch(self, epoch: int) -> None:
        """Start the statistics again if the option says so; like the released code, with psi at zero too."""
        if self.options.reset == "epoch":
            self.statistics.reset()
            self.current.zero_()

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return L_mp (Eq. 3), with the error of the expected age if that has a weight; training updates the statistics."""
        options, classes = self.options, self.classes(ages)
        # Exponentials and small variances: in full precision whatever surrounds the call.
        with torch.autocast(features.device.type, enabled=False):
            features = features.to(self.ages.dtype)
            if self.training:
                self.observe(features, classes)
            target = gaussian_label_distribution(ages, self.ages, options.sigma, options.normalise, options.floor)
            similarities, margins = self.classifier(features), self.margins()[classes]
            if options.softmax == "joint":
                similarities = similarities - margins
                log_estimate = similarities.log_softmax(1)
            else:
                log_estimate = margin_log_softmax(similarities, margins)
            loss = kl_divergence(target, log_estimate).mean()
            terms = {"margin_kl": loss.detach()}
            if options.expectation_l1:
                l1 = (self.expected_age(similarities.softmax(1)) - ages).abs().mean()
                terms["expectation_l1"] = l1.detach()
                loss = loss + options.expectation_l1 * l1
        return loss, terms

    def observe(self, features: Tensor, classes: Tensor) -> None:
        """Take in the batch of one iteration, (N, D) features and their (N,) classes."""
        self.previous.copy_(self.current)
        self.statistics.update(features, classes)
        self.current.copy_(self.statistics.concatenated())

    def branches(self) -> tuple[Tensor, Tensor]:
        """Return M_o*, (K, K), and M_v = f^V(Delta V), (K,) (Eq. 10).

        Delta V is taken to the end of the previous course, where there was one (Eq. 13), else to the previous iteration.
        """
        reference = {
            "course": torch.where(self.instructed, self.instructor, self.previous),
            "iteration": self.previous,
            "boundary": self.instructor,
        }[self.options.residual]
        variational = self.variational_margin(self.current - reference).squeeze(1)
        return self.ordinal_margin(self.current[:, : self.ordinal_dim]), variational

    def fused(self) -> Tensor:
        """Return M_p = lambda M_o* + beta M_v (Eq. 11), (K, K); M_v is the same in every row."""
        ordinal, variational = self.branches()
        return self.options.margin_lambda * ordinal + self.options.margin_beta * variational

    def margins(self) -> Tensor:
        """Return m_p as applied, (K, K): row j is subtracted from the similarities of a sample of class j."""
        return self.options.margin_scale * standardise_rows(self.fused(), self.options.standardise)

    @torch.no_grad()
    def diagnostics(self) -> tuple[dict[str, float], str]:
        seen, applied = self.statistics.counts > 0, self.margins()
        if not seen.any():
            return {}, ""
        warning = degeneration(self.fused()[seen], applied[seen], self.options.softmax == "joint")
        return summarise(self.statistics, *self.branches(), applied), warning
