"""Progressive Margin Loss as a method: class statistics, margins and margin softmax over a linear head (Algorithm 1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from pml.age_classifier import AgeClassifier
from pml.label_distribution import gaussian_label_distribution, kl_divergence, require_positive
from pml.method import Method
from pml.progressive_margin.class_statistics import ClassStatistics
from pml.progressive_margin.margin_softmax import margin_log_softmax
from pml.progressive_margin.margins import OrdinalMargin, VariationalMargin, fuse, standardise_rows


class PML(AgeClassifier):
    """PML as its equations say, with the smallest completion where they are silent (docs/fidelity.md).

    The class statistics take part as numbers, without gradient: the margins learn through f^O and f^V, the features
    through the similarities. At inference there is no margin (Sec. 3.3).
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of PML.

        Attributes:
            sigma: standard deviation of the label distribution in years (Eq. 1; not given there, 2 in the released code).
            expectation_l1: weight of |expected age - age| beside Eq. 3; 0 in the paper, 1 in the released code.
            margin_lambda: lambda of Eq. 11 (tuned by cross-validation in the paper; 1 in the released code).
            margin_beta: beta of Eq. 11 (likewise; 0.1 in the released code).
            margin_scale: factor on the standardised rows of the fused margin (0.01 in the released code).
        """

        sigma: float = 2.0
        expectation_l1: float = 0.0
        margin_lambda: float = 1.0
        margin_beta: float = 0.1
        margin_scale: float = 0.01

        def __post_init__(self):
            require_positive(self.sigma)

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options, bias=False)
        classes = len(self.ages)
        statistics_dim = feature_dim + 1 + classes
        self.statistics = ClassStatistics(classes, feature_dim)
        self.ordinal_margin = OrdinalMargin(classes, statistics_dim)
        self.variational_margin = VariationalMargin(statistics_dim)
        self.register_buffer("previous_statistics", self.statistics.concatenated())

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        classes = self.classes(ages)
        if self.training:
            self.statistics.update(features, classes)
        target = gaussian_label_distribution(ages, self.ages, self.options.sigma)
        similarities = self.classifier(features)
        divergence = kl_divergence(target, margin_log_softmax(similarities, self.margins()[classes])).mean()
        terms = {"margin_kl": divergence.detach()}
        loss = divergence
        if self.options.expectation_l1:
            expected_age = self.expected_age(similarities.softmax(1))
            l1 = (expected_age - ages).abs().mean()
            terms["expectation_l1"] = l1.detach()
            loss = loss + self.options.expectation_l1 * l1
        return loss, terms

    def margins(self) -> Tensor:
        """Return m_p, (K, K): row j is subtracted from the similarities of a sample of class j.

        Eq. 10's residual is taken to the statistics at the previous call, which training makes once an iteration.
        """
        statistics = self.statistics.concatenated()
        variational = self.variational_margin(statistics - self.previous_statistics)
        if self.training:
            self.previous_statistics.copy_(statistics)
        ordinal = self.ordinal_margin(statistics)
        fused = fuse(ordinal, variational, self.options.margin_lambda, self.options.margin_beta)
        return self.options.margin_scale * standardise_rows(fused)
