"""The contract every method keeps.

A method is what sits on the shared backbone: head, loss and decoder. A config names it by import path, such as
`baselines.dex:DEX`, so a competitor is one file, also in a package of the user's own (docs/adding-a-method.md).
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from pml.errors import InputError, suggest
from pml.options import build_options


class Method(nn.Module, ABC):
    """Head, loss and decoder on the features of the shared backbone.

    State that must survive a restart is a buffer or a parameter.

    Args:
        feature_dim: D, the width of the backbone's features.
        ages: the K ages in years that have a class, ascending whole numbers, by default 0..100.
        options: this method's own settings, an instance of its `Options`.
    """

    @dataclass(frozen=True)
    class Options:
        """Settings a config may give under `options`."""

    def __init__(self, feature_dim: int, ages: Sequence[int], options: "Options"):
        super().__init__()
        self.feature_dim = feature_dim
        self.options = options
        self.register_buffer("ages", torch.tensor(list(ages), dtype=torch.float32))

    def begin_course(self) -> None:  # noqa: B027
        """Take note that a course of a curriculum begins, the first one included; called before its first epoch."""

    def begin_epoch(self) -> None:  # noqa: B027
        """Take note that an epoch begins; called before its first batch."""

    @abstractmethod
    def loss(self, features: Tensor, ages: Tensor, age_stds: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar to minimise and its terms by name, each a detached scalar, for the history.

        Args:
            features: (N, D).
            ages: (N,) labels in years, real-valued.
            age_stds: (N,) standard deviation of each label in years, NaN where the data set gives none.
        """

    def inspect(self) -> tuple[dict[str, float], str]:
        """Return numbers about the margins for a row of margins.csv, and a line of warning; empty where there is nothing.

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
        return self.decode(self.distribution(features))

    def classes(self, ages: Tensor) -> Tensor:
        """Return (N,) the class of each age: the index of the nearest of the K ages (a half rounds to even)."""
        return (ages.round() - self.ages[0]).long().clamp(0, len(self.ages) - 1)

    def expected_age(self, distribution: Tensor) -> Tensor:
        """Return (N,) the expectation in years of an (N, K) distribution over `ages`."""
        return distribution @ self.ages


class PixelFreeMethod(ABC):
    """A reference that never looks at a face: what a method must beat for its features to mean anything."""

    @dataclass(frozen=True)
    class Options:
        """Settings a config may give under `options`."""

    def __init__(self, options: "Options"):
        self.options = options

    @abstractmethod
    def predict(self, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
        """Return (len(test),) predicted ages in years, from rows of index.csv alone; `test` comes without ages."""


def method_class(import_path: str) -> type[Method] | type[PixelFreeMethod]:
    """Return the class that an import path such as `baselines.dex:DEX` names.

    Raises:
        InputError: the path has no colon, the module or the class cannot be found, or it keeps neither contract.
    """
    module_name, colon, class_name = import_path.partition(":")
    if not (module_name and colon and class_name):
        raise InputError(f"method '{import_path}': write module:Class, such as baselines.dex:DEX")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InputError(f"method '{import_path}': {error}; is the package installed or the path misspelt?") from None
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, (Method, PixelFreeMethod))):
        known = [name for name, value in vars(module).items() if isinstance(value, type)]
        raise InputError(f"method '{import_path}': no method class '{class_name}'{suggest(class_name, known)}")
    return found


def method_options(import_path: str, options: Mapping):
    """Return the `Options` of the method at `import_path`, filled in from `options`.

    Raises:
        InputError: an option is unknown (the nearest known one is suggested) or its value is refused.
    """
    return build_options(method_class(import_path).Options, options, f"method '{import_path}'")
