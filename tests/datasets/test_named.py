"""Formats whose paths tell the age: AgeDB, CACD and AFAD."""

import numpy as np
import pytest
from scipy.io import savemat

from pml.datasets import afad, agedb, cacd
from pml.errors import InputError
from pml.options import NoOptions


@pytest.fixture
def load(tmp_path):
    def loaded(format, *paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
        return format.load(tmp_path, NoOptions())

    return loaded


@pytest.mark.parametrize(
    ("format", "path", "told"),
    [
        (agedb, "AgeDB/0_MariaCallas_35_f.jpg", {"subject": "MariaCallas", "age": 35, "gender": "female"}),
        (agedb, "16_A_B_101_M.JPG", {"subject": "A_B", "age": 101, "gender": "male"}),
        (afad, "AFAD-Full/15/111/638660-1.jpg", {"subject": "638660", "age": 15, "gender": "male"}),
        (afad, "39/112/1-0.jpg", {"subject": "1", "age": 39, "gender": "female"}),
        (cacd, "CACD2000/53_Robin_Williams_0001.jpg", {"subject": "Robin_Williams", "age": 53, "part": None}),
        (cacd, "14_Zoë_0016.jpg", {"subject": "Zoë", "age": 14, "part": None}),
    ],
)
def test_a_path_tells_age_and_person(format, path, told, load):
    tables = load(format, path)
    assert tables.index == [{"image": path} | told] and tables.rejected == []


@pytest.mark.parametrize(
    ("format", "path", "words"),
    [
        (agedb, "AgeDB/MariaCallas_35_f.jpg", "path does not end in the form 0_Maria"),
        (agedb, "AgeDB/0_MariaCallas_35_x.jpg", "path does not end in the form"),
        (agedb, "0_MariaCallas_135_f.jpg", "age above 120"),
        (afad, "AFAD-Full/15/113/1-0.jpg", "path does not end in the form 15/111"),
        (afad, "AFAD-Full/111/1-0.jpg", "path does not end in the form"),
        (cacd, "Robin_Williams_0001.jpg", "path does not end in the form 53_Robin"),
        (cacd, "__MACOSX/._53_Robin_Williams_0001.jpg", "macOS metadata"),
    ],
)
def test_a_path_that_tells_no_age_is_rejected(format, path, words, load):
    tables = load(format, path)
    assert tables.index == [] and [row["image"] for row in tables.rejected] == [path]
    assert words in tables.rejected[0]["reason"]


@pytest.mark.parametrize(
    ("format", "name"),
    [(agedb, "0_A_35_f.jpg"), (cacd, "53_A_B_0001.jpg"), (afad, "15/111/1-0.jpg")],
)
def test_a_copy_in_another_folder_is_rejected_and_names_the_first(format, name, load):
    tables = load(format, f"a/{name}", f"b/{name.upper()}")
    assert [row["image"] for row in tables.index] == [f"a/{name}"]
    assert [row["reason"] for row in tables.rejected] == [f"same picture as a/{name}, by its name"]


def write_meta(path, names, ranks):
    column = np.empty((len(names), 1), object)
    column[:, 0] = names
    savemat(path, {"celebrityImageData": {"name": column, "rank": np.array(ranks, np.uint8)[:, None]}})


def test_cacd_gets_its_parts_from_the_ranks(load, tmp_path):
    names = [f"30_P_{rank:04d}.jpg" for rank in (1, 2, 3, 5, 6, 50)]
    write_meta(tmp_path / cacd.META, [*names, "30_ZoÃ«_0001.jpg"], [1, 2, 3, 5, 6, 50, 1])
    tables = load(cacd, *names, "30_Zoë_0001.jpg", "30_Q_0001.jpg")
    parts = {row["image"]: row["part"] for row in tables.index}
    assert [parts[name] for name in names] == ["validation", "validation", "test", "test", "train", "train"]
    assert parts["30_Zoë_0001.jpg"] == "validation", "a letter may be written in several ways"
    assert parts["30_Q_0001.jpg"] is None and list(tables.findings.values()) == [1]


def test_an_entry_of_cacd_without_a_name_lists_no_picture(load, tmp_path):
    write_meta(tmp_path / cacd.META, ["", "53_Robin_Williams_0001.jpg"], [1, 3])
    assert [row["part"] for row in load(cacd, "53_Robin_Williams_0001.jpg").index] == ["test"]


def test_ranks_of_cacd_that_are_no_numbers_are_an_error(load, tmp_path):
    column = np.array([["a.jpg"]], dtype=object)
    savemat(tmp_path / cacd.META, {"celebrityImageData": {"name": column, "rank": np.array([["1"]])}})
    with pytest.raises(InputError, match=r"fields \['rank'\] are of another kind"):
        load(cacd, "53_Robin_Williams_0001.jpg")


def test_a_damaged_file_of_ranks_is_an_error_that_names_it(load, tmp_path):
    (tmp_path / cacd.META).write_text("no MATLAB")
    with pytest.raises(InputError, match="celebrity2000_meta.mat: not a whole MATLAB 5 file"):
        load(cacd, "30_P_0001.jpg")
