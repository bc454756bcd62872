"""Your own pictures with a table: its columns, the rows that are rejected, and what a config may ask of it."""

import os
import re
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pml.datasets import table
from pml.datasets.index import build_tables, index_images
from pml.datasets.table import Options
from pml.errors import InputError
from pml.folds.assign import assign
from pml.suite import make_plan
from pml.tables import check_table, read_table

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 40, 60
POINTS = "10 20 30 20 20 30 12 40 28 40"


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "face.png"
    Image.new("L", (WIDTH, HEIGHT)).save(path)
    return path


@pytest.fixture
def load(tmp_path, picture):
    def loaded(text, pictures=("a.jpg", "b.jpg"), name="labels.csv", **options):
        for each in pictures:
            (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / each).write_bytes(picture.read_bytes())
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return table.load(tmp_path, Options(**options))

    return loaded


def reasons(tables):
    return {row["image"]: row["reason"] for row in tables.rejected}


def test_a_table_in_parquet_gives_the_index_of_its_twin_in_csv(tmp_path, load):
    pytest.importorskip("pyarrow", reason="not installed: pyarrow (pip install 'pml[parquet]')")
    rows = {"path": ["a.jpg", "b.jpg"], "age": [31, 8.5], "box": [[1, 2, 30, 40], None], "part": ["train", "test"]}
    tables = load(pd.DataFrame(rows).to_csv(index=False))
    (tmp_path / "labels.csv").unlink()
    pd.DataFrame(rows).to_parquet(tmp_path / "labels.parquet")
    assert table.load(tmp_path, Options()) == tables and not tables.rejected
    assert table.tells([tmp_path], Options()) == set(rows)


def test_path_and_age_are_enough(load):
    tables = load("path,age\na.jpg,31\nb.jpg,8.5\n")
    assert [(row["image"], row["age"], row["subject"], row["part"]) for row in tables.index] == [
        ("a.jpg", 31, None, None),
        ("b.jpg", 8.5, None, None),
    ]
    assert tables.rejected == tables.landmarks == [] and tables.findings == {"rows of the table": 2}


@pytest.mark.parametrize("box", ["box;3 4 30 50", "box;(3, 4, 30, 50)", "left;top;right;bottom;3;4;30;50"])
def test_every_column_has_its_place_in_the_index_and_others_are_left_alone(box, load):
    *names, written = box.split(";") if box.startswith("box") else ["left;top;right;bottom", "3;4;30;50"]
    header = ";".join(["path;age;age_std;subject;picture;gender;race;part;landmarks;note", *names])
    tables = load(f"{header}\na.jpg;31;2.5;Anna;7;F;W;VAL;{POINTS};x;{written}\n", ["a.jpg"])
    told = {"subject": "Anna", "picture": 7, "gender": "female", "race": "W", "part": "validation"}
    sides = dict(zip(table.BOX, (3, 4, 30, 50), strict=True))
    assert tables.index == [{"image": "a.jpg", "age": 31, "age_std": 2.5} | told | sides]
    assert tables.landmarks == [{"image": "a.jpg"} | dict(zip(table.COORDINATES, map(float, POINTS.split()), strict=True))]


def test_options_give_the_names_of_columns(load):
    tables = load("File,Years,WHO\na.jpg,31,Anna\n", ["a.jpg"], path="file", age="years", subject="Who")
    assert [(row["age"], row["subject"]) for row in tables.index] == [(31, "Anna")]


@pytest.mark.parametrize("options", [{"subject": "who"}, {"box": "frame"}])
def test_a_column_that_the_options_name_must_be_there(options, load):
    with pytest.raises(InputError, match=rf"labels\.csv: column {next(iter(options.values()))} is missing or there twice"):
        load("path,age\na.jpg,31\n", **options)


@pytest.mark.parametrize("written", ["faces/a.jpg", "faces\\a.jpg", "./faces/a.jpg", "faces/../faces/a.jpg"])
def test_paths_begin_at_the_folder_of_the_table(written, load):
    tables = load(f"path,age\n{written},31\n", ["deep/faces/a.jpg"], name="deep/labels.csv")
    assert [row["image"] for row in tables.index] == ["deep/faces/a.jpg"]


LINE = "labels.csv:3"


