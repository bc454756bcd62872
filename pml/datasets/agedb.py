"""AgeDB: 16,488 photos of 568 famous people, aged 1 to 101, collected by hand.

Names are `0_MariaCallas_35_f.jpg`: number, person, age and gender. The owners' zips have a password: unpack them by hand.

S. Moschoglou et al.: AgeDB: the first manually collected, in-the-wild age database. CVPR workshops 2017.
"""

import re
from pathlib import Path

from pml.datasets.named import load_named
from pml.datasets.tables import Nominal, Tables
from pml.options import NoOptions as Options

LAYOUT = "names such as 0_MariaCallas_35_f.jpg"
OBTAIN = "ask its owners, https://ibug.doc.ic.ac.uk/resources/agedb/, for the password, unpack their zip, and give the folder"
TERMS = "non-commercial research only, by the owners' agreement; no copies to others"
SYNTHETIC = "pml.datasets.synthetic.plain:write_agedb"
NOMINAL = Nominal(images=16_488, subjects=568)
TELLS = ("subject", "gender")
NAME = re.compile(r"(?<![^/])[0-9]+_(?P<subject>[^/]+)_(?P<age>[0-9]{1,3})_(?P<gender>[mf])\.jpe?g$", re.I | re.A)


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`."""
    return load_named(root, NAME, "0_MariaCallas_35_f.jpg", {"f": "female", "m": "male"})
