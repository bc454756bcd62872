"""MegaAge-Asian: 40,000 faces of Asian people to train on and 3,945 to test on, aged 0 to 70, without names.

Folders `train` and `test` each hold pictures 1.jpg, 2.jpg and so on, the folder `list` beside them `train_name.txt` and
`train_age.txt`, a line for each picture, and the same for test.

Y. Zhang, L. Liu, C. Li, C. C. Loy: Quantifying facial age by posterior of age comparisons. BMVC 2017.
"""

from pathlib import Path, PurePosixPath

from pml.datasets.label_file import read_label_file
from pml.datasets.listing import Label, count_parts, file_name, join, read_label, survey
from pml.datasets.tables import Nominal, Tables
from pml.errors import InputError
from pml.options import NoOptions as Options

LAYOUT = (
    "folders train and test with pictures such as 1.jpg, and list/train_name.txt and list/train_age.txt, a line per picture"
)
OBTAIN = "download megaage_asian.zip from http://mmlab.ie.cuhk.edu.hk/projects/MegaAge/"
TERMS = "non-commercial research only"
SYNTHETIC = "pml.datasets.synthetic.plain:write_megaage_asian"
OFFICIAL = {"train": 40_000, "test": 3_945}  # images
NOMINAL = Nominal(images=43_945, parts=OFFICIAL)
TELLS = ("part",)


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Every line of the lists is one row of the index or one of rejected.csv, and so is every picture that no line names.

    Raises:
        InputError: a list of names has no list of ages beside it, or the two have not the same lines.
    """
    files = survey(root)
    labels = [
        label
        for path in files.others
        for part in OFFICIAL
        if file_name(path) == f"{part}_name.txt"
        for label in _read_part(root, PurePosixPath(path), part)
    ]
    index, rejected = join(labels, files.pictures, str)
    return Tables(index, files.rejected + rejected, findings=count_parts(labels, index, OFFICIAL))


def _read_part(root: Path, path: PurePosixPath, part: str) -> list[Label]:
    ages = root / path.with_name(f"{part}_age.txt")
    if not ages.exists():
        raise InputError(f"{ages}: no such file beside {path.name}; add it to the archives")
    names, years = (read_label_file(file).lines for file in (root / path, ages))
    if names.keys() != years.keys():
        raise InputError(f"{ages}: has {len(years)} lines, and {path.name} has {len(names)}; download its archive again")
    folder = path.parent.parent / part
    return [
        read_label(f"{path}:{line}", str(folder / fields[0]), part, years[line][0], with_folders=True)
        for line, fields in names.items()
    ]
