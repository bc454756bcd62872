"""MORPH Album 2: 55,134 police pictures, taken from 2003 to 2007, of 13,617 people aged 16 to 77.

Its CSV has a row per picture, `id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo`; the album holds
`Album2/009055_1M54.JPG` (subject, number of the picture, gender, age), in some copies in folders of the first three digits.
Row and picture are joined by file name, without regard to case. Without the CSV the file names are the labels.
Dates of birth (dob) and of arrest (doa) are personal: they serve to check ages here and are in nothing that is returned.

K. Ricanek, T. Tesafaye: MORPH: A longitudinal image database of normal adult age-progression. FG 2006.
Inconsistent labels: B. Yip et al.: Preliminary studies on a large face database. arXiv 1811.06446, 2018.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd

from pml.datasets.label_file import LabelFile, read_beginning, read_label_file
from pml.datasets.listing import by_name, file_name, survey
from pml.datasets.tables import Nominal, Row, Tables, reject
from pml.errors import InputError

LAYOUT = (
    "a CSV with a header such as id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo and a folder "
    "'Album2' with names such as 009055_1M54.JPG"
)
OBTAIN = (
    "obtain a licence of MORPH Album 2 (non-commercial or commercial) from the University of North Carolina Wilmington, "
    "https://uncw.edu, put its CSV and the album into one folder or zip"
)
TERMS = "licensed by the University of North Carolina Wilmington, to the person or group that signed"
SYNTHETIC = "pml.datasets.synthetic.morph2:write_morph2"
NOMINAL = Nominal(images=55_134, subjects=13_617, histogram="morph2_age_histogram.csv")
TELLS = ("subject", "picture", "gender", "race")
NAME = re.compile(
    r"(?P<subject>[0-9]{5,6})_(?P<picture>[0-9]{1,2})(?P<gender>[MF])(?P<age>[0-9]{2})\.jpg", re.IGNORECASE | re.ASCII
)
GENDERS = {"F": "female", "M": "male"}
RACES = ("B", "W", "H", "A", "O")
# The columns that are read, in any order and case, and what a row must have there.
COLUMNS = {
    "photo": "a name such as 009055_1M54.JPG",
    "id_num": "a whole number",
    "picture_num": "a whole number",
    "dob": "a date such as MM/DD/YYYY",
    "doa": "a date such as MM/DD/YYYY",
    "race": "one of " + " ".join(RACES),
    "gender": "M or F",
    "age": "a number from 0 to 120",
}
KEYS = ("id_num", "picture_num")
TABLES = (".csv", ".tsv")
MISSING = "listed, but the album has no such file"
SUBJECT_WIDE = {"dob": "birth date", "race": "race", "gender": "gender"}  # what cannot change from picture to picture


@dataclass(frozen=True)
class Options:
    """What a config may choose.

    Args:
        corrections: "none" takes the labels as they are. "majority" gives all pictures of a subject the birth date, race and
            gender that more than half of its rows have, takes its ages from that date, and rejects whom no majority speaks for.
    """

    corrections: Literal["none", "majority"] = "none"


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Every row of the CSV is one row of the index or one of rejected.csv, and so is every picture file that no row names. A
    rejected row goes by its picture, or by file and line of the CSV where it names none or one that an earlier row names.

    Raises:
        InputError: there are several CSVs, one cannot be read or lacks a column, or without one corrections are asked for.
    """
    album, rejected, labels = _list_album(root)
    if len(labels) > 1:
        raise InputError(f"{root / labels[1]}: a second label file beside {labels[0]}; leave one of them in the archives")
    if labels:
        return _join(album, rejected, _read_rows(root, labels[0]), options)
    if options.corrections != "none":
        raise InputError(
            f"{root}: corrections '{options.corrections}' needs the CSV, and no file's header has id_num and picture_num; "
            "add it to the archives, or set corrections to 'none'"
        )
    rows = _parse_names(list(album)).assign(image=list(album.values()))
    findings = {"pictures labelled by their file name alone": len(rows)} | _findings(rows)
    return Tables(rows.drop(columns="name"), rejected, findings=findings)


