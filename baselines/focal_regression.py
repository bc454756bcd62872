"""Focal-R: Yang, Zha, Chen, Wang, Katabi, "Delving into Deep Imbalanced Regression", ICML 2021.

Code: YyzHarry/imbalanced-regression.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_above, require_at_least


class FocalRegression(AgeRegressor):
    """The focal loss for regression: an error e in years costs |e|^p (2 sigmoid(beta |e|) - 1)^gamma, so that small ones fade.

    The factor takes part in the gradient.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings; all defaults are the released code's.

        Args:
            loss: what is scaled, "l1" or "l2".
            activation: "sigmoid" for the factor above, which equals tanh(beta |e| / 2)^gamma; "tanh" for tanh(beta |e|)^gamma.
            beta: how fast the factor reaches 1, per year.
            gamma: how much small errors fade; 0 for not at all.
        """

        loss: Literal["l1", "l2"] = "l1"
        activation: Literal["sigmoid", "tanh"] = "sigmoid"
        beta: float = 0.2
        gamma: float = 1.0

        def __post_init__(self):
            require_above(0, beta=self.beta)
            require_at_least(0, gamma=self.gamma)

    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        errors = (self.regress(features) - ages).abs()
        beta = self.options.beta if self.options.activation == "tanh" else self.options.beta / 2
        # The gradient of a power below 1 has no value at 0.
        factors = torch.tanh(beta * errors).clamp(min=torch.finfo(errors.dtype).tiny) ** self.options.gamma
        loss = (factors * (errors if self.options.loss == "l1" else errors**2)).mean()
        return loss, {"focal": loss.detach(), "l1": errors.mean().detach()}
