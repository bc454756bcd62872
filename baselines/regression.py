"""Regression of the age itself, with the L1, the L2 or the Huber loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_above

LOSSES: dict[str, Callable[..., Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss, "huber": F.huber_loss}


class Regression(AgeRegressor):
    """The distance of one output from the age: the plain regression that most long-tailed methods start from."""

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the loss.

        Args:
            loss: "l1" is |error|, "l2" its square, "huber" half its square up to `delta` and linear beyond (Huber, Ann. Math.
                Stat. 35, 1964).
            delta: in years.
        """

        loss: Literal["l1", "l2", "huber"] = "l1"
        delta: float = 5.0

        def __post_init__(self):
            require_above(0, delta=self.delta)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        more = {"delta": self.options.delta} if self.options.loss == "huber" else {}
        loss = LOSSES[self.options.loss](self.regress(features), ages, **more)
        return loss, {self.options.loss: loss.detach()}
