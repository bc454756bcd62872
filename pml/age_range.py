"""The ages that have a class, and those that have none."""

import numpy as np


def outside(ages: np.ndarray, first_age: int, last_age: int, whole_ages: bool = False) -> np.ndarray:
    """Return which ages (N,) in years have no class of their own, but fall into the first or the last.

    An age is rounded, or cut to whole years where training sees `whole_ages`.
    """
    whole = np.trunc(ages) if whole_ages else np.round(ages)
    return (whole < first_age) | (whole > last_age)
