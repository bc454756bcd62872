"""The contract every method keeps.

A method is what sits on the shared backbone: head, loss and decoder. A config names it by a short name or as `module:Class`, so
a competitor is one file, also in a package of the user's own (docs/adding-a-method.md). `pml check-method` tests the contract.

Training calls `backbone`, the class itself and `begin_training`. In every epoch it calls `begin_course` (if the epoch is the
first of a course), `begin_epoch` and `sampling_weights`; for every batch `mix`, `step` with `loss` in it, and `end_step`; then
`end_epoch` and `diagnostics`. Only `loss` and `distribution` must be written. Several processes that train together all make
the same calls, with the same arguments.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Terms = dict[str, Tensor]
Network = tuple[nn.Module, int]  # from (N, 3, H, W) normalised faces to (N, D) features, and D


@dataclass(frozen=True)
class TrainingSet:
    """What a method may know before its first step.

    Attributes:
        ages: (N,) labels of the training part in years, as `loss` sees them.
        age_stds: (N,) their standard deviations in years, NaN where the data set gives none.
        courses: (N,) the first course of the curriculum that holds each image, from 1.
        epochs: that training lasts, those of all courses together.
    """

    ages: Tensor
    age_stds: Tensor
    courses: Tensor
    epochs: int


@dataclass(frozen=True)
class Step:
    """What one step of training is made of.

    Attributes:
        backbone: the network.
        inputs: of the backbone, (V * n, 3, H, W): the share that this process has of the batch, augmented and mixed.
        ages: (N,) labels of the whole batch in years.
        age_stds: (N,) their standard deviations in years, NaN where the data set gives none.
        features: runs the backbone on such inputs; returns the (V * N, D) features of the whole batch.
        backward: sets the gradients of all weights to those of a scalar, the same in every process.
        update: lets the optimiser step by the gradients as they are.
    """

    backbone: nn.Module
    inputs: Tensor
    ages: Tensor
    age_stds: Tensor
    features: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor], None]
    update: Callable[[], None]


class Method(nn.Module, ABC):
    """Head, loss and decoder on the features of the shared backbone.

    State that must survive a restart is a buffer or a parameter. A buffer whose size the data decides starts as an empty one in
    `__init__`; it is loaded whatever its size.

    Args:
        feature_dim: D, the width of the backbone's features.
        ages: the K ages in years that have a class, consecutive whole numbers, by default 0..100.
        options: this method's own settings, an instance of its `Options`.

    Attributes:
        views: V, the number of times that each face of a batch is augmented.
        figure: `module:function` that draws a run, given the method and a frame of its `diagnostics`; returns a matplotlib
            Figure and a frame of what it shows. None if there is nothing to draw.
    """

    @dataclass(frozen=True)
    class Options:
        """Settings a config may give under `options`."""

    reads_pixels = True
    views: int = 1
    figure: str | None = None
    ages: Tensor

    def __init__(self, feature_dim: int, ages: Sequence[int], options: "Options"):
        super().__init__()
        self.feature_dim = feature_dim
        self.options = options
        self.register_buffer("ages", torch.tensor(list(ages), dtype=torch.float32))

    @classmethod
    def backbone(cls, shared: Callable[[], Network], options: "Options") -> Network:
        """Return the network that the method is trained on: the experiment's, or one of its own, perhaps around that.

        Args:
            shared: makes the experiment's network, with its initial weights.
            options: an instance of `Options`.
        """
        return shared()

    def begin_training(self, training_set: TrainingSet) -> None:  # noqa: B027
        """Take note of what is trained on; called before the first epoch, and again after a restart.

        After a restart, parameters and buffers get their former values behind this call.
        """

    def begin_course(self) -> None:  # noqa: B027
        """Take note that a course of a curriculum begins, the first one included; called before its first epoch."""

    def begin_epoch(self, epoch: int) -> None:  # noqa: B027
        """Take note that an epoch begins, counted from 0 over all courses; called before its first batch."""

    def sampling_weights(self) -> Tensor | None:
        """Return (N,) how often each training image is to be drawn, in proportion, or None to take each one once an epoch.

        As many are drawn as take part in the epoch, with replacement.
        """
        return None

    def mix(self, inputs: Tensor, ages: Tensor, age_stds: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the batch that is trained on in place of this one, of the same shapes.

        Args:
            inputs: (V * N, 3, H, W) augmented faces, view after view.
            ages: (N,) labels in years.
            age_stds: (N,) standard deviation of each label in years, NaN where the data set gives none.
            generator: on the CPU; whatever is random is to come from it.
        """
        return inputs, ages, age_stds

    @abstractmethod
    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, Terms]:
        """Return the scalar to minimise and its terms by name, each a detached scalar, for the history.

        Args:
            features: (V * N, D), view after view.
            ages: (N,) labels in years, real-valued.
            age_stds: (N,) standard deviation of each label in years, NaN where the data set gives none.
        """

    def step(self, step: Step) -> tuple[Tensor, Terms]:
        """Do one step of training and return what `loss` returned.

        This is the way out for a method that must own its whole step, such as one with two passes (SAM) or a meta-learner. A
        comparison is fair because all methods share the step, so override this only where no other hook will do, and say so.
        """
        loss, terms = self.loss(step.features(step.inputs), step.ages, step.age_stds)
        step.backward(loss)
        step.update()
        return loss, terms

    def parameter_groups(self, backbone: nn.Module, backbone_rate: float) -> list[dict]:
        """Return the optimiser's groups of parameters; `share` is what a group has of the learning rate, 1 by default."""
        return [{"params": list(backbone.parameters()), "share": backbone_rate}, {"params": list(self.parameters())}]

    def end_step(self, backbone: nn.Module) -> None:  # noqa: B027
        """Take note that the optimiser has made a step."""

    def end_epoch(self, features: Callable[[], Tensor]) -> None:  # noqa: B027
        """Take note that an epoch has ended.

        Args:
            features: works out the (N, D) features of the training part, in its order, without augmentation; one pass over it.
        """

    def diagnostics(self) -> tuple[dict[str, float], str]:
        """Return numbers for a row of diagnostics.csv, and a line of warning; empty where there is nothing to tell.

        Called at the end of each epoch; changes nothing.
        """
        return {}, ""

    @abstractmethod
    def distribution(self, features: Tensor) -> Tensor | None:
        """Return (N, K) probabilities over `ages`, or None if the method has no distribution."""

    def decode(self, distribution: Tensor) -> Tensor:
        """Return (N,) predicted ages in years from (N, K) probabilities: their expectation, unless a method says otherwise."""
        return self.expected_age(distribution)

    def predict(self, features: Tensor) -> Tensor:
        """Return (N,) predicted ages in years: the decoded distribution; a method without one overrides this."""
        distribution = self.distribution(features)
        if distribution is None:
            raise NotImplementedError(f"{type(self).__name__} has no distribution, so it needs a `predict` of its own")
        return self.decode(distribution)

    def classes(self, ages: Tensor) -> Tensor:
        """Return (N,) the class of each age: the index of the nearest of the K ages (a half rounds to even)."""
        return (ages.round() - self.ages[0]).long().clamp(0, len(self.ages) - 1)

    def expected_age(self, distribution: Tensor) -> Tensor:
        """Return (N,) the expectation in years of an (N, K) distribution over `ages`."""
        return distribution @ self.ages

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        for name, buffer in self.named_buffers(recurse=False):
            saved = state_dict.get(prefix + name)
            if saved is not None and not buffer.numel():
                setattr(self, name, buffer.new_empty(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
