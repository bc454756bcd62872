"""The IMDB-WIKI loader: every row of the label files and every picture is accounted for."""

import faulthandler
import math
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from pml.datasets import imdb_wiki, mat_file
from pml.datasets.imdb_wiki import Options
from pml.errors import InputError
from pml.registry import find_options

GOOD = {
    "full_path": "17/10000217_1981-05-05_2009.jpg",
    "dob": 723671,
    "photo_taken": 2009,
    "gender": 1.0,
    "face_score": 4.3,
    "second_face_score": math.nan,
    "face_location": [11.5, 21.0, 111.5, 131.0],
    "name": "A Name",
    "celeb_id": 7.0,
}
ORDER = ("dob", "photo_taken", "full_path", "gender", "name", "face_location", "face_score", "second_face_score", "celeb_id")


def cells(values):
    array = np.empty((1, len(values)), dtype=object)
    for k, value in enumerate(values):
        array[0, k] = value
    return array


def struct(rows, order=ORDER):
    """Return the rows as the official struct: a (1, N) array for each field, cells for texts and boxes."""
    columns = {name: [row[name] for row in rows] for name in order}
    of_cells = ("full_path", "name", "face_location")
    return {name: cells(values) if name in of_cells else np.array([values]) for name, values in columns.items()}


def write_labels(root, rows, label="wiki_crop/wiki.mat", pictures=None, **options):
    """Write a label file, and its pictures unless others are given; return `root`."""
    path = root / label
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {path.stem.lower(): struct(rows, **options)})
    for name in {row["full_path"] for row in rows} if pictures is None else pictures:
        picture = path.parent / name
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.touch()
    return root


def load(root, **options):
    tables = imdb_wiki.load(root, Options(**options))
    rejected = tables.rejected
    return tables.index, dict(zip(rejected["image"], rejected["reason"], strict=True)), tables.findings


def matlab_day(*day):
    return date(*day).toordinal() + 366


@pytest.mark.parametrize("folder", ["", "wiki_crop/", "some/folder/"])
@pytest.mark.parametrize("spelling", ["wiki.mat", "WIKI.MAT"])
def test_a_picture_lies_beside_its_label_file_wherever_that_is(folder, spelling, tmp_path):
    path = tmp_path / folder / "wiki.mat"
    index, rejected, _ = load(write_labels(tmp_path, [GOOD], f"{folder}wiki.mat"))
    if spelling != path.name:
        path.rename(path.with_name(spelling))
        index, rejected, _ = load(tmp_path)
    assert index.to_dict("records") == [
        {"image": f"{folder}17/10000217_1981-05-05_2009.jpg", "subject": "wiki:10000217", "age": 28, "gender": "male"}
    ]
    assert rejected == {}


def test_both_databases_are_indexed_and_a_celebrity_is_known_by_number(tmp_path):
    celebrity = GOOD | {"full_path": "01/nm0000001_rm124825600_1899-5-10_1968.jpg", "gender": 0.0}
    write_labels(tmp_path, [celebrity], "imdb_crop/imdb.mat")
    index, rejected, findings = load(write_labels(tmp_path, [GOOD]))
    assert list(index["subject"]) == ["imdb:7", "wiki:10000217"] and list(index["gender"]) == ["female", "male"]
    assert rejected == {} and findings["imdb: rows"] == findings["wiki: rows"] == 1


def test_fields_are_read_by_name_not_by_position(tmp_path):
    index, _, _ = load(write_labels(tmp_path, [GOOD], order=ORDER[::-1]))
    assert list(index["age"]) == [28]


@pytest.mark.parametrize(
    ("born", "photo", "age"),
    [((1981, 6, 30), 2009, 28), ((1981, 7, 1), 2009, 27), ((2009, 1, 1), 2009, 0), ((1, 1, 1), 100, 99)],
)
def test_the_photo_is_taken_in_the_middle_of_its_year(born, photo, age, tmp_path):
    index, _, _ = load(write_labels(tmp_path, [GOOD | {"dob": matlab_day(*born), "photo_taken": photo}]))
    assert list(index["age"]) == [age]


@given(st.dates())
def test_dates_are_those_of_the_calendar(day):
    years, months = imdb_wiki.read_dates(np.array([matlab_day(day.year, day.month, day.day) + 0.9]))
    assert (years[0], months[0]) == (day.year, day.month)


@pytest.mark.parametrize("serial", [0, 366, 3_652_426, -1, math.nan, math.inf, -math.inf])
def test_other_numbers_are_no_dates(serial):
    assert np.isnan(imdb_wiki.read_dates(np.array([serial], float))).all()


