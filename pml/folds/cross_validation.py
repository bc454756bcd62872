"""Cross-validation: every person is tested once."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from pml.errors import InputError
from pml.folds.draws import fold_rows, subjects_or_images
from pml.protocol import declare


@declare("exclusive")
def cross_validation(index: pd.DataFrame, seed: int, *, folds: int = 5) -> pd.DataFrame:
    """Return folds (fold, image, part): the subjects are dealt out at random, and fold k tests on the k-th share of them.

    The protocol of no published row. It compares methods on all images of a data set at a fraction of the cost of leaving one
    person out. An image without a subject counts as a subject of its own.

    Args:
        folds: number of shares, each with equally many subjects, or one more.

    Raises:
        InputError: there are fewer subjects than folds, or fewer than two folds.
    """
    groups = subjects_or_images(index).astype(str)
    known = groups.nunique()
    if not 2 <= folds <= known:
        raise InputError(
            f"index.csv: {known} subjects cannot be dealt out to {folds} folds; take 2 to {known} folds, or add data"
        )
    splits = GroupKFold(folds, shuffle=True, random_state=seed).split(groups, groups=groups)
    tested = [pd.Series(np.isin(np.arange(len(index)), rows), index.index) for _, rows in splits]
    return pd.concat([fold_rows(fold, index, test) for fold, test in enumerate(tested, 1)], ignore_index=True)
