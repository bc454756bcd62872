"""The MORPH Album 2 loader: every row and every picture is accounted for, odd labels are counted, no date gets out."""

import re
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.datasets import morph2
from pml.errors import InputError
from pml.registry import find_options
from pml.tables import check_table, load_schema

HEADER = ["id_num", "picture_num", "dob", "doa", "race", "gender", "facial_hair", "age", "age_diff", "glasses", "photo"]
CORRECTIONS = ("none", "majority")
DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{2,4}")


def row(photo="Album2/009055_1M54.JPG", **fields):
    """Return a row of the CSV; it agrees with the picture's name and is 54 years old."""
    return {"id_num": "9055", "picture_num": "1", "dob": "01/31/1950", "doa": "06/15/2004", "race": "B", "gender": "M"} | {
        "facial_hair": "", "age": "54", "age_diff": "", "glasses": "", "photo": photo, **fields
    }  # fmt: skip


def album(*rows, subject=1):
    """Return the rows of one subject's pictures 0, 1, ..., each given by the fields in which it is special."""
    rows = [{"age": "54", "gender": "M"} | fields for fields in rows]
    names = [f"Album2/{subject:06d}_{k}{fields['gender']}{fields['age']}.JPG" for k, fields in enumerate(rows)]
    given = [{"id_num": str(subject), "picture_num": str(k), "photo": name} for k, name in enumerate(names)]
    return [row(**(known | fields)) for known, fields in zip(given, rows, strict=True)]


def csv(rows, header=HEADER):
    return "\n".join([",".join(header), *(",".join(fields[column.lower()] for column in header) for fields in rows), ""])


def lay_out(root, *rows, files=None, text=None):
    """Write the CSV of `rows`, or `text`, and the pictures: those that the rows name, or `files`."""
    for name in [fields["photo"] for fields in rows] if files is None else files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "labels.csv").write_text(csv(rows) if text is None else text)
    return root


def load(root, corrections="none"):
    """Return the index as rows, the reasons by rejected image, and the findings that are not 0."""
    tables = morph2.load(root, morph2.Options(corrections))
    for name in ("index", "rejected"):
        frame = pd.DataFrame(getattr(tables, name), columns=list(load_schema(name)["properties"]))
        check_table(frame, name, name)
        assert not DATE.search(frame.to_csv())
    assert not DATE.search(" ".join(tables.findings))
    reasons = {line["image"]: line["reason"] for line in tables.rejected}
    assert len(reasons) == len(tables.rejected)
    return tables.index.to_dict("records"), reasons, {words: count for words, count in tables.findings.items() if count}


EXPECTED = {"subject": "009055", "picture": 1, "age": 54, "gender": "male", "race": "B"}


@pytest.mark.parametrize("folder", ["Album2/", "Album2/009/", "MORPH/Album2/", "album2/009/", ""])
@pytest.mark.parametrize("listed", ["Album2/009055_1M54.JPG", "Album2/009/009055_1m54.jpg", r"Album2\009055_1M54.JPG"])
@pytest.mark.parametrize("name", ["009055_1M54.JPG", "009055_1m54.jpg"])
def test_row_and_picture_are_joined_by_file_name_in_any_folder_and_case(folder, listed, name, tmp_path):
    index, reasons, findings = load(lay_out(tmp_path, row(listed), files=[folder + name]))
    assert index == [{"image": folder + name} | EXPECTED]
    assert (reasons, findings) == ({}, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper().replace("ALBUM2", "Album2"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "\n".join(",".join(f'"{field}"' for field in line.split(",")) for line in text.splitlines()),
        lambda text: "\n".join(",".join(reversed(line.split(","))) for line in text.splitlines()),
        lambda text: text.replace(",1,", ",1.0,").replace(",54,", ", 54.0 ,"),
        lambda text: text.replace("01/31/1950", "1950-01-31").replace("06/15/2004", "6/15/2004"),
        lambda text: text + "\n\n",
    ],
    ids=["upper case", "DOS lines", "BOM", "quotes", "column order", "decimals", "dates", "blank lines"],
)
def test_the_csv_may_be_written_in_several_ways(change, tmp_path):
    index, reasons, findings = load(lay_out(tmp_path, row(), text=change(csv([row()]))))
    assert index == [{"image": "Album2/009055_1M54.JPG"} | EXPECTED]
    assert (reasons, findings) == ({}, {})


def test_the_csv_is_found_by_its_header_whatever_its_name_and_place(tmp_path):
    lay_out(tmp_path, row())
    (tmp_path / "doc").mkdir()
    (tmp_path / "labels.csv").rename(tmp_path / "doc" / "Morph 2008.txt")
    (tmp_path / "other.csv").write_text("name,age\nx,1\n")
    (tmp_path / "readme.pdf").write_bytes(b"\xff\0\n")
    index, reasons, _ = load(tmp_path)
    assert (len(index), reasons) == (1, {})


