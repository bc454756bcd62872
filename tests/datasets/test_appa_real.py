"""The APPA-REAL loader: two labels, two pictures, and every row and picture accounted for."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.datasets import appa_real
from pml.errors import InputError
from pml.registry import find_options

HEADER = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"
ROW = "000000.jpg,38,27.5,4.25,31\n"
PICTURES = ["train/000000.jpg", "train/000000.jpg_face.jpg"]


def load(root, files, **options):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return appa_real.load(root, appa_real.Options(**options))


def reasons(tables):
    return {row["image"]: row["reason"] for row in tables.rejected}


@pytest.mark.parametrize(("label", "age", "std"), [("apparent", 27.5, 4.25), ("real", 31, None)])
@pytest.mark.parametrize(("picture", "image"), [("crop", "r/train/000000.jpg_face.jpg"), ("whole", "r/train/000000.jpg")])
def test_options_choose_the_label_and_the_picture(label, age, std, picture, image, tmp_path):
    files = dict.fromkeys([f"r/{name}" for name in [*PICTURES, "train/000000.jpg.mat"]], "")
    tables = load(tmp_path, files | {"r/gt_avg_train.csv": HEADER + ROW}, label=label, picture=picture)
    assert tables.index == [{"image": image, "age": age, "age_std": std, "part": "train"}]
    assert tables.rejected == []


@pytest.mark.parametrize("options", [{"label": "true"}, {"picture": "face"}, {"ignore_list": "yes"}])
def test_other_options_are_refused_by_name(options):
    with pytest.raises(InputError, match=next(iter(options))):
        find_options("format", "appa_real", options)


@pytest.mark.parametrize(("name", "part"), [("train", "train"), ("valid", "validation"), ("test", "test")])
def test_the_label_file_tells_the_part_and_the_header_the_columns(name, part, tmp_path):
    content = "Real_Age,file_name,apparent_age_std,apparent_age_avg\r\n31,000000.jpg,4.25,27.5\r\n"
    tables = load(tmp_path, {"000000.jpg_face.jpg": "", f"gt_avg_{name}.csv": content})
    assert tables.index == [{"image": "000000.jpg_face.jpg", "age": 27.5, "age_std": 4.25, "part": part}]


@pytest.mark.parametrize("content", ["", "file_name,real_age\n000000.jpg,31\n", HEADER.replace("num_ratings", "file_name")])
def test_a_label_file_without_its_columns_is_an_error_that_names_it(content, tmp_path):
    with pytest.raises(InputError, match=r"gt_avg_test\.csv: column .* is missing or there twice"):
        load(tmp_path, {"gt_avg_test.csv": content})


def test_rows_without_the_chosen_picture_and_pictures_without_a_row_are_rejected(tmp_path):
    files = dict.fromkeys(["train/000000.jpg", "train/000001.jpg", "train/000002.jpg_face.jpg", "train/000003.jpg.mat"], "")
    tables = load(tmp_path, files | {"gt_avg_train.csv": HEADER + ROW})
    assert tables.index == []
    assert reasons(tables) == {
        "000000.jpg_face.jpg": "listed, but there is no such file",
        "train/000001.jpg": "no row of a label file names it",
        "train/000002.jpg_face.jpg": "no row of a label file names it",
    }


@pytest.mark.parametrize(
    ("row", "image", "words"),
    [
        ("000001.jpg,38,x,4,31", "train/000001.jpg_face.jpg", "age is not a number"),
        ("000001.jpg,38,27,-4,31", "train/000001.jpg_face.jpg", "standard deviation"),
        ("000001.jpg,38,27", "gt_avg_train.csv:3", "fewer fields"),
        (",38,27,4,31", "gt_avg_train.csv:3", "names no picture"),
        (ROW, "gt_avg_train.csv:3", "an earlier row"),
    ],
)
def test_a_malformed_row_is_rejected_by_its_picture_or_else_by_its_line(row, image, words, tmp_path):
    files = dict.fromkeys([*PICTURES, "train/000001.jpg_face.jpg"], "")
    tables = load(tmp_path, files | {"gt_avg_train.csv": HEADER + ROW + row})
    assert len(tables.index) == 1 and words in reasons(tables)[image]


def test_the_rows_per_rating_are_not_labels(tmp_path):
    files = dict.fromkeys(PICTURES, "") | {"gt_avg_train.csv": HEADER + ROW, "gt_train.csv": "file_name,age\n000000.jpg,99\n"}
    assert [row["age"] for row in load(tmp_path, files).index] == [27.5]


@pytest.mark.parametrize("ignore", ["img_name\n000000.jpg\n", "000000.jpg"])
def test_pictures_on_the_ignore_list_are_rejected_if_asked(ignore, tmp_path):
    files = dict.fromkeys(PICTURES, "") | {"gt_avg_train.csv": HEADER + ROW, "ignore_list.csv": ignore}
    assert len(load(tmp_path, files).index) == 1
    tables = load(tmp_path, files, ignore_list=True)
    assert tables.index == [] and reasons(tables) == {"train/000000.jpg_face.jpg": "on the ignore list"}


def test_entries_of_the_ignore_list_that_match_nothing_are_counted_and_warned_of(tmp_path, capsys):
    files = {"gt_avg_train.csv": HEADER + ROW, "ignore_list.csv": "img_name\n000000.jpg\n000001\n"}
    findings = load(tmp_path, files, ignore_list=True).findings
    assert findings["entries of the ignore list"] == 2 and findings["entries of the ignore list in no label file"] == 1
    assert "1 of 2 entries, such as 000001, are in no label file" in capsys.readouterr().err


@pytest.mark.parametrize("entries", ["", "img_name\n", "000000\n", "0,000000.jpg\n"])
def test_an_ignore_list_that_ignores_nothing_is_an_error(entries, tmp_path):
    with pytest.raises(InputError, match="none of the . entries of the ignore list names a picture"):
        load(tmp_path, {"gt_avg_train.csv": HEADER + ROW, "ignore_list.csv": entries}, ignore_list=True)


def test_a_missing_ignore_list_is_an_error_that_says_where_there_is_one(tmp_path):
    with pytest.raises(InputError, match=r"ignore_list\.csv.*https://github\.com"):
        load(tmp_path, {"gt_avg_train.csv": HEADER + ROW}, ignore_list=True)


def test_findings_hold_the_parts_against_the_owners_counts(tmp_path):
    content = HEADER + ROW + "000001.jpg,38,27,0,31\n000002.jpg,38,27,,31\n000003.jpg,38,27,1,31\n"
    files = {f"train/00000{k}.jpg": "" for k in range(3)} | {"gt_avg_train.csv": content}
    findings = load(tmp_path, files, picture="whole").findings
    assert [findings[f"train: {words}"] for words in ("label rows", "images", "images by the owners' count")] == [4, 3, 4113]
    assert findings["images with a standard deviation of 0"] == findings["images without a standard deviation"] == 1


numbers = st.integers(0, 5).map(lambda k: f"00000{k}.jpg")
values = st.sampled_from(["27", "3.5", "", "-1", "200", "x", "inf"])
rows = st.builds(lambda name, rest: ",".join([name, *rest]), numbers, st.lists(values, min_size=3, max_size=5))
pictures = st.builds(
    "{}{}{}".format, st.sampled_from(["train/", "valid/", "a/test/"]), numbers, st.sampled_from(["", "_face.jpg"])
)


@given(
    files=st.sets(pictures, max_size=10),
    lists=st.dictionaries(st.sampled_from(["gt_avg_train.csv", "a/GT_AVG_valid.csv"]), st.lists(rows, max_size=6)),
    label=st.sampled_from(["apparent", "real"]),
    picture=st.sampled_from(["crop", "whole"]),
)
@settings(max_examples=80)
def test_rows_are_in_the_index_or_rejected_and_so_are_pictures_but_for_companions(files, lists, label, picture):
    with tempfile.TemporaryDirectory() as root:
        contents = {path: HEADER + "\n".join(rows) for path, rows in lists.items()}
        tables = load(Path(root), dict.fromkeys(files, "") | contents, label=label, picture=picture)
    in_index, rejected = [row["image"] for row in tables.index], [row["image"] for row in tables.rejected]
    assert len({*in_index, *rejected}) == len(in_index) + len(rejected)
    assert set(in_index) <= files

    unlabelled = ("no row of a label file", "same picture as")
    row_count = len(in_index) + sum(not row["reason"].startswith(unlabelled) for row in tables.rejected)
    assert row_count == sum(map(len, lists.values()))

    # A picture that is nowhere is the other one, crop or whole, of a listed picture.
    listed = {row.split(",")[0] for rows in lists.values() for row in rows if row.count(",") == 4}
    for path in files - {*in_index, *rejected}:
        assert path.endswith("_face.jpg") == (picture == "whole")
        assert path.rpartition("/")[2].removesuffix("_face.jpg") in listed
