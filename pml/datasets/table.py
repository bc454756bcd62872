"""Your own pictures, and beside them a table: a CSV with a header and a row per picture, such as `path,age,subject`.

Every column but path and age may be left out, and so may every field of the others. The config's options give the names of
the columns where they differ from those of `Options`.
"""

import posixpath
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from pml.datasets.archives import DAMAGED
from pml.datasets.label_file import SUFFIXES, LabelFile, read_beginning, read_label_file
from pml.datasets.listing import Label, count_stds, join, read_label, read_number, survey
from pml.datasets.tables import Row, Tables
from pml.errors import InputError
from pml.tables import load_schema

LAYOUT = "pictures, and a table such as labels.csv with the columns path and age and a row such as anna/1.jpg,31"
OBTAIN = "make it of your own pictures: a folder with them and a table"
TERMS = "yours; ask the people on the pictures"
SYNTHETIC = "pml.datasets.synthetic.plain:write_table"
NEEDED = ("path", "age")
BOX = ("left", "top", "right", "bottom")
COORDINATES = list(load_schema("landmarks")["properties"])[1:]
GENDERS = {"female": "female", "f": "female", "male": "male", "m": "male"}
PARTS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
RENAME = "write these into its first line, or give the names that it has under the options of the dataset"
ORIENTATION = 0x0112  # of a photo, in its EXIF: from 5 on it lies on its side


@dataclass(frozen=True)
class Options:
    """The name of each column in the table's header, in any case.

    Attributes:
        path: of the picture, from the folder that the table is in.
        age, age_std: in years, the age from 0 to 120.
        subject: who is on the picture, by any name or number.
        picture: number of the picture among the subject's own.
        gender: female or male, or f or m.
        race: any word.
        part: train, validation or test, of a split of your own.
        box: of the face, four numbers in one field: left, top, right and bottom in pixels from 0.
        left, top, right, bottom: the same in four columns.
        landmarks: ten numbers in one field: x and y in pixels of the eyes, the nose and the corners of the mouth. Of two, the
            one that is further left in the picture comes first.
    """

    path: str = "path"
    age: str = "age"
    age_std: str = "age_std"
    subject: str = "subject"
    picture: str = "picture"
    gender: str = "gender"
    race: str = "race"
    part: str = "part"
    box: str = "box"
    left: str = "left"
    top: str = "top"
    right: str = "right"
    bottom: str = "bottom"
    landmarks: str = "landmarks"


def load(root: Path, options: Options) -> Tables:
    """Return the tables of the files below `root`.

    Every row of the table is one row of the index or one of rejected.csv, and so is every picture that no row names.

    Raises:
        InputError: there is no table, or there are several, or it lacks a column that the options name.
    """
    files = survey(root)
    others = {name: root / name for name in files.others if name.lower().endswith(SUFFIXES)}
    table = _find_table(others, options, root)
    file = read_label_file(root / table)
    columns, width = _find_columns(file, options), len(file.header)
    labels: list[Label] = []
    more: dict[str, Row] = {}
    for number, fields in file.rows.items():
        whole = len(fields) == width
        row = {column: fields[place] for column, place in columns.items()} if whole else {}
        path, outside = _below(PurePosixPath(table).parent, row.get("path", ""))
        told, fault = _read_more(row, root / path)
        fault = (outside or fault) if whole else "the row has more or fewer fields than the header"
        age, age_std = row.get("age", ""), row.get("age_std", "")
        labels.append(read_label(f"{table}:{number}", path, "", age, age_std, fault, with_folders=True))
        more.setdefault(path, told)
    index, rejected = join(labels, files.pictures, str)
    points = {row["image"]: more[row["image"]].pop("landmarks") for row in index}
    landmarks = [{"image": image} | dict(zip(COORDINATES, xy, strict=True)) for image, xy in points.items() if xy]
    index = [row | more[row["image"]] for row in index]
    findings = {"rows of the table": len(labels)} | (count_stds(index) if "age_std" in columns else {})
    return Tables(index, files.rejected + rejected, landmarks, findings)


def tells(archives: Sequence[Path], options: Options) -> set[str] | None:
    """Return what columns the table has, by the names of `Options`, before it is unpacked; None where that cannot be seen."""
    try:
        files = {str(file): file for archive in archives for file in _label_files(archive) or []}
        headers = [set(file.header) for file in _understood(files, options).values()]
    except (*DAMAGED, OSError, RuntimeError):
        return None
    if len(headers) != 1:
        return None
    return {column for column, name in asdict(options).items() if name.lower() in headers[0]}


def check_archives(archives: Sequence[Path], options: Options) -> None:
    """Check the table's header before it is unpacked, where every archive lets its label files be seen.

    Raises:
        InputError: as `load`, of the header.
    """
    try:
        seen = [_label_files(archive) for archive in archives]
        if None not in seen:
            files = {str(file): file for label_files in seen for file in sorted(label_files or [], key=str)}
            _find_columns(read_beginning(files[_find_table(files, options, *archives)]), options)
    except (*DAMAGED, OSError, RuntimeError):
        return  # which the stage tells that unpacks them


