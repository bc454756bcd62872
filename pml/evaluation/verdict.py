"""What a difference between two methods shows, in a few fixed words."""

from collections.abc import Sequence

import numpy as np
from statsmodels.stats.multitest import multipletests

from pml.evaluation.uncertainty import LEVEL, Estimate

REFERENCE, EQUIVALENT, LOWER, HIGHER, OPEN = "reference", "equivalent", "lower error", "higher error", "no difference shown"
SHOWN = (LOWER, HIGHER)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return the p-values corrected for their number (Holm 1979); a NaN stays one and does not count."""
    corrected = np.array(p_values, float)
    known = ~np.isnan(corrected)
    if known.any():
        corrected[known] = multipletests(corrected[known], method="holm")[1]
    return corrected


def verdict(found: Estimate, p_value: float, margin: float) -> str:
    """Return what a difference shows, or why it can show nothing.

    A difference that is shown to be within the margin counts as none, however certain it is.

    Args:
        p_value: of no difference, corrected for all that is tested beside it.
        margin: in years.
    """
    if found.unknown:
        return found.unknown
    if found.p_outside(margin) < 1 - LEVEL:
        return EQUIVALENT
    if p_value < 1 - LEVEL:
        return LOWER if found.mean < 0 else HIGHER
    return OPEN
