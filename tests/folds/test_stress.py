"""Training ages that lack what a balanced test asks for."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.folds.stress import balanced_extrapolation, bimodal_interpolation, blind_spot

PROTOCOLS = [balanced_extrapolation, bimodal_interpolation, blind_spot]
SMALL = {"test_images": 2}


def index_of(ages, subjects=None):
    images = [f"{number:04}.jpg" for number in range(len(ages))]
    return pd.DataFrame({"image": images, "age": np.asarray(ages, float), "subject": subjects})


def parts_of(protocol, index, **options):
    """Return for each fold the ages that train and the ages that are tested."""
    rows = protocol(index, 0, **options).merge(index, on="image")
    return [{part: own["age"].tolist() for part, own in fold.groupby("part")} for _, fold in rows.groupby("fold")]


many = st.lists(st.tuples(st.integers(20, 80), st.integers(0, 15)), min_size=60, max_size=200)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(images=many, known=st.booleans(), seed=st.integers(0, 5))
def test_nothing_is_drawn_twice_nobody_is_in_both_parts_and_every_tested_age_has_its_quota(protocol, images, known, seed):
    ages, people = zip(*images, strict=True)
    index = index_of(ages, [str(person) for person in people] if known else None)
    if max(Counter(ages).values()) < 6:
        return
    try:
        rows = protocol(index, seed, **SMALL).merge(index, on="image")
    except InputError as error:
        assert "nothing is left to train on" in str(error)
        return
    for _, fold in rows.groupby("fold"):
        assert not fold["image"].duplicated().any()
        train, test = (fold[fold["part"] == part] for part in ("train", "test"))
        assert not known or set(train["subject"]).isdisjoint(test["subject"])
        enough = {age for age, number in Counter(ages).items() if number >= 6}
        assert Counter(test["age"]) == dict.fromkeys(enough, 2)


def test_the_bell_binds_where_an_age_has_more_images_than_its_share():
    index = index_of(np.repeat(np.arange(20, 81), 100))
    for fold in parts_of(balanced_extrapolation, index, test_images=10):
        weights = {age: math.exp(-((age - 50) ** 2) / (2 * 7.07**2)) for age in range(20, 81)}
        quotas = {age: math.floor(4 * len(index) * weight / sum(weights.values())) for age, weight in weights.items()}
        trained = Counter(fold["train"])
        assert {age: trained[age] for age in weights} == {age: min(90, quota) for age, quota in quotas.items()}
        assert min(fold["test"]) == 20 and trained[20] == trained[80] == 0


def test_between_two_bells_ages_are_rare_and_beyond_the_tested_ones_none_trains():
    index = index_of([*np.repeat(np.arange(10, 91), 100), *[95] * 20])
    for fold in parts_of(bimodal_interpolation, index, test_images=10):
        trained = Counter(fold["train"])
        assert trained[25] == trained[80] == 90 > trained[52] and trained[95] == 0 and 95 not in fold["test"]


def test_a_blind_spot_is_tested_and_never_seen():
    index = index_of(np.repeat(np.arange(40, 61), 100))
    for fold in parts_of(blind_spot, index, test_images=10):
        unseen = set(fold["test"]) - set(fold["train"])
        assert unseen == set(range(47, 54)) and Counter(fold["train"])[40] == 90


def test_draws_differ_and_the_seed_decides_them():
    index = index_of(np.repeat(np.arange(40, 61), 30))
    first, again, other = (balanced_extrapolation(index, seed, **SMALL) for seed in (0, 0, 1))
    assert first.equals(again) and not first.equals(other)
    assert first[first["part"] == "test"].groupby("fold")["image"].agg(tuple).nunique() == 5


def test_too_few_images_of_every_age_are_refused():
    with pytest.raises(InputError, match="no age has 150 images, 3 times the option test_images 50; lower it"):
        blind_spot(index_of([20, 30, 40]), 0)


def test_a_bell_far_from_all_ages_is_refused():
    with pytest.raises(InputError, match="nothing is left to train on"):
        bimodal_interpolation(index_of([40] * 10 + [41] * 10), 0, low=0, high=0, width=0.5, **SMALL, factor=0.01)
