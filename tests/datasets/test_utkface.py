"""The UTKFace loader: names as documented, names as they are, and every picture accounted for."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.datasets import archives, utkface

DATA = os.environ.get("PML_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set PML_TEST_DATA to a folder that holds UTKFace_part.zip")
DATE = "20170116174525125"


def load(root, names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return utkface.load(root, utkface.Options())


def reasons(tables):
    return {row["image"]: row["reason"] for row in tables.rejected}


@pytest.mark.parametrize("suffix", [".jpg", ".jpg.chip.jpg"])
@pytest.mark.parametrize(("code", "gender"), [(0, "male"), (1, "female")])
@pytest.mark.parametrize(("digit", "race"), [(0, "white"), (1, "black"), (2, "asian"), (3, "indian"), (4, "other")])
def test_documented_names_tell_age_gender_and_race(suffix, code, gender, digit, race, tmp_path):
    name = f"UTKFace/26_{code}_{digit}_{DATE}{suffix}"
    tables = load(tmp_path, [name])
    assert tables.index == [{"image": name, "age": 26, "gender": gender, "race": race}]
    assert tables.rejected == [] and tables.findings["names not as documented, though with an age"] == 0


@pytest.mark.parametrize(
    ("name", "gender", "race"),
    [
        ("39_1_20170116174525125.jpg.chip.jpg", None, None),  # public corrections: 39_1_0 and 39_0_1
        ("39_20170116174525125.jpg", None, None),
        ("53__0_20170116184028385.jpg", None, "white"),
        ("53_0__20170116184028385.jpg", "male", None),
        ("53_1__0_20170116184028385.jpg", "female", "white"),
        ("24_0_1_20170116220224657 .jpg.chip.jpg", "male", "black"),
        ("55_0_0_20170116232725357jpg.chip.jpg", "male", "white"),
        ("55_0_0_20170116232725357JPG", "male", "white"),
        ("44_1_4_20170116235150272.pg", "female", "other"),
        ("61_3_4_20170109150557335.jpg", None, "other"),
        ("61_1_5_20170109150557335.jpg", "female", None),
    ],
)
def test_a_malformed_name_keeps_its_age_and_what_codes_have_their_place(name, gender, race, tmp_path):
    tables = load(tmp_path, [name])
    assert tables.index == [{"image": name, "age": int(name[:2]), "gender": gender, "race": race}]
    assert tables.findings["names not as documented, though with an age"] == 1
    assert tables.findings["names that do not tell the gender"] == (gender is None)
    assert tables.findings["names that do not tell the race"] == (race is None)


@pytest.mark.parametrize("name", [f"_0_1_{DATE}.jpg", "26_0_1.jpg", f"1234_0_1_{DATE}.jpg", f"x26_0_1_{DATE}.jpg", "face.png"])
def test_a_name_without_an_age_or_a_date_is_rejected(name, tmp_path):
    tables = load(tmp_path, [name])
    assert tables.index == [] and "not of the form" in reasons(tables)[name]


def test_ages_end_at_116(tmp_path):
    names = [f"{age}_0_0_{DATE}.jpg" for age in (0, 116, 117, 200)]
    tables = load(tmp_path, names)
    assert sorted(row["age"] for row in tables.index) == [0, 116]
    assert reasons(tables) == dict.fromkeys(names[2:], "age above 116")


def test_of_copies_a_crop_is_indexed_before_a_whole_picture_and_then_the_first(tmp_path):
    name = f"26_0_1_{DATE}.jpg"
    tables = load(tmp_path, [f"a/{name}", f"b/{name}.chip.jpg", f"c/{name}.chip.jpg"])
    assert [row["image"] for row in tables.index] == [f"b/{name}.chip.jpg"]
    assert reasons(tables) == dict.fromkeys(
        [f"a/{name}", f"c/{name}.chip.jpg"], f"same picture as b/{name}.chip.jpg, by its name"
    )


def test_two_faces_of_one_moment_are_two_images(tmp_path):
    assert len(load(tmp_path, [f"26_0_1_{DATE}.jpg", f"27_0_1_{DATE}.jpg", f"26_1_1_{DATE}.jpg"]).index) == 3


def test_landmark_lists_need_no_row_and_macos_metadata_has_one(tmp_path):
    tables = load(tmp_path, ["landmark_list_part1.txt", f"__MACOSX/._26_0_1_{DATE}.jpg"])
    assert tables.index == [] and reasons(tables) == {f"__MACOSX/._26_0_1_{DATE}.jpg": "macOS metadata"}


codes = st.lists(st.sampled_from(["0", "1", "2", "4", "9", ""]), max_size=4).map("_".join)
dates = st.sampled_from([DATE, "20170110", "2017"])
suffixes = st.sampled_from([".jpg", ".jpg.chip.jpg", " .jpg", "jpg.chip.jpg", ".JPG", ".png"])
likely = st.builds("{}_{}_{}{}".format, st.integers(0, 130), codes, dates, suffixes)
unlikely = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=12).map("{}.jpg".format)
paths = st.builds(
    "{}{}".format, st.sampled_from(["", "UTKFace/", "crop_part1/", "__MACOSX/"]), st.one_of(likely, likely, unlikely)
)


@given(st.sets(paths, max_size=15))
@settings(max_examples=80)
def test_every_picture_is_in_the_index_or_rejected_whatever_its_name(names):
    names = {name for name in names if Path(name).suffix}
    with tempfile.TemporaryDirectory() as root:
        tables = load(Path(root), names)
    in_index, rejected = [row["image"] for row in tables.index], [row["image"] for row in tables.rejected]
    assert sorted([*in_index, *rejected]) == sorted(names)
    assert all(0 <= row["age"] <= 116 for row in tables.index)
    assert all(row["stage"] == "datasets" and row["reason"] for row in tables.rejected)


@needs_data
def test_a_part_of_the_real_archive_is_read_whole(tmp_path):
    archives.unpack([Path(DATA) / "UTKFace_part.zip"], tmp_path / "images")
    tables = utkface.load(tmp_path / "images", utkface.Options())
    assert (len(tables.index), tables.rejected) == (3923, [])
    assert {name: count for name, count in tables.findings.items() if name.startswith("names")} == {
        "names not as documented, though with an age": 0,
        "names that do not tell the gender": 0,
        "names that do not tell the race": 0,
    }
    assert {row["age"] for row in tables.index} >= set(range(1, 91))
    assert sum(row["gender"] == "female" for row in tables.index) == 2176
    assert sum(row["race"] == "white" for row in tables.index) == 2104