@pytest.mark.parametrize("number", ["1", "01"])
def test_picture_numbers_are_compared_as_numbers_and_subjects_too(number, tmp_path):
    rows = [row("009055_01M54.JPG", picture_num=number, id_num="009055"), row("09055_10M54.JPG", picture_num="10")]
    index, _, findings = load(lay_out(tmp_path, *rows))
    assert [(line["subject"], line["picture"]) for line in index] == [("009055", 1), ("009055", 10)]
    assert findings == {}


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"dob": "02/30/1950"}, "dob"),
        ({"dob": ""}, "dob"),
        ({"doa": "someday"}, "doa"),
        ({"doa": "13/13/2004"}, "doa"),
        ({"age": "121"}, "age"),
        ({"age": "-1"}, "age"),
        ({"age": "nan"}, "age"),
        ({"age": ""}, "age"),
        ({"race": ""}, "race"),
        ({"race": "06/15/2004"}, "race"),
        ({"gender": "X"}, "gender"),
        ({"id_num": "9055a"}, "id_num"),
        ({"picture_num": "1.5"}, "picture_num"),
    ],
)
def test_a_malformed_row_is_rejected_with_its_picture(fields, word, tmp_path):
    index, reasons, _ = load(lay_out(tmp_path, row(**fields)))
    assert index == []
    assert list(reasons) == ["Album2/009055_1M54.JPG"] and f"the row's {word} is not" in reasons["Album2/009055_1M54.JPG"]


@pytest.mark.parametrize("line", ["9055,1", "x", ",,,", "9055,1,01/31/1950,06/15/2004,B,M,,54,,,Album2/009055_1M54.JPG,"])
def test_a_row_of_another_length_goes_by_its_line(line, tmp_path):
    _, reasons, _ = load(lay_out(tmp_path, row(), text=csv([row()]) + line + "\n"))
    assert reasons == {"labels.csv:3": "the row has more or fewer fields than the header"}


@pytest.mark.parametrize("photo", ["", "06/15/2004", "1M54.JPG", "009055_1M54.png"])
def test_a_row_that_names_no_picture_goes_by_its_line(photo, tmp_path):
    _, reasons, _ = load(lay_out(tmp_path, row(photo), files=[]))
    assert list(reasons) == ["labels.csv:2"] and "photo" in reasons["labels.csv:2"]


def test_of_rows_that_name_one_picture_the_first_counts(tmp_path):
    index, reasons, _ = load(lay_out(tmp_path, row(), row("Album2/009055_1m54.jpg", age="53"), files=["009055_1M54.JPG"]))
    assert [line["age"] for line in index] == [54]
    assert reasons == {"labels.csv:3": "an earlier row names the same picture"}


def test_a_listed_picture_without_a_file_and_a_file_without_a_row_are_rejected(tmp_path):
    _, reasons, findings = load(lay_out(tmp_path, row(), files=["Album2/009055_2M54.JPG"]))
    assert reasons == {
        "009055_1M54.JPG": "listed, but the album has no such file",
        "Album2/009055_2M54.JPG": "no row of the CSV names it",
    }
    assert findings == {"listed pictures without a file": 1}


@pytest.mark.parametrize("labels", [[row()], []])
@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("Album2/._009055_1M54.JPG", "macOS"),
        ("__MACOSX/Album2/009055_1M54.JPG", "macOS"),
        (".DS_Store", "macOS"),
        ("Album2/9055_1M54.JPG", "not of the form"),
        ("Album2/009055_1M54.png", "not of the form"),
        ("Album2/009055_1M54 copy.JPG", "not of the form"),
        ("Album2/009055_1M54.jpg", "same picture as"),
        ("Album2/009/009055_1M54.JPG", "same picture as"),
    ],
)
def test_other_pictures_are_rejected_with_csv_and_without(labels, path, word, tmp_path):
    lay_out(tmp_path, files=["Album/009055_1M54.JPG", path], text=csv(labels) if labels else "")
    index, reasons, _ = load(tmp_path)
    assert [line["image"] for line in index] == ["Album/009055_1M54.JPG"]
    assert list(reasons) == [path] and word in reasons[path]


def test_documentation_needs_no_row(tmp_path):
    assert load(lay_out(tmp_path, row(), files=["009055_1M54.JPG", "Album2/Thumbs.db", "readme.txt"]))[1] == {}


