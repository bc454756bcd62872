"""Setting I and its subject-exclusive twin."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.setting1 import setting1, setting1_subject_exclusive
from pml.reporting.leakage import seen_share

subject_lists = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=40).filter(lambda subjects: len(set(subjects)) > 1)


def index_of(subjects):
    return pd.DataFrame({"image": [f"{i:03}.jpg" for i in range(len(subjects))], "subject": subjects})


@pytest.mark.parametrize("protocol", [setting1, setting1_subject_exclusive])
@given(subjects=subject_lists, seed=st.integers(0, 9))
def test_each_of_five_folds_assigns_every_image_once(protocol, subjects, seed):
    index = index_of(subjects)
    folds = protocol(index, seed)
    assert sorted(folds["fold"].unique()) == [1, 2, 3, 4, 5]
    for _, rows in folds.groupby("fold"):
        assert sorted(rows["image"]) == list(index["image"])
        assert set(rows["part"]) == {"train", "test"}


@given(subject_lists, st.integers(0, 9))
def test_the_exclusive_twin_shares_no_subject(subjects, seed):
    index = index_of(subjects)
    for _, rows in setting1_subject_exclusive(index, seed).merge(index).groupby("fold"):
        parts = rows.groupby("part")["subject"].agg(set)
        assert parts["train"].isdisjoint(parts["test"])


def test_a_fifth_of_morph_is_tested_and_nearly_all_of_it_shows_known_subjects(morph_counts):
    assert (len(morph_counts), morph_counts["subject"].nunique()) == (55134, 13617)
    for protocol, share in ((setting1, 0.96), (setting1_subject_exclusive, 0)):
        folds = protocol(morph_counts, 0)
        assert (folds[folds["part"] == "test"].groupby("fold").size() == 11027).all()
        assert seen_share(folds, morph_counts) == pytest.approx(share, abs=0.005)


def test_draws_differ_between_folds_and_seeds():
    index = index_of(list("abcdefghijklmnopqrst") * 2)
    for protocol in (setting1, setting1_subject_exclusive):
        first, second = (protocol(index, seed) for seed in (0, 1))
        tested = first[first["part"] == "test"].groupby("fold")["image"].agg(tuple)
        assert tested.nunique() == 5
        assert not first.equals(second)


def test_without_subjects_only_the_exclusive_twin_is_refused():
    index = index_of([None] * 10)
    assert len(setting1(index, 0)) == 50
    with pytest.raises(InputError, match="10 images have no subject, such as 000.jpg"):
        setting1_subject_exclusive(index, 0)
