"""Nearly everything trains."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pml.folds.pretraining import pretraining


@given(
    st.lists(st.sampled_from([*"abcdefgh", None]), min_size=2, max_size=60).filter(lambda s: len(set(s)) > 1), st.integers(0, 9)
)
def test_one_fold_tests_whole_subjects_or_single_images(subjects, seed):
    index = pd.DataFrame({"image": [f"{i:03}.jpg" for i in range(len(subjects))], "subject": subjects})
    rows = pretraining(index, seed).merge(index)
    assert sorted(rows["image"]) == list(index["image"]) and (rows["fold"] == 1).all()
    parts = rows.dropna(subset="subject").groupby("subject")["part"].nunique()
    assert (parts == 1).all()
    assert set(rows["part"]) == {"train", "test"}


def test_five_percent_are_tested(morph_counts):
    for index in (morph_counts, morph_counts.assign(subject=None)):
        folds = pretraining(index, 0)
        assert (folds["part"] == "test").sum() == round(0.05 * 55134)
        assert not folds.equals(pretraining(index, 1))