def test_without_a_csv_the_names_are_the_labels(tmp_path):
    lay_out(tmp_path, files=["Album2/009055_1M54.JPG", "Album2/009055_02F53.JPG", "Album2/00013_00m19.jpg"], text="")
    index, reasons, findings = load(tmp_path)
    assert index == [
        {"image": "Album2/00013_00m19.jpg", "subject": "000013", "picture": 0, "gender": "male", "age": 19},
        {"image": "Album2/009055_02F53.JPG", "subject": "009055", "picture": 2, "gender": "female", "age": 53},
        {"image": "Album2/009055_1M54.JPG", "subject": "009055", "picture": 1, "gender": "male", "age": 54},
    ]
    assert reasons == {}
    assert findings == {
        "pictures labelled by their file name alone": 3,
        "subjects with several genders": 1,
        "subjects whose age falls as the picture number rises": 1,
    }


def test_an_empty_folder_and_a_csv_without_rows_give_no_image(tmp_path):
    assert load(tmp_path)[:2] == ([], {})
    assert load(lay_out(tmp_path))[:2] == ([], {})
    assert load(tmp_path, "majority")[:2] == ([], {})


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        (album({}, {"dob": "02/01/1950"}, {}), "subjects with several birth dates"),
        (album({}, {"race": "W"}, {}), "subjects with several races"),
        (album({}, {"gender": "F"}, {}), "subjects with several genders"),
        ([row(gender="F")], "file names that disagree in gender"),
        ([row(age="53", dob="01/31/1951")], "file names that disagree in age"),
        ([row(id_num="9056")], "file names that disagree in subject"),
        ([row(picture_num="2")], "file names that disagree in picture"),
        ([row(dob="06/16/1950")], "ages that are not the years from birth to arrest"),
    ],
)
def test_odd_labels_are_counted_and_kept(rows, finding, tmp_path):
    index, reasons, findings = load(lay_out(tmp_path, *rows))
    assert (len(index), reasons, findings) == (len(rows), {}, {finding: 1})


def test_ages_that_fall_are_counted_by_subject_in_order_of_the_picture_number(tmp_path):
    albums = [(50, 49), (50, 49, 48), (48, 50), (*[50] * 10, 51, 52)]
    rows = [
        line
        for subject, ages in enumerate(albums, 1)
        for line in album(*({"age": str(age), "doa": f"06/15/{1950 + age}"} for age in ages), subject=subject)
    ]
    _, _, findings = load(lay_out(tmp_path, *reversed(rows)))
    assert findings == {"subjects whose age falls as the picture number rises": 2}


@pytest.mark.parametrize("doa, years", [("06/14/2004", 53), ("06/15/2004", 54), ("06/14/2005", 54), ("02/29/2004", 53)])
def test_an_age_is_the_years_completed_on_the_day_of_the_arrest(doa, years, tmp_path):
    [line], _, findings = load(lay_out(tmp_path, row(dob="06/15/1950", doa=doa, age=str(years))), "majority")
    assert line["age"] == years
    assert "ages that are not the years from birth to arrest" not in findings


def test_what_most_rows_of_a_subject_agree_on_is_given_to_all_of_them(tmp_path):
    odd = {"dob": "01/31/1949", "race": "W", "gender": "F", "age": "55"}
    index, reasons, findings = load(lay_out(tmp_path, *album({}, odd, {}), *album({}, subject=2)), "majority")
    assert [(line["race"], line["gender"], line["age"]) for line in index] == [("B", "male", 54)] * 4
    assert reasons == {}
    corrected = {words: count for words, count in findings.items() if "corrected" in words}
    assert corrected == {f"pictures with a corrected {words}": 1 for words in ("birth date", "race", "gender", "age")}
    assert findings["subjects with several races"] == 1  # as they were read


@pytest.mark.parametrize("fields", [{"dob": "02/01/1950"}, {"race": "W"}, {"gender": "F"}])
@pytest.mark.parametrize("others", [1, 2, 3])
def test_whom_no_majority_speaks_for_is_rejected_with_all_pictures(fields, others, tmp_path):
    rows = album(*[{}] * others, *[fields] * others)
    index, reasons, _ = load(lay_out(tmp_path, *rows, *album({}, subject=2)), "majority")
    assert [line["subject"] for line in index] == ["000002"]
    assert set(reasons) == {line["photo"] for line in rows}
    assert all("more than half" in reason for reason in reasons.values())


def test_the_most_frequent_value_is_no_majority_if_it_has_but_half(tmp_path):
    index, reasons, _ = load(lay_out(tmp_path, *album({}, {}, {"race": "W"}, {"race": "H"})), "majority")
    assert index == [] and len(reasons) == 4


def test_an_age_that_the_birth_date_makes_impossible_is_rejected(tmp_path):
    _, reasons, _ = load(lay_out(tmp_path, row(dob="01/31/2005")), "majority")
    assert "not from 0 to 120" in reasons["Album2/009055_1M54.JPG"]


