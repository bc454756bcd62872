"""The ID lookup against a loop over pictures."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.id_lookup import IDLookup

COLUMNS = ["subject", "picture", "age"]
rows = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from([0.0, 1, 2, 3, 7, 12, np.nan]), st.integers(16, 70)),
    min_size=1,
    max_size=25,
)


def frame(rows):
    return pd.DataFrame(rows, columns=COLUMNS).astype({"subject": object, "picture": float, "age": float})


def predict(train, test):
    return IDLookup(IDLookup.Options()).predict(frame(train), frame(test).drop(columns="age"))


def looked_up(train, subject, picture):
    """The definition, one picture at a time."""
    own = [row for row in train if subject is not None and row[0] == subject]
    if not own:
        return np.median([age for *_, age in train])
    numbers = [number for _, number, _ in own if not np.isnan(number)]
    if np.isnan(picture) or not numbers:
        return np.median([age for *_, age in own])
    nearest = min(numbers, key=lambda number: (abs(number - picture), number))
    return np.mean([age for _, number, age in own if number == nearest])


@given(rows, rows)
def test_it_is_its_definition(train, test):
    expected = [looked_up(train, subject, picture) for subject, picture, _ in test]
    assert predict(train, test).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("picture", "age"), [(4, 30), (6, 30), (7, 50), (2, 30), (3, 30), (99, 50), (np.nan, 30)], ids=lambda value: f"{value:g}"
)
def test_of_two_as_near_the_lower_number_wins_and_equal_numbers_are_averaged(picture, age):
    train = [("a", 4, 20), ("a", 4, 40), ("a", 8, 50), ("a", np.nan, 30), ("b", 7, 70)]
    assert predict(train, [("a", picture, 0)]).tolist() == [age if not np.isnan(picture) else 35]


def test_no_subjects_at_all_leave_the_median():
    columns = {"subject": pd.Series([None] * 3, dtype="str"), "picture": np.nan}
    train, test = (pd.DataFrame(columns | {"age": [20.0, 30, 50]}) for _ in range(2))
    assert IDLookup(IDLookup.Options()).predict(train, test.drop(columns="age")).tolist() == [30, 30, 30]


def test_rows_keep_their_order_whatever_their_labels():
    test = frame([("b", 1, 0), ("a", 1, 0), ("c", 1, 0)]).set_axis([5, 5, 2])
    train = frame([("a", 1, 20), ("b", 1, 60), ("d", 1, 40)])
    assert IDLookup(IDLookup.Options()).predict(train, test).tolist() == [60, 20, 40]


def test_a_data_set_as_large_as_morph_takes_seconds():
    rng = np.random.default_rng(0)
    subjects = pd.Series(rng.integers(0, 13617, 55134)).map("{:06}".format)
    index = pd.DataFrame({"subject": subjects, "picture": rng.integers(0, 53, 55134) * 1.0, "age": rng.integers(16, 78, 55134)})
    start = time.process_time()
    predicted = IDLookup(IDLookup.Options()).predict(index[:44107], index[44107:].drop(columns="age"))
    assert time.process_time() - start < 5
    assert np.isfinite(predicted).all()