def _label_files(archive: Path) -> list | None:
    """Return the label files in a folder, a zip or, of a label file, itself; in a zip they are paths of `zipfile`.

    None stands for an archive that does not let them be seen, such as a tar.
    """
    if archive.is_dir():
        return [path for path in archive.rglob("*") if path.suffix.lower() in SUFFIXES]
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            return [zipfile.Path(archive, name) for name in opened.namelist() if name.lower().endswith(SUFFIXES)]
    return [archive] if archive.suffix.lower() in SUFFIXES and archive.exists() else None


def _understood(files: Mapping[str, Path], options: Options) -> dict[str, LabelFile]:
    """Return the beginnings of those files whose header has the columns that are needed, by their names."""
    beginnings = {name: read_beginning(path) for name, path in files.items()}
    needed = {getattr(options, column).lower() for column in NEEDED}
    return {name: file for name, file in beginnings.items() if needed <= set(file.header)}


def _find_table(files: Mapping[str, Path], options: Options, *roots: Path) -> str:
    """Return the name of the one of the label files `files` that is the table; an error names the `roots` they are from."""
    found, needed = list(_understood(files, options)), [getattr(options, column) for column in NEEDED]
    if not files:
        kinds, where = ", ".join(SUFFIXES), ", ".join(map(str, roots))
        raise InputError(f"{where}: no table ({kinds}) with the columns {' and '.join(needed)}; save one there, such as a CSV")
    if not found:
        problem = "it is no table of pictures, and no other file is"
        raise read_beginning(next(iter(files.values()))).misunderstood(problem, needed, RENAME)
    if len(found) > 1:
        raise InputError(f"{files[found[1]]}: a second table beside {found[0]}; leave one of them in the archives")
    return found[0]


def _find_columns(file: LabelFile, options: Options) -> dict[str, int]:
    """Return the place of each column that the table has; one that the config names must be there."""
    names = {column: name.lower() for column, name in asdict(options).items()}
    renamed = {column for column, name in asdict(Options()).items() if names[column] != name}
    wanted = [name for column, name in names.items() if column in {*NEEDED, *renamed} or name in file.header]
    file.check_header(wanted, RENAME)
    return {column: file.header.index(name) for column, name in names.items() if name in file.header}


def _below(folder: PurePosixPath, written: str) -> tuple[str, str]:
    """Return the path below the root of one that is written in a table in `folder`, and what is wrong with it, or empty."""
    if not written:
        return "", ""
    written = written.replace("\\", "/")
    path = posixpath.normpath(folder / written)
    if path.startswith(("/", "../")) or re.match("[A-Za-z]:", written):
        return "", "the row's path leads out of the folder; write it from the folder that the table is in"
    return path, ""


def _read_more(row: Mapping[str, str], picture: Path) -> tuple[Row, str]:
    """Return what a row tells beside path, age and deviation, None where it is empty, and what is wrong with it, or empty."""
    box = _numbers(row.get("box") or " ".join(row.get(side, "") for side in BOX))
    told: Row = {column: row.get(column) or None for column in ("subject", "race")}
    told |= {"picture": read_number(row.get("picture", "")), "landmarks": _numbers(row.get("landmarks", ""))}
    told |= {"gender": GENDERS.get(row.get("gender", "").lower()), "part": PARTS.get(row.get("part", "").lower())}
    told |= dict(zip(BOX, box, strict=False))
    wanted = {"picture": "a number from 0", "gender": "female or male", "part": "train, validation or test"}
    for column, words in wanted.items():
        if row.get(column) and (told[column] is None or column == "picture" and told[column] < 0):
            return told, f"the row's {column} is not {words}"
    if told["landmarks"] and (len(told["landmarks"]) != len(COORDINATES) or None in told["landmarks"]):
        return told, f"the row's landmarks are not {len(COORDINATES)} numbers"
    return told, _fault_of_box(box, picture) if box else ""


def _numbers(text: str) -> list[float | None]:
    return [read_number(word) for word in re.split(r"[\s,;()\[\]]+", text) if word]


def _fault_of_box(box: Sequence[float | None], picture: Path) -> str:
    sides = [side for side in box if side is not None]
    if len(box) != 4 or len(sides) != 4 or sides[0] >= sides[2] or sides[1] >= sides[3]:
        return "the row's box is not left, top, right and bottom"
    try:
        with Image.open(picture) as opened:
            width, height = opened.size if opened.getexif().get(ORIENTATION, 1) < 5 else opened.size[::-1]
    except Exception:  # what is no picture is rejected where pictures are read
        return ""
    inside = sides[0] < width and sides[1] < height and sides[2] > 0 and sides[3] > 0
    return "" if inside else f"the row's box is outside of the picture, which is {width} x {height}"
