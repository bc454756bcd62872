"""The split that the owners of a data set made: one fold, nothing random."""

import pandas as pd

from pml.errors import InputError
from pml.folds.draws import refuse
from pml.protocol import declare, needs


@needs("part")
def official(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one fold (fold, image, part) that trains on the owners' train and validation parts and tests on their test part.

    The protocol of the paper's released code on ChaLearn LAP 2015: 3,612 images train, 1,079 test. APPA-REAL: 5,613, 1,978.

    Raises:
        InputError: an image is in none of the owners' parts, or none is there to train on or to test.
    """
    return _fold(index, {"train": "train", "validation": "train", "test": "test"})


@declare("validates")
@needs("part")
def official_train(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one fold (fold, image, part) with the owners' own parts: train, validation and test.

    The protocol of the paper's Table 6 by its numbers of samples: 2,476 images of ChaLearn LAP 2015 train, 1,079 test.
    The 1,136 of validation train nothing; their MAE goes into history.csv.

    Raises:
        InputError: an image is in none of the owners' parts, or none is there to train on or to test.
    """
    return _fold(index, {"train": "train", "validation": "validation", "test": "test"})


@needs("part")
def official_validation(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one fold (fold, image, part) that trains on the owners' train part and tests on their validation part.

    The protocol of DLDL and DLDL-v2 on ChaLearn LAP 2015: 2,476 images train, 1,136 test; those of the test part are left out.

    Raises:
        InputError: an image is in none of the owners' parts, or none is there to train on or to test.
    """
    return _fold(index, {"train": "train", "validation": "test"})


def _fold(index: pd.DataFrame, parts: dict[str, str]) -> pd.DataFrame:
    remedy = "the official protocols need the owners' own split, so use another protocol"
    refuse(index[index["part"].isna()], "are in no part", remedy)
    for needed in ("train", "test"):
        owners = [part for part, as_part in parts.items() if as_part == needed]
        if not index["part"].isin(owners).any():
            raise InputError(f"index.csv: no image is in part {' or '.join(owners)}; {remedy}")
    folds = pd.DataFrame({"fold": 1, "image": index["image"], "part": index["part"].map(parts)})
    return folds.dropna(subset="part")
