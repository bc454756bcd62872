"""The owners' split."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.official import official, official_train, official_validation

PARTS = {
    official: {"train": "train", "validation": "train", "test": "test"},
    official_train: {"train": "train", "validation": "validation", "test": "test"},
    official_validation: {"train": "train", "validation": "test"},
}


def index_of(parts):
    return pd.DataFrame({"image": [f"{i:03}.jpg" for i in range(len(parts))], "part": parts})


@pytest.mark.parametrize("protocol", PARTS)
@given(more=st.lists(st.sampled_from(["train", "validation", "test"])), seed=st.integers(0, 9))
def test_one_fold_follows_the_owners(protocol, more, seed):
    parts = ["train", "validation", "test", *more]
    folds = protocol(index_of(parts), seed)
    expected = {f"{i:03}.jpg": PARTS[protocol][part] for i, part in enumerate(parts) if part in PARTS[protocol]}
    assert dict(zip(folds["image"], folds["part"], strict=True)) == expected
    assert (folds["fold"] == 1).all()


@pytest.mark.parametrize("protocol", PARTS)
def test_an_image_in_no_part_is_an_error_that_names_it(protocol):
    with pytest.raises(InputError, match="1 images are in no part, such as 001.jpg"):
        protocol(index_of(["train", None, "test"]), 0)


@pytest.mark.parametrize(
    ("protocol", "parts", "lacking"),
    [
        (official, ["train", "validation"], "test"),
        (official, ["test"], "train or validation"),
        (official_train, ["validation", "test"], "train"),
        (official_validation, ["train", "test"], "validation"),
    ],
)
def test_a_part_without_an_image_is_an_error_where_the_protocol_trains_on_it_or_tests_it(protocol, parts, lacking):
    with pytest.raises(InputError, match=f"no image is in part {lacking}; .*use another protocol"):
        protocol(index_of(parts), 0)
