"""Setting I of Morph II: random draws of images, and its twin that keeps subjects apart."""

import pandas as pd

from pml.folds.draws import five_draws, subjects_of
from pml.protocol import declare, needs


def setting1(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return five folds (fold, image, part), each a random draw of its own: 80 % of the images train, 20 % test.

    The protocol of the paper's Table 2 (Sec. 4): Morph II has 55,134 images of 13,617 subjects, so 44,107 train and 11,027
    test. How many draws the paper took it does not say. Some 96 % of the test images show a subject who is in training too.
    Under the name `random` it serves other data, without subjects also: UTKFace's 23,708 images test on 4,742.
    """
    return five_draws(index, index["image"], seed)


@declare("exclusive")
@needs("subject")
def setting1_subject_exclusive(index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return five folds (fold, image, part), each a random draw of its own of whole subjects with 20 % of the images to test.

    The protocol of those who keep the subjects of Morph II apart, such as DCDL's SE lists: sizes as in `setting1`, no subject
    in both parts. No row of the paper's tables is of it. Under the name `subject_exclusive` it serves other data.

    Raises:
        InputError: an image has no subject, or all images are of one.
    """
    return five_draws(index, subjects_of(index, "a subject-exclusive protocol"), seed)