@pytest.mark.parametrize(
    ("dirt", "reason", "finding"),
    [
        ({"dob": 300}, "birth date is no date", "birth dates that are no dates"),
        ({"photo_taken": 0}, "year of the photo is no year", None),
        ({"face_score": -math.inf}, "no face found by the owners", "no face found by the owners"),
        ({"face_score": math.inf}, "no face found by the owners", "no face found by the owners"),
        ({"face_score": 0.99}, "face score below 1", None),
        ({"second_face_score": 2.0}, "a second face", "a second face"),
        ({"photo_taken": 1979}, "age below 0", "ages below 0"),
        ({"photo_taken": 2083}, "age above 100", "ages above 100"),
    ],
)
def test_each_kind_of_dirt_is_rejected_for_its_reason_and_counted(dirt, reason, finding, tmp_path):
    # The years are unsigned in the files.
    fields = struct([GOOD | dirt]) | {"photo_taken": np.array([[(GOOD | dirt)["photo_taken"]]], dtype=np.uint16)}
    write_labels(tmp_path, [GOOD])
    savemat(tmp_path / "wiki_crop" / "wiki.mat", {"wiki": fields})
    index, rejected, findings = load(tmp_path)
    assert len(index) == 0 and list(rejected.values()) == [reason]
    assert {kind for kind, count in findings.items() if count} == {"wiki: rows", *([f"wiki: {finding}"] if finding else [])}


def test_unknown_gender_is_left_empty_unless_it_must_be_known(tmp_path):
    write_labels(tmp_path, [GOOD | {"gender": math.nan}])
    index, _, findings = load(tmp_path)
    assert index["gender"].isna().all() and findings["wiki: gender unknown"] == 1
    assert list(load(tmp_path, gender_known=True)[1].values()) == ["gender unknown"]


def test_filters_can_be_set_and_switched_off(tmp_path):
    dirt = [{"face_score": -math.inf}, {"second_face_score": 2.0}, {"face_score": 0.5}, {"photo_taken": 1991}]
    rows = [GOOD | {"full_path": f"17/{k}_x.jpg"} | change for k, change in enumerate(dirt)]
    write_labels(tmp_path, rows)
    assert len(load(tmp_path, min_face_score=-math.inf, single_face=False)[0]) == 4
    assert list(load(tmp_path, min_age=18)[1].values())[-1] == "age below 18"
    assert list(load(tmp_path, min_face_score=0.4, max_age=20)[0]["age"]) == [10]


def test_what_lies_on_a_bound_is_kept(tmp_path):
    """The ages and the score are the very bounds; a second face with a score of 0 or less is none."""
    row = GOOD | {"face_score": 1.0, "second_face_score": 0.0}
    index, _, _ = load(write_labels(tmp_path, [row]), min_face_score=1.0, min_age=28, max_age=28)
    assert len(index) == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("pictures", "crops"),
        ("min_face_score", math.nan),
        ("min_age", -1),
        ("min_age", 101),
        ("max_age", 121),
        ("max_age", math.nan),
        ("single_face", "no"),
        ("gender_known", 1),
    ],
)
def test_bad_options_are_refused_by_name(option, value):
    with pytest.raises(InputError, match=option):
        find_options("format", "imdb_wiki", {option: value})


def test_whole_pictures_have_the_owners_box_in_pixels_from_zero(tmp_path):
    malformed = [[1, 1, 1], [5, 5, 5, 9], [1, 1, math.nan, 9]]
    rows = [GOOD, *(GOOD | {"full_path": f"17/{k}_x.jpg", "face_location": box} for k, box in enumerate(malformed))]
    index, _, _ = load(write_labels(tmp_path, rows, "wiki/wiki.mat"), pictures="whole")
    boxes = index[["left", "top", "right", "bottom"]].to_numpy()
    assert list(boxes[0]) == [10.5, 20, 110.5, 130] and np.isnan(boxes[1:]).all()


@pytest.mark.parametrize(("folder", "pictures", "other"), [("wiki", "crop", "whole"), ("wiki_crop", "whole", "crop")])
def test_pictures_of_the_other_kind_are_refused(folder, pictures, other, tmp_path):
    write_labels(tmp_path, [GOOD], f"{folder}/wiki.mat")
    with pytest.raises(InputError, match=f"set the option pictures: {other}"):
        load(tmp_path, pictures=pictures)


