"""The mark that the name of a synthetic data set carries, so that no number of one goes unlabelled."""

import pandas as pd

MARK = " (synthetic)"


def marked(data: str, synthetic: bool) -> str:
    """Return the name of a data set, with the mark if it is synthetic."""
    return data + MARK if synthetic else data


def any_marked(data: pd.Series) -> bool:
    """Return whether any of the names has the mark."""
    return bool(data.str.endswith(MARK).any())
