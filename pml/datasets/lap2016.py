"""ChaLearn LAP 2016: 7,591 pictures, each with the mean and the standard deviation of the ages that people guessed.

It has the layout of 2015 (`pml.datasets.chalearn`): a folder of pictures for each part and a label file such as `train_gt.csv`
with rows `image,mean,stdv`. APPA-REAL has the same pictures with real ages, too.

S. Escalera et al.: ChaLearn looking at people and faces of the world: Face analysis workshop and challenge 2016. CVPR workshops
2016.
"""

from pathlib import Path

from pml.datasets.chalearn import load_parts
from pml.datasets.tables import Nominal, Tables
from pml.options import NoOptions as Options

LAYOUT = "pictures such as train/000000.jpg, and for each part a label file, such as train_gt.csv, with rows image,mean,stdv"
OBTAIN = (
    "register at https://chalearnlap.cvc.uab.es/dataset/19/description/, download pictures and labels of the CVPR 2016 "
    "challenge on apparent age, and put them into one folder or zip"
)
TERMS = "for registered participants, for research"
SYNTHETIC = "pml.datasets.synthetic.plain:write_lap2016"
OFFICIAL = {"train": 4113, "validation": 1500, "test": 1978}  # images
NOMINAL = Nominal(images=7_591, parts=OFFICIAL)
TELLS = ("part",)


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`, as `pml.datasets.chalearn.load_parts` does."""
    return load_parts(root, OFFICIAL)
