"""Cross-validation: every person is tested once."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.cross_validation import cross_validation

# None stands for an image of nobody known.
subject_lists = st.lists(st.sampled_from([*"abcdefgh", None]), min_size=2, max_size=40)


def index_of(subjects):
    """An index with one image per entry of `subjects`, in an order of its own."""
    images = [f"{i:03}.jpg" for i in range(len(subjects))]
    return pd.DataFrame({"image": images, "subject": subjects}, index=range(7, 7 + len(subjects)))


def people(index):
    return index["subject"].fillna(index["image"])


@given(subject_lists.filter(lambda subjects: len(people(index_of(subjects)).unique()) >= 2), st.data(), st.integers(0, 9))
def test_every_image_is_tested_once_without_its_subject_in_training(subjects, data, seed):
    index = index_of(subjects)
    count = data.draw(st.integers(2, people(index).nunique()))
    folds = cross_validation(index, seed, folds=count).merge(index, on="image")
    tested = folds[folds["part"] == "test"]
    assert sorted(tested["image"]) == list(index["image"])
    per_fold = people(tested).groupby(tested["fold"]).nunique()
    assert len(per_fold) == count and per_fold.max() - per_fold.min() <= 1
    for _, rows in folds.groupby("fold"):
        assert sorted(rows["image"]) == list(index["image"])
        assert set(people(rows[rows["part"] == "test"])).isdisjoint(people(rows[rows["part"] == "train"]))


def test_the_seed_alone_decides_who_is_tested_together():
    index = index_of(list("abcdefghij"))
    first, again, other = (cross_validation(index, seed) for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


@pytest.mark.parametrize("folds", [1, 4])
def test_a_number_of_folds_that_cannot_be_dealt_is_an_error_that_says_which_can(folds):
    with pytest.raises(InputError, match=f"3 subjects cannot be dealt out to {folds} folds; take 2 to 3 folds"):
        cross_validation(index_of(["a", "b", "c", "c"]), 0, folds=folds)
