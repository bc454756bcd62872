"""What a user's own package may hold."""

from dataclasses import dataclass

from torch import nn

from pml.methods.reference import Reference
from pml.protocol import declare


class Youngest(Reference):
    """Predicts the youngest age of training."""

    def predict(self, train, test):
        return [train["age"].min()] * len(test)


class NoMethod:
    """Keeps no contract."""

    @dataclass(frozen=True)
    class Options:
        """There are none."""


class Format:
    """A raw format."""

    LAYOUT, OBTAIN = "pictures", "ask its owners"

    @dataclass(frozen=True)
    class Options:
        """There are none."""

    @staticmethod
    def load(root, options):
        raise NotImplementedError


@declare("exclusive", "stress")
def halves(index, seed, *, youngest: int = 0):
    """Trains on one half, tests on the other."""


def tiny(*, width: int = 8):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, width)), width
