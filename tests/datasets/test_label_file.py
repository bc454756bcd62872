"""One reader of label files for every format: encodings, separators, and what it says of a file that it does not understand."""

import importlib.util
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.datasets import appa_real, chalearn, fgnet, morph2
from pml.datasets.label_file import SEPARATORS, read_beginning, read_label_file, read_text
from pml.errors import InputError
from tests.damage import ANY

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
HEADER = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo"
PERSON = "9055,1,01/31/1950,06/15/2004,W,M,,54,,,Album2/009055_1M54.JPG"
MORPH = f"{HEADER}\n{PERSON}\n"
APPA = "file_name,apparent_age_avg,apparent_age_std\n000000.jpg,27.5,4.25\n"


def lay_out(root: Path, text: str, encoding: str, name: str, *pictures: str) -> Path:
    (root / name).write_bytes(text.encode(encoding))
    for picture in pictures:
        (root / picture).touch()
    return root


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", SEPARATORS)
def test_fields_are_the_same_in_every_encoding_with_every_separator(separator, encoding, end, tmp_path):
    lines = [separator.join(["name", "Größe"]), "", separator.join([' "a" ', '"b, c; d"']), separator]
    (tmp_path / "x.csv").write_bytes(end.join(lines).encode(encoding))
    file = read_label_file(tmp_path / "x.csv")
    assert file.lines == {1: ["name", "Größe"], 3: ["a", "b, c; d"]} | ({4: ["", ""]} if separator != "\t" else {})
    assert file.header == ["name", "größe"] and file.separator == separator


words = st.text(st.characters(codec="utf-8", exclude_characters=',;|"\ufeff\0', exclude_categories=["C", "Z"]), min_size=1)


@given(
    rows=st.lists(st.lists(words, min_size=2, max_size=3), min_size=1, max_size=4),
    separator=st.sampled_from(list(SEPARATORS)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_is_written_is_read(rows, separator, encoding, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes("\n".join(separator.join(row) for row in rows).encode(encoding))
    if separator != "," and all("," in separator.join(row) for row in rows):
        return
    assert list(read_label_file(path).lines.values()) == rows


def test_a_decimal_comma_is_no_separator_beside_a_semicolon(tmp_path):
    (tmp_path / "x.csv").write_text("image_1.jpg;27,5;3,81\nimage_2.jpg;28,5;4,1\n")
    assert read_label_file(tmp_path / "x.csv").lines[1] == ["image_1.jpg", "27,5", "3,81"]


def test_an_open_quote_ends_with_its_line_and_a_character_of_no_encoding_is_kept(tmp_path):
    (tmp_path / "x.csv").write_bytes(b'a,"b,c\nd,\x81\n')
    assert read_label_file(tmp_path / "x.csv").lines == {1: ["a", "b,c"], 2: ["d", "\x81"]}


def test_damaged_utf_16_is_an_error_and_its_beginning_is_read_all_the_same(tmp_path):
    (tmp_path / "x.csv").write_bytes("id_num\n1".encode("utf-16") + b"\0")
    with pytest.raises(InputError, match=r"x\.csv: its utf-16 is damaged .* save it anew, as UTF-8"):
        read_label_file(tmp_path / "x.csv")
    assert read_beginning(tmp_path / "x.csv").header == ["id_num"]


@given(st.binary(max_size=200))
def test_the_beginning_of_any_file_can_be_read(content):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: io.BytesIO(content))
        read_beginning(Path("x"))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", SEPARATORS)
def test_every_format_reads_its_labels_however_they_are_written(separator, encoding, tmp_path):
    def written(text: str, name: str, *pictures: str) -> Path:
        return lay_out(tmp_path, text.replace(",", separator), encoding, name, *pictures)

    morph = morph2.load(written(MORPH, "labels.csv", "009055_1M54.JPG"), morph2.Options())
    assert list(morph.index["race"]) == ["W"] and not len(morph.rejected)
    (tmp_path / "labels.csv").unlink()
    guessed = chalearn.load(written("image_1.jpg,27,3.81\n", "Train.csv", "image_1.jpg"), chalearn.Options())
    assert [(row["age"], row["age_std"]) for row in guessed.index] == [(27, 3.81)]
    apparent = appa_real.load(written(APPA, "gt_avg_train.csv", "000000.jpg_face.jpg"), appa_real.Options())
    assert [row["age"] for row in apparent.index] == [27.5]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_points_are_read_in_every_encoding(encoding, tmp_path):
    path = lay_out(tmp_path, "version: 1\n{" + " 1.5" * 136 + "}\n", encoding, "a.pts") / "a.pts"
    assert fgnet.read_points(path)["nose_x"] == 1.5 and read_text(path).endswith("}\n")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Morph.txt", MORPH.replace(",", " "), ["utf-8", "comma", "found: id_num picture_num", "wanted: photo, id_num"]),
        ("Morph.txt", MORPH.replace("picture_num", "number"), ["header cannot be read", "found: id_num, number"]),
        ("Morph.csv", MORPH.replace("_num", ""), ["not MORPH's", "found: id, picture, dob"]),
        ("Morph.csv", PERSON, ["not MORPH's", "##/##/####"]),
    ],
)
def test_a_morph_table_that_is_not_understood_says_how_it_was_read_and_shows_no_date(name, text, words, tmp_path):
    lay_out(tmp_path, text, "utf-8", name, "009055_1M54.JPG")
    with pytest.raises(InputError) as refused:
        morph2.load(tmp_path, morph2.Options())
    assert all(word in str(refused.value) for word in [name, "columns wanted", *words])
    assert not re.search(r"\d\d/\d\d", str(refused.value))


