"""From an index and its faces to folds.csv."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.assign import assign, assign_folds
from pml.protocol import holds
from pml.registry import REGISTRIES, find
from pml.tables import load_schema, read_table, write_table
from pml.task import Task

PROTOCOLS = list(REGISTRIES["protocol"])
OPTIONS = {
    "balanced_extrapolation": {"centre": 24.0, "test_images": 1},
    "bimodal_interpolation": {"low": 21.0, "high": 27.0, "test_images": 1},
    "blind_spot": {"first": 24, "last": 24, "test_images": 1},
}
SUBJECTS = list("abcdefghij") * 3
PARTS = ["train", "validation", "test"]


def index_of(subjects):
    """An index that every protocol can use: one race, pictures numbered, three parts."""
    columns = list(load_schema("index")["properties"])
    rows = [
        {"image": f"{i:03}.jpg", "subject": subject, "picture": i, "age": 20 + i % 9, "race": "W", "part": PARTS[i % 3]}
        for i, subject in enumerate(subjects)
    ]
    return pd.DataFrame(rows, columns=columns)


def run(folder, index, faces, protocol="lopo", options=None, validation=0, curriculum=(), needed=(), ages=(0, 100)):
    write_table(index, folder / "index.csv", "index")
    columns = list(load_schema("faces")["properties"])
    rows = [{"image": image, "source": "centre"} for image in faces]
    write_table(pd.DataFrame(rows, columns=columns), folder / "faces.csv", "faces")
    inputs = {"index": str(folder / "index.csv"), "faces_table": str(folder / "faces.csv")}
    settings = {"protocol": protocol, "protocol_options": options or {}, "validation": validation, "curriculum": curriculum}
    settings |= {"seed": 0, "needed": needed, "ages": ages}
    assign_folds(Task("assign_folds", {}, inputs, {"folds": str(folder / "folds.csv")}, settings))
    return read_table(folder / "folds.csv", "folds")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(order=st.permutations(range(len(SUBJECTS))), seed=st.integers(0, 5))
@settings(max_examples=5)
def test_the_same_seed_gives_the_same_rows_in_whatever_order_the_index_comes(protocol, order, seed):
    index, options = index_of(SUBJECTS), OPTIONS.get(protocol)
    for validation in (0, 0.2):
        folds = assign(protocol, index, seed, validation, options)
        pd.testing.assert_frame_equal(folds, assign(protocol, index.iloc[list(order)], seed, validation, options))
        pd.testing.assert_frame_equal(folds, folds.sort_values(["fold", "image"], ignore_index=True))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_declares_what_holds_of_its_folds(protocol):
    index, declared = index_of(SUBJECTS), find("protocol", protocol)
    folds = assign(protocol, index, 0, options=OPTIONS.get(protocol)).merge(index[["image", "subject"]])
    people = folds.groupby(["fold", "part"])["subject"].agg(set).unstack()
    assert holds("exclusive", declared) == all(map(set.isdisjoint, people["train"], people["test"]))
    assert holds("validates", declared) == ("validation" in people)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_in_each_fold_an_image_is_in_one_part_and_some_train_and_some_test(protocol):
    for _, rows in assign(protocol, index_of(SUBJECTS), 0, options=OPTIONS.get(protocol)).groupby("fold"):
        assert rows["image"].is_unique
        assert {"train", "test"} <= set(rows["part"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("column", ["subject", "picture", "gender", "race", "part"])
def test_a_protocol_says_of_every_column_whether_it_needs_it(column, protocol):
    index = index_of(SUBJECTS)
    index[column] = None
    if column in getattr(find("protocol", protocol), "needs", {}):
        with pytest.raises(InputError, match="index.csv"):
            assign(protocol, index, 0, options=OPTIONS.get(protocol))
    else:
        assign(protocol, index, 0, options=OPTIONS.get(protocol))


@pytest.mark.parametrize(("share", "subjects"), [(0.01, 1), (0.1, 1), (0.2, 2), (0.5, 4), (0.8, 7)])
def test_validation_takes_that_share_of_the_training_subjects_whole(share, subjects):
    index = index_of(SUBJECTS)
    before = assign("lopo", index, 0).merge(index[["image", "subject"]], on="image")
    after = assign("lopo", index, 0, share).merge(index[["image", "subject"]], on="image")
    assert ((before["part"] == "test") == (after["part"] == "test")).all()
    for _, rows in after.groupby("fold"):
        parts = rows.groupby("part")["subject"].agg(set)
        assert len(parts["validation"]) == subjects
        assert len(parts["train"]) == 9 - subjects
        assert len(set.union(*parts)) == sum(map(len, parts))


def test_validation_differs_between_folds_and_seeds():
    def drawn(seed):
        folds = assign("lopo", index_of(SUBJECTS), seed, 0.3)
        return folds[folds["part"] == "validation"].groupby("fold")["image"].agg(tuple)

    assert drawn(0).nunique() > 1
    assert not drawn(0).equals(drawn(1))


def test_without_subjects_validation_takes_single_images(tmp_path, capsys):
    images = [f"{i:03}.jpg" for i in range(30)]
    folds = run(tmp_path, index_of([None] * 30), images, "random", validation=0.25)
    assert (folds.groupby("fold")["part"].value_counts().unstack() == {"test": 6, "train": 18, "validation": 6}).all(axis=None)
    assert "validation: 25% of each fold's training images" in capsys.readouterr().err


def test_an_image_without_a_subject_is_held_out_by_itself(tmp_path, capsys):
    index = index_of(["a"] * 10 + [None] * 20)
    drawn = [assign("random", index, seed, 0.3).merge(index[["image", "subject"]], on="image") for seed in range(5)]
    for folds in drawn:
        trained = folds[folds["part"] != "test"]
        assert (trained[trained["subject"] == "a"].groupby("fold")["part"].nunique() == 1).all()
        assert (trained[trained["subject"].isna()].groupby("fold")["part"].nunique() == 2).all()
    run(tmp_path, index, list(index["image"]), "random", validation=0.3)
    assert "training subjects, where known, or else images" in capsys.readouterr().err


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, 0.99, float("nan")])
def test_a_share_that_leaves_no_training_subject_is_an_error(share):
    with pytest.raises(InputError, match="validation"):
        assign("lopo", index_of(SUBJECTS), 0, share)


def test_an_unknown_protocol_is_an_error_that_suggests_one():
    with pytest.raises(InputError, match="did you mean 'lopo'"):
        assign("lop", index_of(SUBJECTS), 0)


@pytest.mark.parametrize(("protocol", "known"), [("setting2", "did you mean 'list'"), ("lopo", "there are none$")])
def test_an_unknown_option_is_an_error(protocol, known):
    with pytest.raises(InputError, match=f"protocol '{protocol}': unknown option 'lists'.*{known}"):
        assign(protocol, index_of(SUBJECTS), 0, options={"lists": "a.txt"})


@pytest.mark.parametrize("path", [3, ["a.txt"]])
def test_a_list_that_is_no_path_is_an_error(path):
    with pytest.raises(InputError, match="protocol 'setting2': list is .*; it needs a text"):
        assign("setting2", index_of(SUBJECTS), 0, options={"list": path})


def test_options_reach_the_protocol(tmp_path, capsys):
    (tmp_path / "list.txt").write_text("000.jpg\n003.jpg\n004.jpg\n")
    options = {"list": str(tmp_path / "list.txt")}
    folds = run(tmp_path, index_of(SUBJECTS), ["000.jpg", "001.jpg", "003.jpg"], "setting2", options)
    assert sorted(folds["image"].unique()) == ["000.jpg", "003.jpg"]
    said = capsys.readouterr().err
    assert "setting2: 5 folds of 2 images\n" in said and "1 of 3 images, such as 004, are left out" in said


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_says_whose_it_is(protocol):
    assert "protocol of" in find("protocol", protocol).__doc__


def test_a_fold_that_the_protocol_does_not_make_is_an_error_and_nothing_is_written(tmp_path):
    faces = [f"{i:03}.jpg" for i in range(4)]
    run(tmp_path, index_of("aabb"), faces, needed=[1, 2])
    (tmp_path / "folds.csv").unlink()
    with pytest.raises(InputError, match="folds in the config: no fold 3; the protocol lopo makes 1 to 2"):
        run(tmp_path, index_of("aabb"), faces, needed=[2, 4, 3])
    assert not (tmp_path / "folds.csv").exists()


def test_only_images_with_a_face_are_assigned(tmp_path, capsys):
    index = index_of("aabbc")
    folds = run(tmp_path, index, ["000.jpg", "002.jpg", "003.jpg"])
    assert sorted(folds["image"].unique()) == ["000.jpg", "002.jpg", "003.jpg"]
    assert folds["fold"].max() == 2
    assert capsys.readouterr().err == "lopo: 2 folds of 3 images\n"


def test_ages_without_a_class_are_counted_and_warned_of(tmp_path, capsys):
    index = index_of("aabbc").assign(age=[20.0, 116.0, 100.4, 100.6, 19.0])
    folds = run(tmp_path, index, list(index["image"]), needed=[1, 2, 3], ages=(20, 100))
    assert set(folds["image"]) == set(index["image"])
    warning = capsys.readouterr().err.splitlines()[0]
    assert warning.startswith("warning: 3 of 5 images, such as one of 116 years,") and "ages are 20 to 100" in warning
    run(tmp_path, index, list(index["image"]), needed=[1, 2, 3], ages=(20, 100, True))
    assert capsys.readouterr().err.startswith("warning: 2 of 5 images,"), "100.6 is cut to 100"


def test_a_fold_that_trains_on_no_age_with_a_class_is_an_error_and_nothing_is_written(tmp_path):
    index = index_of("aab").assign(age=[20, 21, 90])
    with pytest.raises(InputError, match="fold 1: no image that it trains on is of an age .* training.ages are 0 to 80; widen"):
        run(tmp_path, index, list(index["image"]), needed=[1, 2], ages=(0, 80))
    assert not (tmp_path / "folds.csv").exists()
    run(tmp_path, index, list(index["image"]), needed=[2], ages=(0, 80))


def test_the_same_command_writes_the_same_bytes(tmp_path):
    written = []
    for _ in range(2):
        run(tmp_path, index_of(SUBJECTS), [f"{i:03}.jpg" for i in range(len(SUBJECTS))], validation=0.2)
        written.append((tmp_path / "folds.csv").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("subjects", "faces", "words"),
    [
        ("ab", ["000.jpg", "other.jpg"], ["faces.csv", "'other.jpg'"]),
        ("ab", [], ["no image has a face", "rejected.csv"]),
        (["a", None], ["000.jpg", "001.jpg"], ["no subject", "001.jpg"]),
    ],
)
def test_bad_input_is_named_and_nothing_written(subjects, faces, words, tmp_path):
    with pytest.raises(InputError) as refused:
        run(tmp_path, index_of(subjects), faces)
    assert all(word in str(refused.value) for word in words)
    assert not (tmp_path / "folds.csv").exists()


def test_with_dividing_lines_every_training_image_and_no_other_has_a_course(tmp_path):
    index = index_of(SUBJECTS)
    folds = run(tmp_path, index, index["image"], "subject_exclusive", validation=0.2, curriculum=[0.2, 0.4, 0.6, 0.8])
    assert (folds["course"].notna() == (folds["part"] == "train")).all()
    ages = index.set_index("image")["age"]
    for _, rows in folds[folds["part"] == "train"].groupby("fold"):
        first = rows[rows["course"] == 1]
        assert set(first["image"].map(ages)) == set(rows["image"].map(ages))  # D1 has every age
        assert rows["course"].max() <= 5
    without = run(tmp_path, index, index["image"], "subject_exclusive", validation=0.2)
    pd.testing.assert_frame_equal(folds.drop(columns="course"), without)


def test_a_fold_with_too_few_ages_for_the_curricula_is_an_error():
    index = index_of(SUBJECTS).assign(age=20)
    with pytest.raises(InputError, match="fold 1: 1 ages: a dividing line of 0.2 takes in none of them; raise it"):
        assign("lopo", index, 0, dividing_lines=[0.2])
