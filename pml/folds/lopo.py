"""Leave one person out."""

import pandas as pd

from pml.folds.draws import fold_rows, subjects_of
from pml.protocol import declare, needs


@declare("exclusive")
@needs("subject")
def lopo(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return folds (fold, image, part): fold k tests on the k-th subject in sorted order and trains on everyone else.

    The protocol of everyone who tests on FG-NET, the paper's Table 4 included: 82 folds of 1,002 images.
    Nothing in it is random, so the seed changes nothing.

    Args:
        index: rows of index.csv.

    Raises:
        InputError: an image has no subject, or all images are of one.
    """
    subjects = subjects_of(index, "lopo")
    folds = [fold_rows(fold, index, subjects == subject) for fold, subject in enumerate(sorted(subjects.unique()), 1)]
    return pd.concat(folds, ignore_index=True)