@pytest.mark.parametrize(
    ("row", "image", "words"),
    [
        ("b.jpg,,,", "b.jpg", "age is not a number from 0 to 120"),
        ("b.jpg,121,,", "b.jpg", "age is not a number from 0 to 120"),
        ("b.jpg,old,,", "b.jpg", "age is not a number from 0 to 120"),
        ("c.jpg,31,,", "c.jpg", "no such file"),
        ("../b.jpg,31,,", LINE, "leads out of the folder"),
        ("/tmp/b.jpg,31,,", LINE, "leads out of the folder"),
        ("C:\\b.jpg,31,,", LINE, "leads out of the folder"),
        ("a.jpg,31,,", LINE, "an earlier row names the same picture"),
        ("x/../a.jpg,31,,", LINE, "an earlier row names the same picture"),
        (",31,,", LINE, "names no picture"),
        ("b,31,,", LINE, "names no picture"),
        ("b.jpg,31", LINE, "more or fewer fields"),
        ("b.jpg,31,40 0 50 9,", "b.jpg", f"box is outside of the picture, which is {WIDTH} x {HEIGHT}"),
        ("b.jpg,31,-9 0 0 9,", "b.jpg", "box is outside of the picture"),
        ("b.jpg,31,9 0 3 9,", "b.jpg", "box is not left, top, right and bottom"),
        ("b.jpg,31,1 2 3,", "b.jpg", "box is not left, top, right and bottom"),
        ("b.jpg,31,1 2 3 x,", "b.jpg", "box is not left, top, right and bottom"),
        (f"b.jpg,31,,{POINTS} 3", "b.jpg", "landmarks are not 10 numbers"),
        (f"b.jpg,31,,{POINTS[:-2]}nan", "b.jpg", "landmarks are not 10 numbers"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason_by_its_picture_or_else_by_its_line(row, image, words, load):
    tables = load(f"path,age,box,landmarks\na.jpg,30,,\n{row}\n")
    assert [row["image"] for row in tables.index] == ["a.jpg"] and words in reasons(tables)[image]
    assert set(reasons(tables)) == {image, "b.jpg"}, "a picture whose row names another has a row of its own"


@pytest.mark.parametrize(
    ("column", "field"), [("gender", "x"), ("part", "trial"), ("picture", "one"), ("picture", "-1"), ("age_std", "-1")]
)
def test_a_field_that_is_not_understood_rejects_its_row(column, field, load):
    tables = load(f"path,age,{column}\na.jpg,30,\nb.jpg,31,{field}\n")
    assert len(tables.index) == 1 and "is not" in reasons(tables)["b.jpg"]


def test_a_box_is_held_against_the_picture_as_it_is_seen(load, tmp_path):
    sideways = Image.new("L", (WIDTH, HEIGHT))
    exif = sideways.getexif()
    exif[table.ORIENTATION] = 6
    sideways.save(tmp_path / "side.jpg", exif=exif)
    tables = load(f"path,age,box\nside.jpg,30,{WIDTH + 5} 3 {HEIGHT} 20\na.jpg,30,{WIDTH + 5} 3 {HEIGHT} 20\n", ["a.jpg"])
    assert [row["image"] for row in tables.index] == ["side.jpg"]


def test_what_is_no_picture_has_its_row_until_pictures_are_read(load, tmp_path):
    (tmp_path / "c.jpg").write_text("no picture")
    assert len(load("path,age,box\nc.jpg,31,1 2 3 4\n", []).index) == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no table .*csv.* with the columns path and age; save one there"),
        ({"labels.xlsx": "PK"}, "no table .*csv.* with the columns path and age; save one there"),
        (
            {"labels.csv": "a.jpg,31\n"},
            "labels.csv: it is no table of pictures.*columns found: a.jpg, ##; columns wanted: path, age; write these",
        ),
        ({"labels.csv": "path\n"}, "labels.csv: it is no table of pictures"),
        ({"1.csv": "path,age\n", "2.tsv": "path\tage\n"}, "2.tsv: a second table beside .*1.csv"),
        ({"labels.csv": "path,age,age\n"}, "column age is missing or there twice"),
    ],
)
def test_a_table_that_is_missing_or_not_understood_is_one_clear_error_before_it_is_unpacked_too(files, words, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for find in (lambda: table.load(tmp_path, Options()), lambda: table.check_archives([tmp_path], Options())):
        with pytest.raises(InputError, match=words):
            find()


def test_a_table_that_may_lie_where_nobody_can_see_it_yet_is_no_error(tmp_path):
    with tarfile.open(tmp_path / "rest.tar", "w"):
        pass
    table.check_archives([tmp_path / "rest.tar"], Options())
    (tmp_path / "labels.csv").write_text("path,age\n")
    table.check_archives([tmp_path], Options())
    table.check_archives([tmp_path / "labels.csv"], Options())


def test_a_comma_may_part_the_decimals_of_an_age(load):
    tables = load("path;age;age_std\na.jpg;31,5;2,25\nb.jpg;8.5;\n")
    assert [(row["age"], row["age_std"]) for row in tables.index] == [(31.5, 2.25), (8.5, None)]


names = st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "../a.jpg", "", "x/a.jpg", "a.txt"])
fields = st.sampled_from(["", "1", "30", "-1", "x", "1 2 3 4", "f", "test", "1e400"])


