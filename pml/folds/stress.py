"""Stress protocols: training ages that lack what a balanced test asks for, of a 2026 review of deep imbalanced regression.

The review (doi 10.1007/s10462-026-11570-1) draws its images of AgeDB with replacement, and 99.5 % of its test images show
people who are in training. Here nothing is drawn twice, and nobody is in both parts where the people are known.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.folds.draws import DRAWS, subjects_or_images
from pml.protocol import declare

ENOUGH = 3  # an age is tested if it has so many times the images of its quota


@declare("exclusive", "stress")
def balanced_extrapolation(
    index: pd.DataFrame, seed: int, *, centre: float = 50.0, width: float = 7.07, factor: float = 4.0, test_images: int = 50
) -> pd.DataFrame:
    """Return five folds (fold, image, part), which train on a bell of ages and test as many images of every age.

    The first protocol of the 2026 review. Ages far from the centre are tested and never seen.

    Args:
        centre, width: mean and standard deviation in years of the bell of training ages.
        factor: an age trains on at most this many times its share of all images by the bell.
        test_images: of each age that has three times as many.

    Raises:
        InputError: no age has enough images, or nothing is left to train on.
    """
    return _five_folds(index, seed, test_images, lambda ages: _quota(_bell(ages, centre, width), len(index), factor), False)


@declare("exclusive", "stress")
def bimodal_interpolation(
    index: pd.DataFrame,
    seed: int,
    *,
    low: float = 25.0,
    high: float = 80.0,
    width: float = 7.07,
    factor: float = 4.0,
    test_images: int = 50,
) -> pd.DataFrame:
    """Return five folds (fold, image, part), which train on two bells of ages and test as many images of every age.

    The second protocol of the 2026 review. The ages between the bells are rare in training. It trains on no age beyond those
    tested.

    Args:
        low, high: means of the two bells in years.
        width, factor, test_images: as for `balanced_extrapolation`.

    Raises:
        InputError: as `balanced_extrapolation`.
    """

    def quota(ages: np.ndarray) -> np.ndarray:
        return _quota(_bell(ages, low, width) + _bell(ages, high, width), len(index), factor)

    return _five_folds(index, seed, test_images, quota, True)


@declare("exclusive", "stress")
def blind_spot(
    index: pd.DataFrame, seed: int, *, first: int = 47, last: int = 53, factor: float = 4.0, test_images: int = 50
) -> pd.DataFrame:
    """Return five folds (fold, image, part), which train on no age from `first` to `last` and test as many images of every age.

    The third protocol of the 2026 review. It trains on no age beyond those tested.

    Args:
        first, last: ages in whole years that are tested and never seen.
        factor, test_images: as for `balanced_extrapolation`; all ages have one share.

    Raises:
        InputError: as `balanced_extrapolation`.
    """

    def quota(ages: np.ndarray) -> np.ndarray:
        return np.where((first <= ages) & (ages <= last), 0, _quota(np.ones(len(ages)), len(index), factor))

    return _five_folds(index, seed, test_images, quota, True)


def _bell(ages: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-((ages - centre) ** 2) / (2 * width**2))


def _quota(weights: np.ndarray, images: int, factor: float) -> np.ndarray:
    """Return the most training images of each age, by its share of the weights of all ages that there are."""
    return np.floor(factor * images * weights / max(weights.sum(), np.finfo(float).tiny)).astype(int)


def _five_folds(
    index: pd.DataFrame, seed: int, test_images: int, quota: Callable[[np.ndarray], np.ndarray], within: bool
) -> pd.DataFrame:
    """Return folds 1 to 5, each a draw of its own.

    Args:
        quota: returns the most training images of each of some ages, ascending.
        within: train on no age outside of those tested.
    """
    ages, groups = index["age"].round().astype(int), subjects_or_images(index)
    counts = ages.value_counts().sort_index()
    tested = counts.index[counts >= ENOUGH * test_images].to_numpy()
    if not len(tested):
        raise InputError(
            f"index.csv: no age has {ENOUGH * test_images} images, {ENOUGH} times the option test_images {test_images}; "
            "lower it"
        )
    limits = pd.Series(quota(counts.index.to_numpy()), counts.index)
    if within:
        limits[(limits.index < tested.min()) | (limits.index > tested.max())] = 0
    folds, rng = [], np.random.default_rng(seed)
    for fold in range(1, DRAWS + 1):
        order = pd.Series(rng.permutation(len(index)), index.index)
        test_groups = _draw_groups(ages, groups, order, tested, test_images)
        of_test = groups.isin(test_groups)
        test = _first(order[of_test & ages.isin(tested)], ages, pd.Series(test_images, tested))
        train = _first(order[~of_test], ages, limits)
        if train.empty:
            raise InputError("index.csv: nothing is left to train on; move the centre or lower the option test_images")
        parts = {"test": test, "train": train}
        folds += [pd.DataFrame({"fold": fold, "image": index.loc[rows, "image"], "part": part}) for part, rows in parts.items()]
    return pd.concat(folds, ignore_index=True)


def _draw_groups(ages: pd.Series, groups: pd.Series, order: pd.Series, tested: np.ndarray, wanted: int) -> set:
    """Return groups that have the `wanted` number of images of each age, rare ages first, as few as that takes."""
    drawn: set = set()
    for age in sorted(tested, key=lambda age: (ages == age).sum()):
        candidates = groups[order[ages == age].sort_values().index]
        missing = wanted - candidates.isin(drawn).sum()
        for group in candidates:
            if missing <= 0:
                break
            if group not in drawn:
                drawn.add(group)
                missing -= (candidates == group).sum()
    return drawn


def _first(order: pd.Series, ages: pd.Series, limits: pd.Series) -> pd.Index:
    """Return the rows of `order`, in that order, up to the limit of each age."""
    ordered = order.sort_values().index
    place = ages[ordered].groupby(ages[ordered]).cumcount()
    return ordered[place < ages[ordered].map(limits).fillna(0)]
