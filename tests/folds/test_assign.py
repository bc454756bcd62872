"""From an index and its faces to folds.csv."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pml.errors import InputError
from pml.files import load_schema, read_table, write_table
from pml.folds.assign import PROTOCOLS, assign, main

SUBJECTS = list("abcdefghij") * 3


def index_of(subjects):
    columns = list(load_schema("index")["properties"])
    rows = [{"image": f"{i:03}.jpg", "subject": subject, "age": 20} for i, subject in enumerate(subjects)]
    return pd.DataFrame(rows, columns=columns)


def run(folder, index, faces, *options):
    write_table(index, folder / "index.csv", "index")
    columns = list(load_schema("faces")["properties"])
    rows = [{"image": image, "source": "centre"} for image in faces]
    write_table(pd.DataFrame(rows, columns=columns), folder / "faces.csv", "faces")
    paths = [option for name in ("index", "faces") for option in (f"--{name}", str(folder / f"{name}.csv"))]
    main(["--protocol", "lopo", *paths, "--seed", "0", "--output", str(folder / "folds.csv"), *options])
    return read_table(folder / "folds.csv", "folds")


@given(st.permutations(range(len(SUBJECTS))), st.integers(0, 5))
@settings(max_examples=20)
def test_the_same_seed_gives_the_same_rows_in_whatever_order_the_index_comes(order, seed):
    index = index_of(SUBJECTS)
    for validation in (0, 0.2):
        folds = assign("lopo", index, seed, validation)
        pd.testing.assert_frame_equal(folds, assign("lopo", index.iloc[list(order)], seed, validation))
        pd.testing.assert_frame_equal(folds, folds.sort_values(["fold", "image"], ignore_index=True))


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


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, 0.99, float("nan")])
def test_a_share_that_leaves_no_training_subject_is_an_error(share):
    with pytest.raises(InputError, match="--validation"):
        assign("lopo", index_of(SUBJECTS), 0, share)


def test_an_unknown_protocol_is_an_error_that_suggests_one():
    with pytest.raises(InputError, match="did you mean 'lopo'"):
        assign("lop", index_of(SUBJECTS), 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_says_whose_it_is(protocol):
    assert "protocol of" in PROTOCOLS[protocol].__doc__


def test_only_images_with_a_face_are_assigned(tmp_path, capsys):
    index = index_of("aabbc")
    folds = run(tmp_path, index, ["000.jpg", "002.jpg", "003.jpg"])
    assert sorted(folds["image"].unique()) == ["000.jpg", "002.jpg", "003.jpg"]
    assert folds["fold"].max() == 2
    assert capsys.readouterr().out == "lopo: 2 folds of 3 images\n"


def test_the_same_command_writes_the_same_bytes(tmp_path):
    written = []
    for _ in range(2):
        run(tmp_path, index_of(SUBJECTS), [f"{i:03}.jpg" for i in range(len(SUBJECTS))], "--validation", "0.2")
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
def test_bad_input_ends_in_one_line_and_writes_nothing(subjects, faces, words, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, index_of(subjects), faces)
    message = capsys.readouterr().err
    assert message.startswith("error: ") and all(word in message for word in words)
    assert not (tmp_path / "folds.csv").exists()
