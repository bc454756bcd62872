"""The curricula D1, D2, ... of a training part, from balanced to imbalanced (Sec. 3.3, Eq. 12)."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd


def thresholds(counts: pd.Series, dividing_lines: Sequence[float]) -> list[int]:
    """Return S of each dividing line delta: the number of images of the K-th rarest age, K = int(delta C).

    Curriculum D(delta) holds all images of the K rarest of the C ages, and S images of each other age.

    Args:
        counts: (C,) images of each age that has any.
        dividing_lines: delta of each curriculum, ascending, as shares of the ages.

    Raises:
        ValueError: there are too few ages for the first dividing line to take in one.
    """
    # Rounded first: 0.57 * 100 is 56.99999999999999.
    ranks = [math.floor(round(delta * len(counts), 9)) for delta in dividing_lines]
    if ranks[0] < 1:
        raise ValueError(f"{len(counts)} ages: a dividing line of {dividing_lines[0]:g} takes in none of them; raise it")
    return counts.sort_values().iloc[[rank - 1 for rank in ranks]].tolist()


def sample_count(counts: pd.Series, threshold: int) -> int:
    """Return the images of a curriculum in closed form: those of each age, `threshold` at most."""
    return int(counts.clip(upper=threshold).sum())


def imbalance_ratio(counts: pd.Series, threshold: int) -> float:
    """Return images of the most common age of a curriculum over those of its rarest."""
    return threshold / counts.min()


def courses(ages: pd.Series, dividing_lines: Sequence[float], rng: np.random.Generator) -> pd.Series:
    """Return (N,) the first curriculum, from 1, that holds each image; the last one after the dividing lines holds all.

    Curriculum i is every image of a course up to i, so that each contains those before it.

    Args:
        ages: (N,) in years; those of one whole year are one age.
        dividing_lines: as `thresholds` takes them.
    """
    ages = ages.round()
    counts = ages.value_counts()
    shuffled = ages.iloc[rng.permutation(len(ages))]
    rank = shuffled.groupby(shuffled).cumcount().reindex(ages.index)
    drawn_later = [rank >= threshold for threshold in thresholds(counts, dividing_lines)]
    return 1 + sum(later.astype(int) for later in drawn_later)
