"""Metrics of predicted ages: functions of arrays, each NaN where it has nothing to average.

`errors` are predicted age minus age, (N,) in years; no metric here heeds their sign.
"""

import numpy as np
import pandas as pd

CS_THETAS = range(11)
SHOTS = ("many", "medium", "few")
MANY, FEW = 100, 20  # training images of an age: many-shot has more, few-shot fewer, medium-shot lies between
GEOMETRIC_FLOOR = 0.01
STD_FLOOR = 1e-10


def mae(errors: np.ndarray) -> float:
    """Return the mean absolute error over images, in years."""
    return float(np.mean(np.abs(errors))) if len(errors) else np.nan


def mae_per_subject(errors: np.ndarray, subjects: np.ndarray) -> float:
    """Return the mean over subjects of each subject's own MAE, in years.

    Under leave-one-person-out this is the mean of the folds' MAEs, which differs from `mae` when subjects have unequally many
    images. Images without a subject are left out.
    """
    return float(pd.Series(np.abs(errors)).groupby(np.asarray(subjects)).mean().mean())


def cumulative_score(errors: np.ndarray, theta: float) -> float:
    """Return CS(theta): the fraction of images with an absolute error of at most `theta` years, unrounded and inclusive."""
    return float(np.mean(np.abs(errors) <= theta)) if len(errors) else np.nan


def geometric_mean_error(errors: np.ndarray) -> float:
    """Return the geometric mean of the absolute errors, in years (Yang et al., ICML 2021).

    An error below `GEOMETRIC_FLOOR` counts as the floor, lest one exact hit make the mean zero.
    """
    return float(np.exp(np.log(np.maximum(np.abs(errors), GEOMETRIC_FLOOR)).mean())) if len(errors) else np.nan


def epsilon_errors(errors: np.ndarray, age_stds: np.ndarray) -> np.ndarray:
    """Return (N,) the epsilon-error of each image: 1 - exp(-error² / (2 std²)), in 0..1.

    The measure of the LAP 2015 challenge (Escalera et al., ICCVW 2015), which weighs an error by how much people disagreed.

    Args:
        errors: (N,).
        age_stds: (N,) standard deviation of each label in years; NaN where unknown, which makes the result NaN there. Zero
            counts as `STD_FLOOR`, as in DLDL-v2: only an exact hit is then no error.
    """
    return -np.expm1(-0.5 * (errors / np.maximum(age_stds, STD_FLOOR)) ** 2)


def epsilon_error(errors: np.ndarray, age_stds: np.ndarray) -> float:
    """Return the mean of `epsilon_errors` over images, NaN unless the standard deviation of every label is known.

    The paper prints a sum; its values are means.
    """
    return float(np.mean(epsilon_errors(errors, age_stds))) if len(errors) else np.nan


def shots(train_images: np.ndarray) -> np.ndarray:
    """Return (N,) the shot of each image, from the number of training images of the same whole age.

    Many has more than `MANY`, few has fewer than `FEW`, medium what lies between (Yang et al., Delving into Deep
    Imbalanced Regression, ICML 2021); an age never seen in training is few.
    """
    train_images = np.asarray(train_images)
    return np.select([train_images > MANY, train_images < FEW], ["many", "few"], "medium")


def decades(ages: np.ndarray) -> np.ndarray:
    """Return (N,) the first age of each age's decade: 0, 10, 20, ..."""
    return (np.asarray(ages) // 10 * 10).astype(int)


def pit(ages: np.ndarray, distributions: np.ndarray, true_ages: np.ndarray) -> np.ndarray:
    """Return (N,) the probability integral transform of each age: how much of its predicted distribution lies below it.

    An age of a class takes half of that class, and one between two classes its share (Czado, Gneiting and Held, Biometrics 65,
    2009, without their random draw). The central interval of mass m holds the age where the value is within m / 2 of 0.5.

    Args:
        ages: (K,) whole and without a gap, ascending.
        distributions: (N, K) probabilities over `ages`.
        true_ages: (N,) in years; one outside of the classes gets 0 or 1.
    """
    cumulated = np.pad(np.cumsum(distributions, axis=1, dtype=float), ((0, 0), (1, 0)))
    place = np.clip(np.asarray(true_ages) - ages[0] + 0.5, 0, len(ages))
    row, start = np.arange(len(place)), np.minimum(place.astype(int), len(ages) - 1)
    below, above = cumulated[row, start], cumulated[row, start + 1]
    return np.clip((below + (place - start) * (above - below)) / cumulated[:, -1], 0, 1)


def central_interval(ages: np.ndarray, distribution: np.ndarray, mass: float) -> tuple[int, int]:
    """Return the first and the last age of the central interval: between the quantiles (1 - mass) / 2 and (1 + mass) / 2.

    Ages are whole, so it holds at least `mass` of the distribution and on either side leaves out at most (1 - mass) / 2.

    Args:
        ages: (K,) ascending.
        distribution: (K,) probabilities over `ages`.
        mass: in (0, 1).
    """
    cumulated = np.cumsum(distribution, dtype=float)
    low, high = np.searchsorted(cumulated / cumulated[-1], [(1 - mass) / 2, (1 + mass) / 2])
    return int(ages[low]), int(ages[high])
