"""Leave one person out."""

import pandas as pd

from pml.errors import InputError


def lopo(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return folds (fold, image, part): fold k tests on the k-th subject in sorted order and trains on everyone else.

    The protocol of everyone who tests on FG-NET, the paper's Table 4 included: 82 folds of 1,002 images.
    Nothing in it is random, so the seed changes nothing.

    Args:
        index: rows of index.csv.

    Raises:
        InputError: an image has no subject, or all images are of one.
    """
    unknown = index["subject"].isna()
    if unknown.any():
        first = index.loc[unknown, "image"].iloc[0]
        raise InputError(f"index.csv: {unknown.sum()} images have no subject, such as {first}; lopo needs one for every image")
    subjects = sorted(index["subject"].unique())
    if len(subjects) < 2:
        raise InputError(f"index.csv: lopo needs two subjects or more, found {len(subjects)}; use another protocol")
    folds = [
        pd.DataFrame(
            {"fold": fold, "image": index["image"], "part": (index["subject"] == subject).map({True: "test", False: "train"})}
        )
        for fold, subject in enumerate(subjects, 1)
    ]
    return pd.concat(folds, ignore_index=True)
