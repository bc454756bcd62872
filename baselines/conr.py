"""ConR: Keramati, Meng, Evans, "ConR: Contrastive Regularizer for Deep Imbalanced Regression", ICLR 2024.

Code BorealisAI/ConR.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pml.methods.age_regressor import AgeRegressor
from pml.methods.method import Method
from pml.options import require_above, require_at_least


class ConR(AgeRegressor):
    """L1 plus a contrast that parts the features of faces of other ages for which the head predicts about the same age.

    Both act on the same two views of a face; the released code has the L1 on a third one.
    """

    @dataclass(frozen=True)
    class Options(Method.Options):
        """Settings of the contrast; defaults are the released code's for AgeDB.

        Args:
            contrast_weight: beta, beside the L1 in years.
            window: w, the years within which two ages, or two predictions, are about the same.
            temperature: t, by which cosines are divided; what the code computes with, whatever its own option says.
            push: epsilon, how much more a face is pushed for each year that its age is away.
        """

        contrast_weight: float = 4.0
        window: float = 1.0
        temperature: float = 0.07
        push: float = 0.01

        def __post_init__(self):
            require_at_least(0, contrast_weight=self.contrast_weight, window=self.window, push=self.push)
            require_above(0, temperature=self.temperature)

    views = 2
    options: Options

    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        ages, predicted = ages.repeat(self.views), self.regress(features)
        l1 = (predicted - ages).abs().mean()
        contrast = self.contrast(features, ages, predicted.detach())
        return l1 + self.options.contrast_weight * contrast, {"l1": l1.detach(), "contrast": contrast.detach()}

    def contrast(self, features: Tensor, ages: Tensor, predicted: Tensor) -> Tensor:
        """Return the mean over (M, D) features of how near the positives of each are, among them and its negatives.

        Positives are the others of about its age; negatives are those of another age and about its prediction. Without a
        negative it counts 0. Ages and predictions are (M,) in years.
        """
        options, directions = self.options, F.normalize(features)
        similarities = directions @ directions.T / options.temperature
        apart = (ages[:, None] - ages).abs()
        alike = apart <= options.window
        negative = ~alike & ((predicted[:, None] - predicted).abs() <= options.window)
        positive = alike & ~torch.eye(len(ages), dtype=torch.bool, device=ages.device)
        # The released code masks similarities, not their exponentials, so each face that is not positive adds exp(0).
        pulled = similarities.where(positive, 0)
        pushed = (similarities + options.push * apart).where(negative, -math.inf)
        total = torch.cat([pulled, pushed], 1).logsumexp(1)
        losses = total - pulled.sum(1) / positive.sum(1)
        return losses.where(negative.any(1), 0).mean()
