"""UTKFace: 23,708 faces from the web, aged 1 to 116; who is on them is not told.

Names are `[age]_[gender]_[race]_[date and time].jpg`, or `.jpg.chip.jpg` for the owners' aligned crops of 200 x 200 pixels.
A few lack a code, double an underscore, or have a blank before the suffix, no dot, or `.pg`. Their age stands first all the
same, so they are kept. Gender and race are read only where both have a place: of the one code in 39_1_20170116174525125.jpg
public corrections disagree on which it is, so both are left empty; in 53__0_20170116184028385.jpg only the gender is.

Z. Zhang, Y. Song, H. Qi: Age progression/regression by conditional adversarial autoencoder. CVPR 2017.
"""

import re
from pathlib import Path, PurePosixPath

from pml.datasets.listing import survey
from pml.datasets.tables import Nominal, Row, Tables, reject
from pml.options import NoOptions as Options

LAYOUT = "names such as 26_0_1_20170116174525125.jpg or 26_0_1_20170116174525125.jpg.chip.jpg"
OBTAIN = "download UTKFace.tar.gz, the aligned and cropped faces, from https://susanqq.github.io/UTKFace/"
TERMS = "non-commercial research only; the owners of the pictures are others"
SYNTHETIC = "pml.datasets.synthetic.utkface:write_utkface"
NAME = re.compile(
    r"(?P<age>[0-9]{1,3})_(?P<codes>(?:[0-9]*_)*)(?P<date>[0-9]{8,}) *\.?(?:jpe?g|pg|png)?(?P<crop>\.chip\.jpg)?",
    re.IGNORECASE | re.ASCII,
)
DOCUMENTED = re.compile(r"[0-9]{1,3}_[01]_[0-4]_[0-9]{8,}\.jpg(\.chip\.jpg)?")
GENDERS = {"0": "male", "1": "female"}
RACES = {"0": "white", "1": "black", "2": "asian", "3": "indian", "4": "other"}
MAX_AGE = 116  # years, by the owners' page
OFFICIAL = 23_708  # images
NOMINAL = Nominal(images=OFFICIAL)
TELLS = ("gender", "race")


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Every picture is one row of the index or one of rejected.csv; so is a file without a picture's suffix that is named as one.
    Of a crop and a whole picture of one name, and of copies in several folders, one is indexed, a crop rather than a whole.
    """
    files = survey(root)
    pictures = files.pictures + [path for path in files.others if _match(path)]
    index, rejected = [], files.rejected
    first: dict[tuple[str, ...], str] = {}
    for path in sorted(pictures, key=lambda path: (not path.lower().endswith(".chip.jpg"), path)):
        match = _match(path)
        if match is None:
            rejected.append(reject(path, "name is not of the form 26_0_1_20170116174525125.jpg, nor has it an age and a date"))
        elif int(match["age"]) > MAX_AGE:
            rejected.append(reject(path, f"age above {MAX_AGE}"))
        elif (key := match.group("age", "codes", "date")) in first:
            rejected.append(reject(path, f"same picture as {first[key]}, by its name"))
        else:
            first[key] = path
            index.append(_index_row(path, match))
    return Tables(index, rejected, findings=_findings(index))


def _match(path: str) -> re.Match | None:
    return NAME.fullmatch(PurePosixPath(path).name)


def _index_row(path: str, match: re.Match) -> Row:
    codes = match["codes"].split("_")[:-1]
    if len(codes) != 2:
        codes = [code for code in codes if code]  # an underscore too many
    gender, race = codes if len(codes) == 2 else ("", "")
    return {"image": path, "age": int(match["age"]), "gender": GENDERS.get(gender), "race": RACES.get(race)}


def _findings(index: list[Row]) -> dict[str, int]:
    return {
        "images": len(index),
        "images by the owners' count": OFFICIAL,
        "names not as documented, though with an age": sum(
            not DOCUMENTED.fullmatch(PurePosixPath(row["image"]).name) for row in index
        ),
        "names that do not tell the gender": sum(row["gender"] is None for row in index),
        "names that do not tell the race": sum(row["race"] is None for row in index),
    }
