"""The ages that have a class, and those that have none."""

import numpy as np


def outside(ages: np.ndarray, first_age: int, last_age: int) -> np.ndarray:
    """Return which ages (N,) in years are those of no class, once rounded: they train as the first or the last one."""
    whole = np.round(ages)
    return (whole < first_age) | (whole > last_age)
