"""How much each factor of a design moves the error: main effects over cells that are tested on the same images."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pml.evaluation.uncertainty import FEWEST, LEVEL, estimate, people_of

DRAWS = 2000  # of people, for the intervals of shares
REST = "interactions"  # the row of what no factor explains alone


def common_errors(cells: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of `pooled` that all cells have in common, N of them, and the (N, C) absolute errors in years.

    Rows are the same that have the same fold and image, and seeds of the same place in the order of a cell's seeds.

    Args:
        cells: of each of C cells the rows of `pooled`, of one method.
    """
    seeds = [rows["seed"].rank(method="dense").astype(int) for rows in cells]
    placed = [rows.assign(seed=seed).set_index(["fold", "image", "seed"]) for rows, seed in zip(cells, seeds, strict=True)]
    errors = [(rows["predicted_age"] - rows["age"]).abs().rename(number) for number, rows in enumerate(placed)]
    found = pd.concat([placed[0]["subject"], *errors], axis=1, join="inner")
    return found[["subject"]].reset_index(), found[list(range(len(cells)))].to_numpy(float)


def main_effects(rows: pd.DataFrame, errors: np.ndarray, levels: Sequence[dict[str, str]]) -> pd.DataFrame:
    """Return a row for each level of each factor, and one for the interactions.

    A factor's effect is the mean error of its worst level less that of its best one. Its share is that of the variance of the
    cells' means which the means of its levels explain. A factor that only some cells have is nested in them: it is told from
    their mean. In a full design the shares of all factors and the interactions add up to 1. Intervals of errors and effects are
    those of `estimate`, over people and trainings. Those of shares are percentiles over people, who are drawn anew, with all
    their images and all cells at once (paired bootstrap).

    Args:
        rows, errors: as `common_errors` returns them.
        levels: of each of C cells the level of each of its factors.

    Returns:
        factor, level, cells, and mae, effect and share, each with _low and _high; those of the factor stand in all its rows.
        What is not known is NaN.
    """
    factors = list(dict.fromkeys(factor for cell in levels for factor in cell))
    named = {factor: np.array([cell.get(factor, "") for cell in levels]) for factor in factors}
    means = errors.mean(axis=0, keepdims=True)
    draws = _draws(rows, errors)
    shares, drawn = _shares(means, named), _shares(draws, named)
    table = []
    for place, factor in enumerate(factors):
        present = dict.fromkeys(level for level in named[factor] if level)
        values = {level: errors[:, named[factor] == level].mean(axis=1) for level in present}
        ordered = sorted(values.values(), key=lambda of_level: of_level.mean())
        of_factor = _interval("effect", rows, ordered[-1] - ordered[0]) | _share(shares[0, place], drawn[:, place])
        for level in present:
            cells = int((named[factor] == level).sum())
            row = {"factor": factor, "level": level, "cells": cells} | _interval("mae", rows, values[level])
            table.append(row | of_factor)
    rest = {"factor": REST, "level": None, "cells": len(levels)}
    table.append(rest | _share(1 - shares[0].sum(), 1 - drawn.sum(axis=1)))
    return pd.DataFrame(table)


def _interval(name: str, rows: pd.DataFrame, values: np.ndarray) -> dict[str, float]:
    found = estimate(rows, values)
    low, high = found.interval
    return {name: found.mean, f"{name}_low": max(low, 0) if name == "mae" else low, f"{name}_high": high}


def _share(share: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(drawn) else (np.nan, np.nan)
    # Rounded, lest rounding pass for a share.
    return {"share": round(share, 9), "share_low": round(low, 9), "share_high": round(high, 9)}


def _draws(rows: pd.DataFrame, errors: np.ndarray) -> np.ndarray:
    """Return (B, C) the means of the cells over people who are drawn anew; B is 0 where they are too few."""
    person = pd.factorize(people_of(rows))[0]
    people = person.max(initial=-1) + 1
    if people < FEWEST:
        return np.empty((0, errors.shape[1]))
    counts = np.bincount(person)
    sums = np.stack([np.bincount(person, of_cell) for of_cell in errors.T], axis=1)
    random, means = np.random.default_rng(0), []
    for _ in range(DRAWS):
        times = np.bincount(random.integers(people, size=people), minlength=people)
        means.append(times @ sums / (times @ counts))
    return np.stack(means)


def _shares(means: np.ndarray, named: dict[str, np.ndarray]) -> np.ndarray:
    """Return (B, F) the share of the variance of the (B, C) means that the levels of each factor explain."""
    total = np.square(means - means.mean(axis=1, keepdims=True)).sum(axis=1)
    explained = []
    for levels in named.values():
        middle = means[:, levels != ""].mean(axis=1)
        groups = [means[:, levels == level] for level in np.unique(levels[levels != ""])]
        explained.append(sum(group.shape[1] * np.square(group.mean(axis=1) - middle) for group in groups))
    with np.errstate(invalid="ignore"):  # where all cells are alike, nothing is to be explained
        return np.stack(explained, axis=1) / total[:, None]