def test_one_database_given_twice_is_refused(tmp_path):
    for folder in ("a", "b"):
        write_labels(tmp_path, [GOOD], f"{folder}/wiki.mat")
    with pytest.raises(InputError, match="a/wiki.mat is there too"):
        load(tmp_path)


def test_of_rows_that_list_one_file_the_first_is_indexed(tmp_path):
    index, rejected, _ = load(write_labels(tmp_path, [GOOD, GOOD | {"photo_taken": 2010}]))
    assert list(index["age"]) == [28] and rejected == {index["image"].item(): "listed by an earlier row"}


def test_missing_and_unlisted_files_are_rejected(tmp_path):
    pictures = ["17/unlisted.jpg", "17/._x.jpg", "__MACOSX/17/wiki.mat", "notes.txt"]
    index, rejected, _ = load(write_labels(tmp_path, [GOOD, GOOD | {"full_path": ""}], pictures=pictures))
    assert len(index) == 0
    assert rejected == {
        "wiki_crop/17/10000217_1981-05-05_2009.jpg": "listed, but no such file",
        "wiki_crop/(no path)": "listed, but no such file",
        "wiki_crop/17/unlisted.jpg": "no row of a .mat file lists it",
        "wiki_crop/17/._x.jpg": "macOS metadata",
        "wiki_crop/__MACOSX/17/wiki.mat": "macOS metadata",
        "wiki_crop/notes.txt": "no row of a .mat file lists it",
    }


def test_without_label_files_there_is_no_image(tmp_path):
    (tmp_path / "00.jpg").touch()
    index, rejected, _ = load(tmp_path)
    assert len(index) == 0 and rejected == {"00.jpg": "no .mat file lists it"}


def without(name):
    return {key: value for key, value in struct([GOOD]).items() if key != name}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"wiki": without("face_score")}, "fields missing: .*face_score"),
        ({"imdb": struct([GOOD])}, "no struct 'wiki'"),
        ({"wiki": np.zeros((2, 2))}, "no struct 'wiki'"),
        ({"wiki": struct([GOOD]) | {"dob": np.zeros((1, 2))}}, "differ in length: {'dob': 2"),
        ({"wiki": struct([GOOD]) | {"dob": cells(["x"])}}, "'dob'.* of another kind"),
    ],
)
def test_a_label_file_of_another_kind_is_an_error_that_names_it(content, words, tmp_path):
    savemat(tmp_path / "wiki.mat", content)
    with pytest.raises(InputError, match=f"wiki.mat: .*{words}"):
        load(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 400])
def test_a_truncated_label_file_is_an_error_that_names_it(keep, tmp_path):
    path = write_labels(tmp_path, [GOOD]) / "wiki_crop" / "wiki.mat"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="wiki.mat: .*download its archive again"):
        load(tmp_path)


@pytest.fixture(scope="module")
def quiet():
    """Keeps pytest from printing the stack of each process that crashes, as some do here on purpose."""
    faulthandler.disable()
    yield
    faulthandler.enable(sys.__stderr__)


# Bits whose change makes SciPy's reader crash, and others: one example in twenty crashes.
bits = st.sets(st.one_of(st.sampled_from([3265, 4677, 6114]), st.integers(0, 8 * 1100)), min_size=1, max_size=3)


@pytest.mark.usefixtures("quiet")
@given(bits)
@settings(max_examples=40)
def test_a_label_file_with_flipped_bits_is_read_or_is_an_error_that_names_it(flipped):
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        patch.setattr(mat_file, "READING_SECONDS", 2)
        path = write_labels(Path(root), [GOOD]) / "wiki_crop" / "wiki.mat"
        content = bytearray(path.read_bytes())
        for bit in flipped:
            content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            load(Path(root))
        except InputError as error:
            assert "wiki.mat: " in str(error)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("bit", [3265, 4677, 6114])
def test_a_label_file_that_can_crash_its_reader_is_an_error_that_names_it(bit, tmp_path):
    path = write_labels(tmp_path, [GOOD]) / "wiki_crop" / "wiki.mat"
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(InputError, match="wiki.mat: not a whole MATLAB 5 file .*download its archive again"):
        load(tmp_path)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("crash", [os.abort, lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: time.sleep(60)])
def test_a_reader_that_dies_or_hangs_is_an_error_and_no_end_of_the_stage(crash, tmp_path, monkeypatch):
    monkeypatch.setattr(mat_file, "READING_SECONDS", 1)
    monkeypatch.setattr(mat_file, "loadmat", lambda *_, **__: crash())
    with pytest.raises(InputError, match="reader crashed, ran out of memory or took more than 1 seconds"):
        load(write_labels(tmp_path, [GOOD]))


