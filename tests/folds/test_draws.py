"""Random draws of whole groups."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.draws import draw, five_draws

group_lists = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=30).filter(lambda groups: len(set(groups)) > 1)
shares = st.sampled_from([0.05, 0.2, 0.5])


@given(group_lists, shares, st.integers(0, 9))
def test_groups_stay_whole_and_neither_side_is_empty(groups, share, seed):
    groups = pd.Series(groups)
    drawn = draw(groups, share, np.random.default_rng(seed))
    assert set(groups[drawn]).isdisjoint(groups[~drawn])
    assert drawn.any() and not drawn.all()


@given(group_lists, shares, st.integers(0, 9))
def test_no_group_that_is_left_would_bring_the_share_nearer(groups, share, seed):
    groups = pd.Series(groups)
    drawn = draw(groups, share, np.random.default_rng(seed))
    wanted = share * len(groups)
    for size in groups[~drawn].value_counts():
        assert abs(drawn.sum() + size - wanted) >= abs(drawn.sum() - wanted)


@given(st.integers(2, 300), shares, st.integers(0, 9))
def test_single_images_give_the_share_exactly(images, share, seed):
    drawn = draw(pd.Series([f"{i}.jpg" for i in range(images)]), share, np.random.default_rng(seed))
    assert drawn.sum() == max(1, round(share * images))


def test_every_image_is_drawn_as_often_as_any_other():
    index = pd.DataFrame({"image": [f"{i}.jpg" for i in range(10)]})
    folds = pd.concat([five_draws(index, index["image"], seed) for seed in range(200)])
    often = folds[folds["part"] == "test"]["image"].value_counts()
    # 1,000 draws of 2 in 10: the standard deviation is 12.6.
    assert len(often) == 10 and often.between(200 - 60, 200 + 60).all()


def test_a_single_group_cannot_be_split():
    with pytest.raises(InputError, match="3 images of one subject"):
        draw(pd.Series(list("aaa")), 0.2, np.random.default_rng(0))
