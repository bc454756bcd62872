import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from pml.errors import InputError
from pml.tables import SCHEMAS, load_schema, read_numbers, read_table, write_table
from tests.damage import ANY

INDEX = "image,subject,age,age_std,gender,race,part,picture,left,top,right,bottom\n"


def write_text(folder, text):
    path = folder / "index.csv"
    path.write_text(text)
    return path


text = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
number = st.floats(0, 120)
rows = st.fixed_dictionaries(
    {
        "image": text,
        "subject": st.none() | text | st.sampled_from(["NA", "001", "nan", "None", "1e5"]),
        "age": number,
        "age_std": st.none() | number,
        "gender": st.sampled_from([None, "female", "male"]),
        "race": st.none() | text,
        "part": st.sampled_from([None, "train", "test"]),
    }
)


NUMBERS = ("picture", "age", "age_std", "left", "top", "right", "bottom")


@settings(max_examples=15)
@given(st.lists(rows, max_size=4, unique_by=lambda row: row["image"]))
def test_table_survives_the_file(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "index.csv"
    frame = pd.DataFrame(rows, columns=list(load_schema("index")["properties"]))
    for name in frame:
        frame[name] = frame[name].astype("float64" if name in NUMBERS else "str")
    write_table(frame, path, "index")
    before = path.read_bytes()
    found = read_table(path, "index")
    assert_frame_equal(found, frame, check_exact=True)
    write_table(found, path, "index")
    assert path.read_bytes() == before


def test_columns_are_written_in_the_schema_s_order(tmp_path):
    frame = pd.DataFrame({"part": ["test"], "image": ["a"], "fold": [1]})
    write_table(frame, tmp_path / "folds.csv", "folds")
    assert (tmp_path / "folds.csv").read_text() == "fold,image,part\n1,a,test\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not a index table"),
        ("image,age\na,3\n", "columns missing: \\['subject'.*"),
        (INDEX.replace("bottom", "bottom,shoe") + "a,s,3,,,,,,,,,,42\n", ".*unknown: \\['shoe'\\]"),
        (INDEX + "a,s,old,,,,\n", "not a index table.*old"),
        (INDEX + "a,s,,,,,\n", "column 'age' is empty in row 1"),
        (INDEX + "a,s,3,,,,\n,s,3,,,,\n", "column 'image' is empty in row 2"),
        (INDEX + "a,s,121,,,,\n", "column 'age' holds .*121.*'maximum': 120"),
        (INDEX + "a,s,3,-1,,,\n", "column 'age_std' holds .*-1.*'minimum': 0"),
        (INDEX + "a,s,3,,woman,,\n", "column 'gender' holds 'woman'.*female"),
        (INDEX + "a,s,3,inf,,,\n", "column 'age_std' holds .*inf.*finite"),
        (INDEX + "a,s,3,1e999,,,\n", "column 'age_std' holds .*inf.*finite"),
        (INDEX + "a,s,nan,,,,\n", "not a index table"),
        (INDEX + "a,s,3,,,,\nb,s,3,,,,\na,t,4,,,,\n", "row 3 repeats image a; run again the stage that writes it"),
        (INDEX + "a,s,3,,,,\nb,s,3", "its last row was cut short"),
        ("<!DOCTYPE html>\n<html>404</html>\n", "columns missing"),
    ],
)
def test_bad_table_is_refused_by_file_and_column(tmp_path, text, message):
    path = write_text(tmp_path, text)
    with pytest.raises(InputError, match=f"index.csv: {message}"):
        read_table(path, "index")


def test_whole_numbers_are_asked_for(tmp_path):
    (tmp_path / "folds.csv").write_text("fold,image,part\n1.5,a,test\n")
    with pytest.raises(InputError, match="column 'fold' holds .*1.5.*whole numbers"):
        read_table(tmp_path / "folds.csv", "folds")


