"""How far a mean over images may lie from what other people and other trainings would have given."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

LEVEL, POWER = 0.95, 0.80


@dataclass(frozen=True)
class Uncertainty:
    """What is known of a mean; NaN where nothing is.

    Attributes:
        low, high: ends of the 95 % interval.
        smallest: the smallest true mean that would have been told from 0 in 80 of 100 such studies.
    """

    low: float
    high: float
    smallest: float


UNKNOWN = Uncertainty(np.nan, np.nan, np.nan)


def uncertainty(values: np.ndarray, people: np.ndarray, trainings: np.ndarray) -> Uncertainty:
    """Return the uncertainty of the mean of `values`, which share people and trainings.

    The variance is clustered two ways (Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 2011): what people contribute, plus
    what trainings contribute, less what is counted twice. Under leave-one-person-out each person has trainings of their own, so
    the people hold both. The interval is Student's. Its degrees of freedom are the lesser of their numbers, less 1.
    One training tells nothing of the variation between trainings, so then the interval holds that of people alone.

    Args:
        values: (N,) such as the difference of two absolute errors, of an image in one fold with one seed.
        people: (N,) the subject of each, or the image itself where the data set tells no subject.
        trainings: (N,) the training, fold and seed, that each comes from.
    """
    of_people, of_trainings = pd.factorize(people)[0], pd.factorize(trainings)[0]
    groups = [of_people.max(initial=-1) + 1, of_trainings.max(initial=-1) + 1]
    if groups[0] < 2 or np.isnan(values).any():
        return UNKNOWN
    fitted = OLS(np.asarray(values, float), np.ones(len(values))).fit()
    if groups[1] < 2:
        of_trainings, groups[1] = of_people, groups[0]
    both, *alone = (float(variance[0, 0]) for variance in cov_cluster_2groups(fitted, of_people, of_trainings))
    # The difference of estimates may fall below either of them, where by chance the part counted twice looks large.
    error, freedom = max(both, *alone) ** 0.5, min(groups) - 1
    mean, reach = float(fitted.params[0]), float(t.ppf((1 + LEVEL) / 2, freedom))
    return Uncertainty(mean - reach * error, mean + reach * error, (reach + float(t.ppf(POWER, freedom))) * error)
