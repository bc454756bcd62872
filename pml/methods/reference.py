"""The contract of a reference: it never looks at a face, and tells what a method must beat for its features to mean anything.

Nothing here needs PyTorch, so a reference starts at once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd


class Reference(ABC):
    """Predicts from the rows of index.csv alone.

    Args:
        options: this reference's own settings, an instance of its `Options`.
    """

    reads_pixels = False

    @dataclass(frozen=True)
    class Options:
        """Settings a config may give under `options`."""

    def __init__(self, options: "Options"):
        self.options = options

    @abstractmethod
    def predict(self, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
        """Return (len(test),) predicted ages in years, from rows of index.csv alone; `test` comes without ages."""
