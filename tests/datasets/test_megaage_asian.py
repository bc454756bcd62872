"""The MegaAge-Asian loader: pictures that lists of names and of ages name line by line, alike in both folders."""

import pytest

from pml.datasets import megaage_asian
from pml.errors import InputError
from pml.options import NoOptions

LISTS = {"m/list/train_name.txt": "1.jpg\n2.jpg\n", "m/list/train_age.txt": "20\n31\n"}
LISTS |= {"m/list/test_name.txt": "1.jpg\n", "m/list/test_age.txt": "44\n"}
PICTURES = ["m/train/1.jpg", "m/train/2.jpg", "m/test/1.jpg"]


def load(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return megaage_asian.load(root, NoOptions())


def test_pictures_of_one_name_are_told_apart_by_their_folder(tmp_path):
    tables = load(tmp_path, LISTS | dict.fromkeys(PICTURES, ""))
    rows = {(row["image"], row["age"], row["part"]) for row in tables.index}
    assert rows == {(PICTURES[0], 20, "train"), (PICTURES[1], 31, "train"), (PICTURES[2], 44, "test")}
    assert tables.rejected == [] and tables.findings["train: images"] == 2


def test_lines_without_a_picture_and_pictures_without_a_line_are_rejected(tmp_path):
    files = LISTS | {"m/list/train_age.txt": "20\nx\n"} | dict.fromkeys([*PICTURES[:2], "m/train/3.jpg"], "")
    tables = load(tmp_path, files)
    assert {row["image"]: row["reason"] for row in tables.rejected} == {
        "m/train/2.jpg": "the row's age is not a number from 0 to 120",
        "m/test/1.jpg": "listed, but there is no such file",
        "m/train/3.jpg": "no row of a label file names it",
    }


def test_lists_that_do_not_go_together_are_an_error(tmp_path):
    with pytest.raises(InputError, match=r"train_age\.txt: has 1 lines, and train_name\.txt has 2"):
        load(tmp_path, LISTS | {"m/list/train_age.txt": "20\n"})
    (tmp_path / "m/list/train_age.txt").unlink()
    with pytest.raises(InputError, match=r"train_age\.txt: no such file beside train_name\.txt"):
        megaage_asian.load(tmp_path, NoOptions())
