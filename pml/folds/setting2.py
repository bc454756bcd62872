"""Setting II of Morph II: random draws from a list of some 5,500 images of white people, and its subject-exclusive twin."""

from pathlib import Path

import pandas as pd

from pml.errors import InputError
from pml.folds.draws import refuse
from pml.folds.image_list import listed_images
from pml.folds.setting1 import setting1, setting1_subject_exclusive
from pml.protocol import declare, needs


@needs("race", "subject", "picture", unless="list")
def setting2(index: pd.DataFrame, seed: int, *, list: str | None = None) -> pd.DataFrame:
    """Return five folds (fold, image, part) of the chosen images, each a random draw of its own: 80 % train, 20 % test.

    The protocol of the paper's Table 3 (Sec. 4), whose list of 5,493 images is not public. DEX and DRFs share one of 5,475
    (4,380 train, 1,095 test), Order Learning and MWR another of 5,492; their difficulty differs.

    Args:
        list: path of your copy of a published list of images; without one a rule chooses them (see `chosen_by_rule`).

    Raises:
        InputError: the list cannot be read or names no image of the index, or the rule lacks what it needs.
    """
    return setting1(chosen_images(index, list), seed)


@declare("exclusive")
@needs("race", "picture", unless="list")
@needs("subject")
def setting2_subject_exclusive(index: pd.DataFrame, seed: int, *, list: str | None = None) -> pd.DataFrame:
    """Return five folds (fold, image, part) of the images of `setting2`, drawn as whole subjects with 20 % of them to test.

    The protocol of no published row: it shows what Setting II owes to subjects who are in both parts.

    Raises:
        InputError: as `setting2`; or an image has no subject, or all images are of one.
    """
    return setting1_subject_exclusive(chosen_images(index, list), seed)


def chosen_images(index: pd.DataFrame, list: str | None) -> pd.DataFrame:
    """Return the rows of `index` that Setting II is drawn from."""
    return chosen_by_rule(index) if list is None else listed_images(index, Path(list))


def chosen_by_rule(index: pd.DataFrame) -> pd.DataFrame:
    """Return the last picture of each white subject at each whole age.

    In Morph II these are 5,718 images, among them 5,356 of the 5,475 that DEX and DRFs use.

    Raises:
        InputError: no image is of race W, or one of them lacks its subject or the number of the picture.
    """
    white = index[index["race"] == "W"]
    if white.empty:
        raise InputError("index.csv: no image of race W, which setting2 is drawn from; give the protocol a list of images")
    incomplete = white[["subject", "picture"]].isna().any(axis="columns")
    lack = "of race W lack the subject or picture number that setting2 chooses by"
    refuse(white[incomplete], lack, "give the protocol a list of images")
    last = white.sort_values(["picture", "image"]).groupby(["subject", white["age"] // 1]).tail(1)
    return index.loc[index.index.isin(last.index)]
