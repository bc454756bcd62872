"""The ChaLearn LAP 2015 loader: labels of every shape, and every row and picture accounted for."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.datasets import chalearn
from pml.datasets.chalearn import tell_part
from pml.errors import InputError


def load(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return chalearn.load(root, chalearn.Options())


def labels(tables):
    return [(row["image"], row["age"], row["age_std"], row["part"]) for row in tables.index]


def reasons(tables):
    assert all(row["stage"] == "datasets" for row in tables.rejected)
    return {row["image"]: row["reason"] for row in tables.rejected}


@pytest.mark.parametrize(
    ("content", "std"),
    [
        ("image_1.jpg;27;3.81\n", 3.81),
        ("image_1.jpg;27;3.81;\r\n", 3.81),
        ("image_1.jpg,27,3.81", 3.81),
        ("\ufefffilename,age,stdv\nimage_1.jpg,27.0,3.81\n\n", 3.81),
        ('"image";"mean";"std"\n"image_1.jpg"; "27"; "3.81"\n', 3.81),
        ("Train\\image_1.JPG;27;3.81", 3.81),
        ("image_name,label\nimage_1.jpg,27\n", None),
        ("image_1.jpg;27;;", None),
        ("image_1.jpg;27;0", 0),
    ],
)
def test_labels_are_read_in_every_shape_they_come_in(content, std, tmp_path):
    tables = load(tmp_path, {"Train/image_1.jpg": "", "Train.csv": content})
    assert labels(tables) == [("Train/image_1.jpg", 27, std, "train")]
    assert tables.rejected == []


def test_means_are_real_valued(tmp_path):
    [row] = load(tmp_path, {"image_1.jpg": "", "Train.csv": "image_1.jpg;27.35;3.81"}).index
    assert row["age"] == 27.35


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("Train.csv", "train"),
        ("Validation.csv", "validation"),
        ("2015/train_gt.csv", "train"),
        ("labels/valid_gt.txt", "validation"),
        ("testGT.csv", "test"),
        ("Validation/Reference.csv", "validation"),
        ("2015/val/labels/Reference.csv", "validation"),
        ("Test/more/TRAIN.csv", "train"),
        ("labels.csv", None),
        ("latest/contest.csv", None),
        ("Train_plus_validation.csv", None),
        ("Test/train_val.csv", None),
        ("train_and_test/Reference.csv", None),
    ],
)
def test_the_part_is_told_by_the_name_of_the_label_file_or_else_by_the_nearest_folder(path, part):
    assert tell_part(path) == part


def test_labels_whose_part_cannot_be_told_are_an_error_that_names_the_file(tmp_path):
    with pytest.raises(InputError, match=r"some/labels\.csv: cannot tell the part .* name the file"):
        load(tmp_path, {"some/labels.csv": "image_1.jpg;27;3.81"})


@pytest.mark.parametrize("folder", ["Train", "2015/train", "deep/down/images"])
def test_pictures_are_joined_by_name_wherever_they_lie(folder, tmp_path):
    tables = load(tmp_path, {f"{folder}/image_1.jpg": "", "labels/Train.csv": "image_1.jpg;27;3.81"})
    assert labels(tables) == [(f"{folder}/image_1.jpg", 27, 3.81, "train")]


def test_listed_pictures_that_are_missing_and_pictures_that_are_not_listed_are_rejected(tmp_path):
    tables = load(tmp_path, {"Test/image_1.jpg": "", "Test/image_3.jpg": "", "Test.csv": "image_1.jpg;27;4\nimage_2.jpg;28;4"})
    assert len(tables.index) == 1
    assert reasons(tables) == {
        "image_2.jpg": "listed, but there is no such file",
        "Test/image_3.jpg": "no row of a label file names it",
    }


@pytest.mark.parametrize(
    ("row", "image", "words"),
    [
        ("image_1.jpg;old;4", "a/image_1.jpg", "age is not a number"),
        ("image_1.jpg;nan;4", "a/image_1.jpg", "age is not a number"),
        ("image_1.jpg;121;4", "a/image_1.jpg", "0 to 120"),
        ("image_1.jpg", "a/image_1.jpg", "age is not a number"),
        ("image_1.jpg;27;-1", "a/image_1.jpg", "standard deviation"),
        ("image_1.jpg;27;inf", "a/image_1.jpg", "standard deviation"),
        ("image_1.jpg;27;4;5", "a/image_1.jpg", "more than three fields"),
        ("27;4", "Train.csv:3", "names no picture"),
        ("image_2.jpg;28;4", "Train.csv:3", "an earlier row"),
    ],
)
def test_a_malformed_row_is_rejected_by_its_picture_or_else_by_its_line(row, image, words, tmp_path):
    files = {"a/image_1.jpg": "", "a/image_2.jpg": "", "Train.csv": f"image_2.jpg;27;4\n\n{row}"}
    tables = load(tmp_path, files)
    assert len(tables.index) == 1 and words in reasons(tables)[image]


def test_of_two_files_with_one_name_the_first_is_the_picture(tmp_path):
    tables = load(tmp_path, {"a/image_1.jpg": "", "b/Image_1.jpg": "", "Train.csv": "image_1.jpg;27;4"})
    assert labels(tables) == [("a/image_1.jpg", 27, 4, "train")]
    assert reasons(tables) == {"b/Image_1.jpg": "same picture as a/image_1.jpg, by its name"}


def test_documentation_needs_no_row_and_macos_metadata_has_one(tmp_path):
    files = {
        "image_1.jpg": "",
        "Train.csv": "image_1.jpg;27;4",
        "README.txt": "Labels\nare like\nimage_1.jpg;27;4\nand so on",
        "notes.csv": "",
        "__MACOSX/._Train.csv": "image_1.jpg;99;4",
        "Train/.DS_Store": "",
    }
    tables = load(tmp_path, files)
    assert len(tables.index) == 1
    assert reasons(tables) == dict.fromkeys(["__MACOSX/._Train.csv", "Train/.DS_Store"], "macOS metadata")


def test_findings_hold_the_parts_against_the_owners_counts_and_odd_labels(tmp_path):
    files = {f"image_{k}.jpg": "" for k in range(4)}
    files["Train.csv"] = "image_0.jpg;27;4\nimage_1.jpg;27;0\nimage_9.jpg;27;4"
    files["Validation.csv"] = "image_2.jpg;27\nimage_0.jpg;30;2"
    findings = load(tmp_path, files).findings
    assert [findings[f"train: {words}"] for words in ("label rows", "images", "images by the owners' count")] == [3, 2, 2476]
    assert [findings[f"validation: {words}"] for words in ("label rows", "images", "images by the owners' count")] == [
        2,
        1,
        1136,
    ]
    assert (findings["test: images"], findings["test: images by the owners' count"]) == (0, 1079)
    assert findings["pictures listed in several parts"] == 1
    assert findings["images without a standard deviation"] == 1
    assert findings["images with a standard deviation of 0"] == 1


picture_names = st.sampled_from(["image_1.jpg", "image_2.jpg", "IMAGE_2.JPG", "image_3.jpg", "image_30.jpg"])
fields = st.one_of(st.sampled_from(["27", "3.5", "", "-1", "200", "x", "nan", "1e400"]), st.text("0129.,eE_- ", max_size=4))
rows = st.builds(lambda name, rest: [name, *rest], picture_names, st.lists(fields, max_size=4))
junk = st.builds(
    lambda text: [f"?{text}"],
    st.text(st.characters(exclude_categories=["Cs", "Zs"], exclude_characters="\r\n;,\t|"), max_size=8),
)
label_files = st.builds(
    lambda separator, lines: [separator.join(line) for line in [["image_7.jpg", "1", "1"], *lines]],
    st.sampled_from(";,\t|"),
    st.lists(st.one_of(rows, rows, rows, junk), max_size=8),
)
folders = st.sampled_from(["", "Train/", "Test/", "2015/val/", "__MACOSX/"])


@given(
    pictures=st.sets(st.tuples(folders, picture_names), max_size=8),
    lists=st.dictionaries(st.sampled_from(["Train.csv", "Validation/Reference.csv", "labels/test_gt.txt"]), label_files),
)
@settings(max_examples=80)
def test_every_row_and_every_picture_is_in_the_index_or_rejected(pictures, lists):
    # Half of the rows of a label file name a picture; if the first does, it is no header.
    lists = {path: rows for path, rows in lists.items() if 2 * sum(not row.startswith("?") for row in rows) >= len(rows)}
    files = {folder + name for folder, name in pictures}
    with tempfile.TemporaryDirectory() as root:
        tables = load(Path(root), dict.fromkeys(files, "") | {path: "\n".join(rows) for path, rows in lists.items()})
    in_index, rejected = [row["image"] for row in tables.index], [row["image"] for row in tables.rejected]
    assert len({*in_index, *rejected}) == len(in_index) + len(rejected)
    assert set(in_index) <= files <= {*in_index, *rejected}
    unlabelled = ("no row of a label file", "same picture as", "macOS")
    row_count = len(in_index) + sum(not row["reason"].startswith(unlabelled) for row in tables.rejected)
    assert row_count == sum(map(len, lists.values()))
    assert sum(tables.findings[f"{part}: label rows"] for part in chalearn.OFFICIAL) == sum(map(len, lists.values()))
    assert all(0 <= row["age"] <= 120 and (row["age_std"] is None or row["age_std"] >= 0) for row in tables.index)
