"""A mean over test images, and how far other people and other trainings would have moved it."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import permutation_test, t

LEVEL, POWER = 0.95, 0.80
FEWEST = 6  # people of an interval; below, no p-value of their signs could reach 0.05
FLIPPED = 12  # people up to whom all signs are tried
ONE_TRAINING, FEW_PEOPLE = "one training", f"fewer than {FEWEST} people"
NO_IMAGES, NO_VALUE = "no common images", "no value"


@dataclass(frozen=True, eq=False)
class Estimate:
    """A mean over images and seeds.

    With one source of variation, its interval is Student's. With two, the squares of the two half-widths add up (Zou and
    Donner, Stat. Med. 27, 2008), so that a source with few degrees of freedom keeps its own quantile.

    Attributes:
        mean: in the unit of the values; NaN without images.
        sources: variance and degrees of freedom of people and of trainings; one with the variance 0 is left out.
        unknown: why nothing is known of its uncertainty, one of the words above; empty where something is.
        flips: (G,) the people's sums, where each has trainings of their own and they are few; else empty.
    """

    mean: float
    sources: tuple[tuple[float, float], ...] = ()
    unknown: str = ""
    flips: np.ndarray = field(default_factory=lambda: np.empty(0))

    def reach(self, tail: float) -> float:
        """Return the distance from the truth that a share `tail` of studies exceeds on one side; NaN if unknown."""
        squares = [variance * t.isf(tail, freedom) ** 2 for variance, freedom in self.sources]
        return np.nan if self.unknown else float(sum(squares) ** 0.5)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        reach = self.reach((1 - LEVEL) / 2)
        return self.mean - reach, self.mean + reach

    @property
    def smallest(self) -> float:
        """The smallest true mean that would have been told from 0 in 80 of 100 such studies."""
        return self.reach((1 - LEVEL) / 2) + self.reach(1 - POWER)

    @property
    def p_value(self) -> float:
        """Of a true mean of 0; exact by the signs of people where they are few, as `flips` says."""
        if self.unknown:
            return np.nan
        if len(self.flips):
            return float(permutation_test((self.flips,), _sums, permutation_type="samples", n_resamples=2**FLIPPED).pvalue)
        return 2 * self._tail(abs(self.mean))

    def p_outside(self, margin: float) -> float:
        """Return the p-value of a true mean of at least `margin` from 0: two one-sided tests (Schuirmann 1987)."""
        if self.unknown:
            return np.nan
        room = margin - abs(self.mean)
        return self._tail(room) if room >= 0 else 1 - self._tail(-room)

    def _tail(self, distance: float) -> float:
        """Return the share of studies that exceed a `distance` from the truth on one side."""
        alone = [float(t.sf(distance / variance**0.5, freedom)) for variance, freedom in self.sources]
        most = max(alone, default=0.5 * (distance == 0))
        if len(alone) < 2 or self.reach(most) <= distance:  # the other source adds nothing that can be told from rounding
            return most
        return float(brentq(lambda tail: self.reach(tail) - distance, most, 0.5))


def estimate(rows: pd.DataFrame, values: np.ndarray) -> Estimate:
    """Return the mean of `values` with what people and trainings add to its variance.

    People are drawn as a whole (Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 2011). A training moves all that it was
    tested on. That is seen between the seeds of a fold, or between folds where there is one seed, less what the people alone
    would do there. Under leave-one-person-out nothing is left of it: each person has trainings of their own, and holds both.

    Args:
        rows: of `pooled`, of one method; all seeds have the same images.
        values: (N,) of each row, such as its absolute error.
    """
    values, seeds = np.asarray(values, float), rows["seed"].nunique()
    if not len(values):
        return Estimate(np.nan, unknown=NO_IMAGES)
    mean = float(values.mean())
    folds, person = pd.factorize(rows["fold"])[0], pd.factorize(people_of(rows))[0]
    people, trainings = person.max() + 1, (folds.max() + 1) * seeds
    if np.isnan(mean):
        return Estimate(mean, unknown=NO_VALUE)
    if trainings == 1:
        return Estimate(mean, unknown=ONE_TRAINING)
    if people < FEWEST:
        return Estimate(mean, unknown=FEW_PEOPLE)
    of_people = np.bincount(person, values - mean)
    # Satterthwaite's degrees of freedom: one less than the people, where all have equally many images.
    weights = np.square(np.bincount(person, minlength=people).astype(float))
    freedom = (people - 1) / people * weights.sum() ** 2 / np.square(weights).sum()
    sources = [(_variance(of_people, people) / len(values) ** 2, freedom)]
    cell = pd.factorize(folds * people + person)[0]  # what one person is tested on in one fold
    if seeds > 1:
        seed = pd.factorize(rows["seed"])[0]
        image = pd.factorize(pd.MultiIndex.from_frame(rows[["fold", "image"]]))[0]
        rest = values - (np.bincount(image, values) / np.bincount(image))[image]
        of_trainings = np.square(np.bincount(folds * seeds + seed, rest)).sum()
        of_both = np.square(np.bincount(cell * seeds + seed, rest)).sum()
        added, freedom = (of_trainings - of_both) / (1 - 1 / seeds), trainings - trainings // seeds
    else:
        once = pd.Series(folds).groupby(person).transform("nunique").to_numpy() == 1
        of_folds, of_both = np.bincount(folds, values - mean), np.bincount(cell[once], (values - mean)[once])
        added, freedom = _variance(of_folds, trainings) - _variance(of_both, people), trainings - 1
    sources.append((max(added, 0) / len(values) ** 2, freedom))
    alone = cell.max() == folds.max() and people <= FLIPPED
    flips = np.bincount(person, values) if alone else np.empty(0)
    return Estimate(mean, tuple(source for source in sources if source[0] > 0), flips=flips)


def people_of(rows: pd.DataFrame) -> pd.Series:
    """Return who is on the image of each row, or the image itself where nobody knows."""
    return rows["subject"].fillna(rows["image"])


def _variance(sums: np.ndarray, groups: int) -> float:
    """Return the variance of a sum over independent groups, from their own sums, whose mean is 0."""
    return float(np.square(sums).sum() * groups / (groups - 1))


def _sums(values: np.ndarray, axis: int) -> np.ndarray:
    return values.sum(axis)