def _join(album: dict[str, str], rejected: list[Row], rows: pd.DataFrame, options: Options) -> Tables:
    files = pd.Series(album, dtype=object)
    rows["image"] = rows["name"].str.lower().map(files).astype(object)
    sound = rows["reason"] == ""
    findings = _findings(rows[sound])
    corrected = rows.copy()
    if options.corrections == "majority":
        corrected[sound] = _by_majority(rows[sound])
    corrected.loc[sound & rows["image"].isna(), "reason"] = MISSING

    kept = corrected["reason"] == ""
    findings["listed pictures without a file"] = int((corrected["reason"] == MISSING).sum())
    if options.corrections == "majority":
        for column, words in (SUBJECT_WIDE | {"age": "age"}).items():
            findings[f"pictures with a corrected {words}"] = int((corrected[column] != rows[column])[kept].sum())
    out = corrected[~kept]
    shown = out["image"].fillna(out["name"].astype(object)).where(~out["repeated"]).fillna(out["row"].astype(object))
    rejected = [
        *rejected,
        *(reject(path, "no row of the CSV names it") for path in files[~files.isin(rows["image"])]),
        *map(reject, shown, out["reason"]),
    ]
    return Tables(corrected.loc[kept, ["image", "subject", "picture", "age", "gender", "race"]], rejected, findings=findings)


def _list_album(root: Path) -> tuple[dict[str, str], list[Row], list[str]]:
    """Return the album, {lower-case file name: path}, rows of rejected.csv for the other pictures, and the label files.

    Raises:
        InputError: a file is a label file, or a table and the only one, but is not understood.
    """
    files = survey(root)
    album, copies = by_name(path for path in files.pictures if NAME.fullmatch(file_name(path)))
    nameless = [path for path in files.pictures if not NAME.fullmatch(file_name(path))]
    rejected = files.rejected + copies + [reject(path, "name is not of the form 009055_1M54.JPG") for path in nameless]
    beginnings = {path: read_beginning(root / path) for path in files.others}
    labels = [path for path, file in beginnings.items() if _is_label_file(file)]
    tables = [file for path, file in beginnings.items() if PurePosixPath(path).suffix.lower() in TABLES and file.lines]
    if tables and not labels:
        raise tables[0].misunderstood("this table is not MORPH's, and no other file is", COLUMNS)
    return album, rejected, labels


def _is_label_file(file: LabelFile) -> bool:
    """Tell whether a file, of which the beginning will do, is one: by two columns that no other file has.

    Raises:
        InputError: the columns are there, but not as fields of the header, or only one of them is.
    """
    if set(KEYS) <= set(file.header):
        return True
    if any(column in " ".join(file.header).replace("\0", "") for column in KEYS):
        raise file.misunderstood("its header cannot be read", COLUMNS)
    return False


def _read_rows(root: Path, path: str) -> pd.DataFrame:
    """Return the CSV's rows: subject, picture, age, gender, race, dob, doa; the same as the file name has them, with `_named`;
    name of the picture; whether an earlier row has the same (`repeated`); file and line (`row`); what is wrong, if anything
    (`reason`). A field that is malformed is empty.
    """
    file = read_label_file(root / path)
    file.check_header(COLUMNS)
    header, listed = file.header, {f"{path}:{number}": fields for number, fields in file.rows.items()}
    torn = np.array([len(fields) != len(header) for fields in listed.values()], bool)
    whole = [fields if len(fields) == len(header) else [""] * len(header) for fields in listed.values()]
    raw = pd.DataFrame(whole, columns=header, dtype=str)

    names = _parse_names([photo.replace("\\", "/").rpartition("/")[2] for photo in raw["photo"]])
    age = pd.to_numeric(raw["age"], errors="coerce")
    rows = pd.DataFrame(
        {
            "photo": names["name"],
            "id_num": _whole_number(raw["id_num"]).str.zfill(6),
            "picture_num": _whole_number(raw["picture_num"]).astype(float),
            "dob": _date(raw["dob"]),
            "doa": _date(raw["doa"]),
            "race": raw["race"].str.upper().where(raw["race"].str.upper().isin(RACES)),
            "gender": raw["gender"].str.upper().map(GENDERS),
            "age": age.where(age.between(0, 120)),
        }
    )
    repeated = rows["photo"].notna() & rows["photo"].str.lower().duplicated()
    faults = {"the row has more or fewer fields than the header": torn, "an earlier row names the same picture": repeated}
    faults |= {f"the row's {column} is not {wanted}": rows[column].isna() for column, wanted in COLUMNS.items()}
    rows["reason"] = np.select(list(faults.values()), list(faults), "")
    rows = rows.rename(columns={"photo": "name", "id_num": "subject", "picture_num": "picture"})
    return rows.assign(row=list(listed), repeated=repeated).join(names.drop(columns="name").add_suffix("_named"))


