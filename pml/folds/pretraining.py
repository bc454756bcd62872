"""Train on nearly everything, for a checkpoint that other experiments start from."""

import numpy as np
import pandas as pd

from pml.folds.draws import draw, fold_rows, subjects_or_images
from pml.protocol import declare

TEST_SHARE = 0.05


@declare("exclusive")
def pretraining(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return one fold (fold, image, part) that trains on everything but a random 5 %, so that the checkpoint has an error.

    The protocol of no paper: those who pretrain on IMDB-WIKI, of which the paper uses "about 300,000 images" (Sec. 4), print
    no error on it. Drawn are whole subjects with 5 % of the images; an image without a subject counts as a subject of its own.
    """
    return fold_rows(1, index, draw(subjects_or_images(index), TEST_SHARE, np.random.default_rng(seed)))
