"""AFAD: 164,432 faces of Asian people aged 15 to 40, from a social network; AFAD-Lite has 59,344 of them.

A face is `AFAD-Full/15/111/638660-1.jpg`: age, gender (111 for male, 112 for female), and a number that a second one follows.
The owners do not say whom the first number stands for. It counts as the subject, so that pictures that share it stay together.

Z. Niu, M. Zhou, L. Wang, X. Gao, G. Hua: Ordinal regression with multiple output CNN for age estimation. CVPR 2016.
"""

import re
from pathlib import Path

from pml.datasets.named import load_named
from pml.datasets.tables import Nominal, Tables
from pml.options import NoOptions as Options

LAYOUT = "folders of an age and a gender with pictures, such as 15/111/638660-1.jpg"
OBTAIN = "join the parts of AFAD-Full.tar.xz or AFAD-Lite.tar.xz from https://github.com/afad-dataset with cat"
TERMS = "academic research only"
SYNTHETIC = "pml.datasets.synthetic.plain:write_afad"
NOMINAL = Nominal(images=164_432)
TELLS = ("subject", "gender")
PATH = re.compile(r"(?<![^/])(?P<age>[0-9]{1,3})/(?P<gender>11[12])/(?P<subject>[0-9]+)-[0-9]+\.jpe?g$", re.I | re.A)


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`."""
    return load_named(root, PATH, "15/111/638660-1.jpg", {"111": "male", "112": "female"})