names = st.sampled_from(["00/1_a.jpg", "00/2_b.jpg", "01/3_c.jpg", "01/d.jpg", "01/._4_e.jpg", "x.jpg"])
days = st.dates(date(1975, 1, 1), date(1984, 12, 31)).map(lambda day: day.toordinal() + 366.0)
dirt = {
    "dob": days | st.sampled_from([math.nan, math.inf, -math.inf, -5.0, 366.0, 367.0]),
    "photo_taken": st.sampled_from([1980.0, 1981.0, 1999.0, 2001.0, 2081.0, 2082.0, 2101.0, 0.0, math.nan, math.inf]),
    "gender": st.sampled_from([0.0, 2.0, math.nan]),
    "face_score": st.sampled_from([1.0, 0.5, 0.0, -math.inf, math.inf, math.nan]),
    "second_face_score": st.sampled_from([0.0, 2.0, -math.inf]),
    "face_location": st.sampled_from([[], [1.0, 2.0], [5.0, 5.0, 2.0, 9.0], [math.nan] * 4]),
    "celeb_id": st.sampled_from([math.nan, -1.0, 2.0]),
}
# Most rows are dirty in a field or two only, so that each filter decides on some.
dirty_fields = st.lists(st.sampled_from(sorted(dirt)), max_size=2).flatmap(
    lambda chosen: st.fixed_dictionaries({name: dirt[name] for name in chosen})
)
label_rows = st.lists(st.builds(lambda name, fields: GOOD | {"full_path": name} | fields, names, dirty_fields), max_size=8)
any_options = st.builds(
    Options,
    pictures=st.sampled_from(["crop", "whole"]),
    min_face_score=st.sampled_from([-math.inf, 0, 1]),
    single_face=st.booleans(),
    min_age=st.sampled_from([0, 18, 20]),
    max_age=st.sampled_from([20, 100, 120]),
    gender_known=st.booleans(),
)


def usable_age(row, options):
    """Return the age of a row, or None if a filter removes it: one row at a time, with the calendar of Python."""
    born, photo, score = row["dob"], row["photo_taken"], row["face_score"]
    if not (math.isfinite(born) and born >= 367 and math.isfinite(photo) and photo >= 1):
        return None
    born = date.fromordinal(int(born) - 366)
    age = photo - born.year - (0 if born.month < 7 else 1)
    face = math.isfinite(score) and score >= options.min_face_score or options.min_face_score == -math.inf
    alone = not options.single_face or not row["second_face_score"] > 0
    known = not options.gender_known or row["gender"] in (0, 1)
    return age if face and alone and known and options.min_age <= age <= options.max_age else None


some_files = st.sets(st.builds(str.__add__, st.sampled_from(["", "a/", "b/"]), names), max_size=4)
folders = st.sampled_from([{"imdb": "a"}, {"wiki": ""}, {"imdb": "a", "wiki": "b"}, {"imdb": "", "wiki": "b"}])


@given(
    folders.flatmap(lambda of: st.fixed_dictionaries({(name, of[name]): label_rows for name in of})),
    some_files,
    some_files,
    any_options,
)
@settings(max_examples=60)
def test_rows_and_unlisted_files_in_are_rows_out_whatever_the_dirt(databases, missing, unlisted, options):
    listed = [(str(Path(folder, row["full_path"])), row) for (_, folder), rows in databases.items() for row in rows]
    files = {path for path, _ in listed} - missing | unlisted
    with tempfile.TemporaryDirectory() as root:
        for (name, folder), rows in databases.items():
            write_labels(Path(root), rows, f"{folder}/{name}.mat".lstrip("/"), pictures=[])
        for file in files:
            path = Path(root, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        tables = imdb_wiki.load(Path(root), options)

    index, rejected = (
        pd.DataFrame(table, columns=["image", "age", "stage", "reason"]) for table in (tables.index, tables.rejected)
    )
    unlisted = files - {path for path, _ in listed}
    assert Counter([*index["image"], *rejected["image"]]) == Counter([*(path for path, _ in listed), *unlisted])
    ages = {path: usable_age(row, options) for path, row in reversed(listed)}  # of rows that list one file the first counts
    assert Counter(zip(index["image"], index["age"], strict=True)) == Counter(
        (path, age) for path, age in ages.items() if age is not None and path in files
    )
    assert set(rejected["stage"]) <= {"datasets"} and rejected["reason"].str.len().gt(0).all()
