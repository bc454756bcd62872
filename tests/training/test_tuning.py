"""Options that a run chooses for itself."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

from pml.errors import InputError
from pml.training import tuning
from pml.training.run import Run
from tests.training.conftest import NAME

CPU = torch.device("cpu")


@pytest.fixture
def tuned(settings):
    """PML that chooses between two widths of the label distribution, one of them absurd."""
    return dataclasses.replace(settings, candidates=[{"sigma": 50.0}, {"sigma": 2.0}], epochs=1, mirror_test=False)


def tune(settings, data, part=None):
    part = data.part(1, "train") if part is None else part
    return tuning.tune(settings, data.store, part, 0, 1, CPU, None, lambda line: None)


def test_every_image_is_in_one_third_with_all_others_of_its_person(finished):
    part = finished.data.part(1, "train")
    people = [f"person {number % 7}" for number in range(len(part.index))]
    thirds = tuning.draw_thirds(dataclasses.replace(part, index=part.index.assign(subject=people)), 0, 1)
    assert set(thirds) == {0, 1, 2}
    assert pd.Series(thirds).groupby(people).nunique().eq(1).all()
    assert sorted(pd.Series(thirds).groupby(people).first().value_counts()) == [2, 2, 3]


def test_the_candidate_of_least_error_on_people_left_out_is_chosen(tuned, finished):
    data = finished.data
    part = data.part(1, "train")
    part = dataclasses.replace(part, index=part.index.assign(subject=part.index["image"]))
    chosen, trials = tune(tuned, data, part)
    best = min(trials, key=lambda trial: trial["mae"])
    assert [trial["candidate"] for trial in trials] == [1, 2] and trials[0]["mae"] != trials[1]["mae"]
    assert chosen.options == tuned.candidates[int(best["candidate"]) - 1]
    assert tune(tuned, data, part) == (chosen, trials), "the same each time"


def test_the_first_of_equals_is_chosen(tuned, finished):
    part = finished.data.part(1, "train")
    part = dataclasses.replace(part, index=part.index.assign(subject=None))
    chosen, trials = tune(dataclasses.replace(tuned, candidates=[{"sigma": 3.0}, {"sigma": 3.0}]), finished.data, part)
    assert trials[0]["mae"] == trials[1]["mae"] and chosen.options == {"sigma": 3.0}


def test_nothing_but_the_training_part_is_looked_at(tuned, finished):
    part = finished.data.part(1, "train")
    part = dataclasses.replace(part, index=part.index.assign(subject=None))
    store = np.array(finished.data.store)
    others = np.setdiff1d(np.arange(len(store)), part.store_rows)
    expected = tuning.tune(tuned, store, part, 0, 1, CPU, None, lambda line: None)
    store[others] = 0
    assert tuning.tune(tuned, store, part, 0, 1, CPU, None, lambda line: None) == expected


def test_too_few_people_are_an_error(tuned, finished):
    with pytest.raises(InputError, match="fold 1: trains on 1 people, too few.*methods.<name>.tuning"):
        tune(tuned, finished.data)


def test_a_run_tells_what_it_chose_and_is_that_of_the_chosen_options(tuned, store, tmp_path):
    frame = pd.read_csv(store.index)
    frame.assign(subject=frame["image"]).to_csv(store.index, index=False)
    data = store.open()
    Run(tuned, data, NAME, 0, 1, tmp_path / "tuned", CPU, keep_model=True).finish()
    facts = json.loads((tmp_path / "tuned" / "run.json").read_text())
    trials = pd.read_csv(tmp_path / "tuned" / "tuning.csv")
    chosen = tuned.candidates[int(trials["mae"].idxmin())]
    assert facts["settings"]["options"] == chosen
    plain = dataclasses.replace(tuned, candidates=[], options=chosen)
    Run(plain, data, NAME, 0, 1, tmp_path / "plain", CPU, keep_model=True).finish()
    same = ["predictions.csv", "history.csv", "model.pt"]
    assert all((tmp_path / "tuned" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes() for name in same)