def test_corrections_without_a_csv_are_refused(tmp_path):
    lay_out(tmp_path, files=["009055_1M54.JPG"], text="")
    with pytest.raises(InputError, match="corrections 'majority' needs the CSV.*id_num"):
        load(tmp_path, "majority")


def test_a_second_csv_is_refused(tmp_path):
    lay_out(tmp_path, row())
    (tmp_path / "copy.csv").write_text(csv([row()]))
    with pytest.raises(InputError, match="labels.csv: a second label file beside copy.csv"):
        load(tmp_path)


@pytest.mark.parametrize("header", ["id_num,picture_num,dob,doa,race,gender,age", ",".join([*HEADER, "photo"])])
def test_a_csv_whose_columns_are_not_morph_s_is_refused(header, tmp_path):
    with pytest.raises(InputError, match=r"labels\.csv: column photo is missing or there twice"):
        load(lay_out(tmp_path, text=header + "\n"))


@pytest.mark.parametrize("value", ["most", "", None, True, ["none"]])
def test_other_corrections_are_refused(value):
    with pytest.raises(InputError, match="corrections is .* it needs 'none' or 'majority'"):
        find_options("format", "morph2", {"corrections": value})


day = st.dates(date(1930, 1, 1), date(2010, 1, 1)).map("{:%m/%d/%Y}".format)
junk = st.text(st.characters(exclude_characters=",\n\r", exclude_categories=["Cs"]), max_size=6)
fields = st.fixed_dictionaries(
    {
        "id_num": st.sampled_from("12"),
        "picture_num": st.sampled_from("01"),
        "dob": st.one_of(day, st.just("01/31/1950")),
        "doa": day,
        "race": st.sampled_from("BW"),
        "gender": st.sampled_from("MF"),
        "age": st.integers(-1, 121).map(str),
        "photo": st.from_regex(r"(Album2/)?00000[12]_0?[01][MF]54\.(JPG|jpg)", fullmatch=True),
    }
)
spoilt = st.builds(lambda line, column, text: line | {column: text}, fields, st.sampled_from(HEADER), junk)
lines = st.lists(st.one_of(fields, fields, spoilt).map(lambda given: row(**given)), max_size=12)
stray = st.sets(st.from_regex(r"(Album2/|a/)?00000[12]_0?[01][MF]54\.(JPG|jpg|png)", fullmatch=True), max_size=8)


@given(lines, st.sets(st.integers(0, 11)), stray, st.sampled_from(CORRECTIONS))
@settings(max_examples=100)
def test_rows_and_pictures_are_indexed_or_rejected_whatever_they_are(rows, photographed, files, corrections):
    named = (rows[k]["photo"] for k in photographed if k < len(rows))
    files = files | {photo for photo in named if photo.endswith(("54.JPG", "54.jpg"))}
    with tempfile.TemporaryDirectory() as root:
        index, reasons, _ = load(lay_out(Path(root), *rows, files=files), corrections)
    images = {line["image"] for line in index}
    assert len(images) == len(index) and images <= files
    assert images.isdisjoint(reasons) and all(reasons.values())
    assert files <= images | set(reasons)
    # Beside the pictures that no row names, there is one entry for each row.
    unnamed = sum(reasons.get(file, "").startswith(("no row", "same picture", "name is")) for file in files)
    assert len(rows) == len(index) + len(reasons) - unnamed


@given(st.dates(date(1930, 1, 1), date(1990, 1, 1)), st.integers(0, 119), st.integers(0, 364))
@settings(max_examples=30)
def test_completed_years_count_birthdays(born, years, days):
    birthday = born.replace(year=born.year + years) if (born.month, born.day) != (2, 29) else date(born.year + years, 3, 1)
    day = birthday + timedelta(days=days)
    got = morph2._completed_years(pd.Series([pd.Timestamp(born)]), pd.Series([pd.Timestamp(day)]))
    assert got[0] == years


def test_no_date_is_in_any_table_of_conflicting_labels(tmp_path):
    """`load` looks for dates in every table; here with all that is wrong about dates at once."""
    rows = [
        *album({}, {"dob": "02/01/1950"}, {"dob": "02/01/1950x"}, {"doa": "31/12/2003"}),
        *album({"race": "06/15/2004"}, {"gender": "06/15/2004", "photo": "06/15/2004"}, {"age": "06/15/2004"}, subject=2),
    ]
    for corrections in CORRECTIONS:
        index, reasons, _ = load(lay_out(tmp_path, *rows, files=[]), corrections)
        assert len(index) + len(reasons) == len(rows)
