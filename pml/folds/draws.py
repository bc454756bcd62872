"""What protocols share: the rows of a fold, its subjects, and random draws of whole groups of images."""

import numpy as np
import pandas as pd

from pml.errors import InputError

DRAWS = 5
TEST_SHARE = 0.2


def fold_rows(fold: int, index: pd.DataFrame, test: pd.Series) -> pd.DataFrame:
    """Return the rows (fold, image, part) of one fold that tests on the images where `test` is true and trains on the rest."""
    return pd.DataFrame({"fold": fold, "image": index["image"], "part": test.map({True: "test", False: "train"})})


def five_draws(index: pd.DataFrame, groups: pd.Series, seed: int) -> pd.DataFrame:
    """Return folds 1 to 5, each a draw of its own of whole groups with 20 % of the images for testing."""
    rng = np.random.default_rng(seed)
    folds = [fold_rows(fold, index, draw(groups, TEST_SHARE, rng)) for fold in range(1, DRAWS + 1)]
    return pd.concat(folds, ignore_index=True)


def draw(groups: pd.Series, share: float, rng: np.random.Generator) -> pd.Series:
    """Return (N,) whether each image is drawn, for whole groups with as near as may be to `share` of the images.

    In random order, each group is drawn that still fits; then the smallest one left, if that brings the number of images
    nearer to the one wanted. So no other group could bring it nearer still, and groups of one image each give it exactly,
    rounded. At least one group is drawn.

    Args:
        groups: (N,) the group of each image: its subject, or the image itself.

    Raises:
        InputError: there are fewer than two groups.
    """
    codes, names = pd.factorize(groups, sort=True)
    if len(names) < 2:
        raise InputError(f"index.csv: {len(groups)} images of one subject, or one image, cannot be split; add data")
    order, sizes = rng.permutation(len(names)), np.bincount(codes)
    wanted, count = share * len(groups), 0
    drawn = np.zeros(len(names), dtype=bool)
    for group in order:
        if count + sizes[group] <= round(wanted):
            drawn[group] = True
            count += sizes[group]
    left = order[~drawn[order]]
    smallest = left[sizes[left].argmin()]
    if not count or abs(count + sizes[smallest] - wanted) < abs(count - wanted):
        drawn[smallest] = True
    return pd.Series(drawn[codes], groups.index)


def refuse(rows: pd.DataFrame, lack: str, remedy: str) -> None:
    """Raise an InputError if there are any such `rows` of the index, which says what they `lack` and names the first."""
    if len(rows):
        raise InputError(f"index.csv: {len(rows)} images {lack}, such as {rows['image'].iloc[0]}; {remedy}")


def subjects_of(index: pd.DataFrame, protocol: str) -> pd.Series:
    """Return the subject of each image.

    Raises:
        InputError: an image has no subject, or all images are of one.
    """
    refuse(index[index["subject"].isna()], "have no subject", f"{protocol} needs one for every image, so use another protocol")
    subjects = index["subject"].nunique()
    if subjects < 2:
        raise InputError(f"index.csv: {protocol} needs two subjects or more, found {subjects}; use another protocol")
    return index["subject"]


def subjects_or_images(index: pd.DataFrame) -> pd.Series:
    """Return the subject of each image, or the image itself where the data set tells no subject."""
    return index["subject"].astype(object).fillna(index["image"])
