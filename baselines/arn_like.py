"""After ARN: Agustsson, Timofte, Van Gool, "Anchored Regression Networks Applied to Age Estimation [...]", ICCV 2017.

Its full text and code were not at hand: the number of anchors, their assignment and the loss are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_at_least


class ARNLike(AgeRegressor):
    """Linear regressors, one an anchor, mixed by the soft assignment of an image to the anchors.

    The age is the sum over anchors a of s_a(z) (w_a z + b_a), with s the softmax of a linear layer. The loss is its absolute
    error.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the head.

        Args:
            anchors: number of them; 16 is ours, and one is plain regression.
        """

        anchors: int = 16

        def __post_init__(self):
            require_at_least(1, anchors=self.anchors)

    options: Options

    def __init__(self, feature_dim: int, ages: Sequence[int], options: Options):
        super().__init__(feature_dim, ages, options)
        self.regressor = nn.Linear(feature_dim, options.anchors)
        self.affinity = nn.Linear(feature_dim, options.anchors)

    def regress(self, features: Tensor) -> Tensor:
        mixed = (self.affinity(features).softmax(1) * self.regressor(features)).sum(1)
        return self.centre + self.spread * mixed

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        l1 = (self.regress(features) - ages).abs().mean()
        return l1, {"l1": l1.detach()}
