"""What a reproduced number says of the published one (docs/evidence.md)."""

import pandas as pd

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
NOT_COMPARABLE, NOT_RUN, NO_PUBLISHED = "not comparable", "not run", "no published value"
EPSILON_MARGIN = 0.01  # within which a difference of ε-errors counts as none
NOT_CONFIGURED = "not in this suite's config"


def judge(published: float, low: float, high: float, margin: float, obstacle: str, lacks: str) -> tuple[str, str | None]:
    """Return the verdict of a published cell that has a reproduction, and a reason where the numbers alone do not give it.

    Args:
        published: value, NaN if the paper prints none.
        low, high: 95 % interval of the reproduced one, NaN if it has none.
        margin: within which a difference counts as none; in the unit of the values.
        obstacle: why the two are not comparable; empty if they are.
        lacks: why there is no interval; empty if there is one.
    """
    if pd.isna(published):
        return NO_PUBLISHED, None
    if obstacle:
        return NOT_COMPARABLE, obstacle
    if lacks:
        return INCONCLUSIVE, lacks
    if published - margin <= low and high <= published + margin:
        return REPRODUCED, None
    return (INCONCLUSIVE, None) if low <= published <= high else (NOT_REPRODUCED, None)