def test_missing_table_names_the_file_and_the_remedy(tmp_path):
    with pytest.raises(InputError, match="absent.csv: no such file; run the stage that writes it"):
        read_table(tmp_path / "absent.csv", "index")


def test_an_image_is_in_one_part_of_a_fold(tmp_path):
    (tmp_path / "folds.csv").write_text("fold,image,part\n1,a,train\n2,a,test\n1,a,test\n")
    with pytest.raises(InputError, match="folds.csv: row 3 repeats fold 1, image a; run again the stage that writes it"):
        read_table(tmp_path / "folds.csv", "folds")


def test_rows_have_no_more_fields_than_the_header(tmp_path):
    (tmp_path / "folds.csv").write_text("fold,image,part\n7,1,a,train\n7,1,b,test\n")
    with pytest.raises(InputError, match="folds.csv: not a folds table: its rows have more fields than its header"):
        read_table(tmp_path / "folds.csv", "folds")


@pytest.mark.parametrize("age", ["inf", "-inf", "1e308", "1001"])
def test_a_prediction_is_an_age(tmp_path, age):
    (tmp_path / "predictions.csv").write_text(f"image,age,predicted_age\na,3,{age}\n")
    with pytest.raises(InputError, match="predictions.csv: column 'predicted_age' holds"):
        read_table(tmp_path / "predictions.csv", "predictions")


def test_true_and_false_are_asked_for(tmp_path):
    columns = load_schema("metrics")["properties"]
    frame = pd.DataFrame([dict.fromkeys(columns, 0) | {"scope": "own", "whole_years": True, "best": "Tr5e"}])
    frame.to_csv(tmp_path / "metrics.csv", index=False)
    with pytest.raises(InputError, match="column 'best' holds 'Tr5e'; it needs True or False"):
        read_table(tmp_path / "metrics.csv", "metrics")


@pytest.mark.parametrize("damage", ANY)
def test_a_table_is_nothing_else(tmp_path, damage):
    (tmp_path / "folds.csv").write_bytes(ANY[damage](b"fold,image,part\n1,first.jpg,train\n1,second.jpg,test\n"))
    with pytest.raises(InputError, match="folds.csv: "):
        read_table(tmp_path / "folds.csv", "folds")


@pytest.mark.parametrize(
    "text, message",
    [
        ("epoch,loss\n1,0.5\n2,high\n", "column 'loss' holds .*needs numbers"),
        ("epoch,loss\n1,0.5\n2,inf\n", "column 'loss' is not finite"),
        ("epoch,loss\n1,0.5\n2,\n", "column 'loss' is not finite"),
        ("epoch,cost\n1,0.5\n", "columns missing: \\['loss'\\]"),
        ("epoch,loss\n1,0.5\n2,0.2", "its last row was cut short"),
        ("", "not a table of numbers"),
    ],
)
def test_numbers_of_a_method_s_own_are_read_where_they_are_numbers(tmp_path, text, message):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(InputError, match=f"history.csv: {message}"):
        read_numbers(tmp_path / "history.csv", ["epoch", "loss"])
    (tmp_path / "history.csv").write_text("epoch,loss,spread\n1,0.5,inf\n2,0.4,\n")
    assert len(read_numbers(tmp_path / "history.csv", ["epoch", "loss"])) == 2


def test_bad_table_is_not_written(tmp_path):
    with pytest.raises(InputError, match="predicted_age' is empty"):
        frame = pd.DataFrame({"image": ["a"], "age": [3.0], "predicted_age": [np.nan]})
        write_table(frame, tmp_path / "predictions.csv", "predictions")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_schema_names_its_columns(path):
    schema = load_schema(path.name.removesuffix(".schema.yaml"))
    assert schema["description"] and schema["properties"].keys() >= set(schema.get("optional", []))
    # A comma in a text without quotes begins a key of no value.
    assert all(column and None not in column.values() for column in schema["properties"].values())
