"""Leave one person out."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.datasets import archives
from pml.datasets.index import build_tables
from pml.errors import InputError
from pml.folds.lopo import lopo

DATA = os.environ.get("PML_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set PML_TEST_DATA to a folder that holds FGNET.zip")


def index_of(subjects):
    """An index with one image per entry of `subjects`."""
    return pd.DataFrame({"image": [f"{i:03}.jpg" for i in range(len(subjects))], "subject": subjects})


subject_lists = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=30).filter(lambda subjects: len(set(subjects)) > 1)


@given(subject_lists)
def test_every_image_is_tested_once_and_no_subject_is_on_both_sides(subjects):
    index = index_of(subjects)
    folds = lopo(index, seed=0)
    assert len(folds) == len(set(subjects)) * len(index)
    assert sorted(folds.loc[folds["part"] == "test", "image"]) == list(index["image"])
    for fold, rows in folds.merge(index, on="image").groupby("fold"):
        assert sorted(rows["image"]) == list(index["image"])
        tested = set(rows.loc[rows["part"] == "test", "subject"])
        assert tested == {sorted(set(subjects))[fold - 1]}
        assert tested.isdisjoint(rows.loc[rows["part"] == "train", "subject"])


def test_an_image_without_a_subject_is_an_error_that_names_it():
    with pytest.raises(InputError, match="1 images have no subject, such as 001.jpg"):
        lopo(index_of(["a", None, "b"]), seed=0)


def test_one_subject_alone_is_an_error():
    with pytest.raises(InputError, match="two subjects or more"):
        lopo(index_of(["a", "a"]), seed=0)


@needs_data
def test_the_constant_median_has_its_known_error_on_fgnet(tmp_path):
    archives.unpack([Path(DATA) / "FGNET.zip"], tmp_path / "images")
    index = build_tables("fgnet", tmp_path / "images", {})["index"]
    folds = lopo(index, seed=0).merge(index[["image", "subject", "age"]], on="image")
    median = folds[folds["part"] == "train"].groupby("fold")["age"].median()
    test = folds[folds["part"] == "test"]
    errors = (test["age"] - test["fold"].map(median)).abs()
    assert len(median) == 82
    assert len(errors) == 1002
    assert errors.mean() == pytest.approx(9.71, abs=0.005)
    assert errors.groupby(test["subject"]).mean().mean() == pytest.approx(9.72, abs=0.005)
