"""Setting II: from a rule, or from the user's own list."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.setting2 import setting2, setting2_subject_exclusive

PROTOCOLS = [setting2, setting2_subject_exclusive]
NAMES = [f"{subject:06}_{picture}M{30 + subject}" for subject in range(1, 7) for picture in (0, 1, 10)]
LISTED = sorted(NAMES[:10])


@pytest.fixture
def index():
    """Six subjects with three pictures each, numbered 0, 1 and 10."""
    rows = [{"image": f"MORPH/Album2/{name}.JPG", "subject": name[:6]} for name in NAMES]
    return pd.DataFrame(rows).assign(picture=[0.0, 1.0, 10.0] * 6, age=30.0, race="W")


def stems(folds):
    return sorted({image.rpartition("/")[2].partition(".")[0] for image in folds["image"]})


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 12), st.sampled_from([20, 20.9, 21, 30]), st.sampled_from("WWB")),
        min_size=1,
        max_size=30,
        unique_by=lambda row: row[:2],
    ).filter(lambda rows: len({subject for subject, _, _, race in rows if race == "W"}) > 1)
)
def test_the_rule_keeps_the_last_picture_of_each_white_subject_and_whole_age(rows):
    index = pd.DataFrame(rows, columns=["subject", "picture", "age", "race"])
    index.insert(0, "image", [f"{i:02}.jpg" for i in range(len(rows))])
    expected = {}
    for image, subject, picture, age, race in index.itertuples(index=False):
        key = (subject, int(age))
        if race == "W" and (key not in expected or picture > expected[key][0]):
            expected[key] = (picture, image)
    for protocol in PROTOCOLS:
        for _, fold in protocol(index, 0).groupby("fold"):
            assert sorted(fold["image"]) == sorted(image for _, image in expected.values())


FORMATS = {
    "a name a line": "\n".join(LISTED),
    "with folders and suffixes": "\n".join(f"/data/Album2/{name}.JPG" for name in LISTED),
    "Windows folders with blanks": "\n".join(f"C:\\My faces\\Album2\\{name}.JPG" for name in LISTED),
    "another case": "\n".join(f"{name.lower()}.jpg" for name in LISTED),
    "blanks, no header": "\n".join(f"{name}.JPG 34 1 0" for name in LISTED),
    "commas, header, unnamed column of row numbers": ",filename,age,gender\n"
    + "\n".join(f"{i},{name}.JPG,34,1" for i, name in enumerate(LISTED)),
    "tabs, header": "filename\tfold\tage\tdatabase\n" + "\n".join(f"{name}.JPG\t2\t34\tmorph" for name in LISTED),
    "quotes, blanks after commas, Windows line ends": "path, age\r\n" + "\r\n".join(f'"{name}.JPG", 34' for name in LISTED),
    "byte order mark, blank lines, a name twice": "\ufeff" + "\n\n".join([*LISTED, LISTED[0]]) + "\n\n",
}


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
@pytest.mark.parametrize("separator", ";|")
def test_a_list_may_be_in_other_encodings_and_with_other_separators(separator, encoding, index, tmp_path):
    lines = "\n".join(f"{name}.JPG{separator}ä" for name in LISTED)
    (tmp_path / "list.csv").write_text(lines, encoding=encoding)
    assert stems(setting2(index, 0, list=str(tmp_path / "list.csv"))) == LISTED


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_a_list_is_read_however_it_is_written(content, protocol, index, tmp_path, capsys):
    (tmp_path / "list.txt").write_text(content, encoding="utf-8", newline="")
    folds = protocol(index, 0, list=str(tmp_path / "list.txt"))
    for _, fold in folds.groupby("fold"):
        assert stems(fold) == LISTED and len(fold) == len(LISTED)
    assert capsys.readouterr().err == ""


def test_names_that_the_index_lacks_are_counted(index, tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("\n".join(f"{name}.JPG,20" for name in ["000099_1F20", *LISTED, "000098_1F20"]))
    assert stems(setting2(index, 0, list=str(path))) == LISTED
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {path}: 2 of 12 images, such as 000098_1f20,") and warning.count("\n") == 1


@pytest.mark.parametrize("content", ["", "\n", "filename\n", "other_1.jpg\nother_2.jpg\n", "\x00\x01PK\x03"])
def test_a_list_without_a_known_image_is_an_error(content, index, tmp_path):
    (tmp_path / "list.txt").write_text(content)
    with pytest.raises(InputError, match="list.txt: names no image"):
        setting2(index, 0, list=str(tmp_path / "list.txt"))


def test_a_list_that_is_not_there_is_an_error(index, tmp_path):
    with pytest.raises(InputError, match="list.txt: No such file"):
        setting2(index, 0, list=str(tmp_path / "list.txt"))


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("race", "B", "no image of race W"),
        ("subject", None, "18 images of race W"),
        ("picture", float("nan"), "lack the subject"),
    ],
)
def test_the_rule_names_what_it_lacks(column, value, complaint, index):
    with pytest.raises(InputError, match=complaint):
        setting2(index.assign(**{column: value}), 0)


def test_the_exclusive_twin_shares_no_subject(morph_counts):
    folds = setting2_subject_exclusive(morph_counts, 0).merge(morph_counts[["image", "subject"]])
    for _, rows in folds.groupby("fold"):
        parts = rows.groupby("part")["subject"].agg(set)
        assert parts["train"].isdisjoint(parts["test"])
        assert (rows["part"] == "test").sum() == round(0.2 * len(rows))