@pytest.mark.parametrize("line", ["27,image_1.jpg,3.81", "image_1.jpg 27 3.81", "1,Train/image_1.jpg,27"])
def test_a_chalearn_table_that_is_not_understood_says_how_it_was_read(line, tmp_path):
    lay_out(tmp_path, line, "utf-8", "Train.csv", "image_1.jpg")
    with pytest.raises(InputError, match=r"Train\.csv: its lines name pictures.*utf-8 .*comma.*wanted: image, mean, std"):
        chalearn.load(tmp_path, chalearn.Options())


def test_an_appa_real_table_of_other_columns_says_how_it_was_read(tmp_path):
    lay_out(tmp_path, APPA.replace(",", " "), "utf-16", "gt_avg_train.csv")
    with pytest.raises(InputError, match=r"column file_name.* utf-16 .*columns found: file_name app.*wanted: file_name, app"):
        appa_real.load(tmp_path, appa_real.Options())


def test_a_table_of_something_else_beside_the_labels_is_no_error(tmp_path):
    lay_out(tmp_path, MORPH, "utf-8", "labels.csv", "009055_1M54.JPG")
    lay_out(tmp_path, "name;age\n", "utf-8", "other.csv")
    assert isinstance(morph2.load(tmp_path, morph2.Options()).index, pd.DataFrame)


@pytest.fixture
def parquet(tmp_path):
    """The path of a Parquet file with a text, a number, a list and what is empty."""
    pytest.importorskip("pyarrow", reason="not installed: pyarrow (pip install 'pml[parquet]')")
    rows = {"Path": ["a.jpg", "é.jpg", None], "age": [31.0, None, 2.5], "box": [[1, 2, 3, 4], None, [0, 0, 9, 9]]}
    pd.DataFrame(rows).to_parquet(tmp_path / "labels.parquet")
    return tmp_path / "labels.parquet"


def test_parquet_is_read_as_the_text_of_its_values(parquet):
    file = read_label_file(parquet)
    assert file.header == read_beginning(parquet).header == ["path", "age", "box"]
    assert list(file.rows.values()) == [["a.jpg", "31.0", "[1, 2, 3, 4]"], ["é.jpg", "", ""], ["", "2.5", "[0, 0, 9, 9]"]]


@pytest.mark.parametrize("damage", ANY)
@pytest.mark.parametrize("read", [read_label_file, read_beginning])
def test_parquet_is_nothing_else(parquet, read, damage):
    parquet.write_bytes(ANY[damage](parquet.read_bytes()))
    with pytest.raises(InputError, match="labels.parquet: not a whole Parquet file .*; save it anew, or as a CSV"):
        read(parquet)


def test_parquet_that_this_python_cannot_read_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "labels.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"labels.parquet: .*pip install 'pml\[parquet\]'; or save it as a CSV"):
        read_label_file(tmp_path / "labels.parquet")