def _parse_names(names: list[str]) -> pd.DataFrame:
    """Return what each file name tells (name, subject, picture, gender, age); a row is empty where it is not of the form."""
    found = [NAME.fullmatch(name) for name in names]
    rows = [(match[0], match[1].zfill(6), int(match[2]), GENDERS[match[3].upper()], int(match[4])) for match in found if match]
    frame = pd.DataFrame(
        rows, columns=["name", "subject", "picture", "gender", "age"], index=np.flatnonzero(np.array(found, bool))
    )
    return frame.reindex(range(len(found)))


def _whole_number(column: pd.Series) -> pd.Series:
    return column.where(column.str.fullmatch(r"[0-9]{1,6}(\.0)?")).str.removesuffix(".0")


def _date(column: pd.Series) -> pd.Series:
    official = pd.to_datetime(column, format="%m/%d/%Y", errors="coerce")
    return official.fillna(pd.to_datetime(column, format="%Y-%m-%d", errors="coerce"))


def _completed_years(birth: pd.Series, day: pd.Series) -> pd.Series:
    before_birthday = day.dt.month * 100 + day.dt.day < birth.dt.month * 100 + birth.dt.day
    return (day.dt.year - birth.dt.year - before_birthday).astype(float)


def _findings(rows: pd.DataFrame) -> dict[str, int]:
    """Count what is odd in labels that are well formed, each of them as it was read."""
    subjects = rows.groupby("subject")
    findings = {
        f"subjects with several {words}s": int((subjects[column].nunique() > 1).sum())
        for column, words in SUBJECT_WIDE.items()
        if column in rows
    }
    steps = rows.sort_values(["picture", "name"]).groupby("subject")["age"].diff()
    findings["subjects whose age falls as the picture number rises"] = rows.loc[steps[steps < 0].index, "subject"].nunique()
    if "dob" in rows:
        differs = {column: rows[column] != rows[f"{column}_named"] for column in ("subject", "picture", "gender", "age")}
        findings |= {f"file names that disagree in {column}": int(wrong.sum()) for column, wrong in differs.items()}
        wrong = rows["age"] != _completed_years(rows["dob"], rows["doa"])
        findings["ages that are not the years from birth to arrest"] = int(wrong.sum())
    return findings


def _by_majority(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with what is the subject's own as most of its rows have it and the age that follows, or else a reason."""
    rows = rows.copy()
    lacking = {}
    for column, words in SUBJECT_WIDE.items():
        alike = rows.groupby(["subject", column])[column].transform("size")
        held = rows[column].where(2 * alike > rows.groupby("subject")[column].transform("size"))
        rows[column] = held.groupby(rows["subject"]).transform("first")
        lacking[f"the subject has no {words} that more than half of its rows agree on"] = rows[column].isna()
    rows["age"] = _completed_years(rows["dob"], rows["doa"])
    lacking["the age by the subject's birth date is not from 0 to 120"] = ~rows["age"].between(0, 120)
    rows["reason"] = np.select(list(lacking.values()), list(lacking), "")
    return rows