@given(rows=st.lists(st.tuples(names, fields, fields, fields, fields, fields), max_size=6))
@settings(max_examples=40)
def test_a_row_is_in_the_index_or_rejected_and_so_is_a_picture_whatever_is_written(rows, picture, tmp_path_factory):
    root = tmp_path_factory.mktemp("any")
    for name in ("a.jpg", "b.jpg"):
        os.link(picture, root / name)
    (root / "labels.csv").write_text("path,age,box,gender,part,picture\n" + "".join(",".join(row) + "\n" for row in rows))
    tables = build_tables("table", root, {})
    check_table(tables["index"], "index", "index.csv")
    images = [*tables["index"]["image"], *tables["rejected"]["image"]]
    unlisted = (tables["rejected"]["reason"] == "no row of a label file names it").sum()
    assert {"a.jpg", "b.jpg"} <= set(images) and len(images) == len(rows) + unlisted


def section() -> str:
    """Return the documentation's section on data of your own."""
    return (ROOT / "docs/datasets.md").read_text().split("## Your own faces")[1].split("\n## ")[0]


def snippet(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", section(), re.DOTALL)[0]


def config(protocol: str, **changes) -> dict:
    """Return the config that the documentation names, with its five lines, another protocol and changes of the dataset."""
    changed = yaml.safe_load((ROOT / "config/own.yaml").read_text()) | yaml.safe_load(snippet("yaml"))
    changed["datasets"]["own"] |= changes
    changed["experiments"]["own_faces"] |= {"protocol": protocol, "folds": [1]}
    return changed


@pytest.fixture
def documented(tmp_path, monkeypatch, picture):
    """Lay out the folder of the documentation and go where it lies."""
    monkeypatch.chdir(tmp_path)
    text = snippet("csv")
    lay_out("my_faces", text.replace("12 30 112 150", "3 4 30 50"), picture)
    return text


def lay_out(folder: str, text: str, picture: Path) -> None:
    for line in text.splitlines()[1:]:
        path = Path(folder, line.split(",")[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.read_bytes())
    Path(folder, "labels.csv").write_text(text)


def indexed(plan):
    task = plan.task("index_images", dataset="own")
    index_images(task)
    return read_table(task.outputs["index"], "index")


def test_the_five_documented_lines_are_those_of_the_config():
    lines = snippet("yaml")
    assert len(lines.splitlines()) == 5 and lines in (ROOT / "config/own.yaml").read_text()


def test_what_the_documentation_shows_runs_as_it_stands_there(documented):
    index = indexed(make_plan(config("cross_validation")))
    assert len(index) == len(documented.splitlines()) - 1 and index["subject"].nunique() == 3
    for protocol, tested in (("lopo", 2), ("official", 1), ("random", 1)):
        make_plan(config(protocol))
        folds = assign(protocol, index, 0)
        assert ((folds["fold"] == 1) & (folds["part"] == "test")).sum() == tested


def test_the_documentation_has_every_column():
    assert re.findall(r"^\| `(\w+)` \|", section(), re.MULTILINE) == [
        *("path", "age", "age_std", "subject", "picture", "gender", "race", "part", "box", "landmarks")
    ]


@pytest.mark.parametrize(
    ("protocol", "column"),
    [("lopo", "subject"), ("subject_exclusive", "subject"), ("official", "part"), ("setting2", "race, subject, picture")],
)
@pytest.mark.parametrize("archive", ["folder", "zip", "apart"])
def test_a_protocol_says_what_column_is_missing_before_anything_runs(archive, protocol, column, tmp_path, monkeypatch, picture):
    monkeypatch.chdir(tmp_path)
    lay_out("my_faces", "path,age\na.jpg,31\n", picture)
    archives = ["my_faces"]
    if archive == "zip":
        with zipfile.ZipFile("faces.zip", "w") as opened:
            opened.writestr("deep/labels.csv", "path,age\na.jpg,31\n")
        archives = ["faces.zip"]
    elif archive == "apart":
        Path("my_faces/labels.csv").rename("labels.csv")
        archives = ["labels.csv", "my_faces"]
    given = {"archives": [{"path": path} for path in archives]}
    with pytest.raises(InputError, match=f"own_faces.protocol: {protocol} needs the column {column}, which the dataset own"):
        make_plan(config(protocol, **given))
    make_plan(config("random", **given))


def test_a_table_apart_from_its_pictures_is_an_archive_of_its_own(documented):
    Path("my_faces/labels.csv").rename("labels.csv")
    index = indexed(make_plan(config("random", archives=[{"path": "labels.csv"}, {"path": "my_faces"}])))
    assert len(index) == len(documented.splitlines()) - 1 and Path("labels.csv").is_file()


@pytest.mark.parametrize("archive", ["absent.zip", "faces.tar", "torn.zip", "empty"])
def test_a_config_passes_where_the_table_cannot_be_seen_yet(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("faces.tar").write_bytes(b"\0" * 10240)
    Path("torn.zip").write_bytes(b"PK\5\6" + b"\1" * 18)
    make_plan(config("lopo", archives=[{"path": archive}]))
