"""A reference fills its run directories from two tables alone."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.methods.reference import Reference
from pml.tables import read_table, write_table
from pml.training.lookup import look_up_folds


class Spy(Reference):
    """Predicts the training mean and remembers what it was shown."""

    shown: list[pd.DataFrame] = []

    def predict(self, train, test):
        Spy.shown = [train, test]
        return np.full(len(test), train["age"].mean())


@pytest.fixture
def task(store, settings, tmp_path):
    """Return a function that gives the job of a reference on fold 1."""

    def task(kind: str, courses: int = 1):
        given = store.task(dataclasses.replace(settings, method=kind, courses=courses), tmp_path / "runs", 1)
        inputs = {name: given.inputs[name] for name in ("index", "folds")}
        own = {name: value for name, value in given.settings.items() if name not in ("training", "keep_models")}
        return dataclasses.replace(given, rule="look_up_folds", inputs=inputs, settings=own)

    return task


def test_it_never_sees_test_ages_and_leaves_nothing_that_only_networks_need(task, store, tmp_path):
    store.store.unlink()
    look_up_folds(task(f"{__name__}:Spy"))
    train, test = Spy.shown
    assert not {"age", "age_std"} & set(test.columns) and not set(test["image"]) & set(train["image"])
    run = tmp_path / "runs/fold001"
    assert {path.name for path in run.iterdir()} == {"predictions.csv", "run.json"}
    predictions = read_table(run / "predictions.csv", "predictions")
    assert predictions["predicted_age"].tolist() == pytest.approx([train["age"].mean()] * 6)
    facts = json.loads((run / "run.json").read_text())
    assert facts.keys() == {"method", "class", "options", "data", "fold", "seed", "commit", "versions", "files"}
    assert facts["data"] == "noise (synthetic)"
    [row] = read_table(tmp_path / "job.csv", "runs").to_dict("records")
    assert row == {"method": "pml", "seed": 0, "fold": 1, "run": str(run), "of": 1}


def test_it_predicts_from_the_images_of_each_course(task, store, tmp_path):
    folds = pd.read_csv(store.folds)
    young = folds["image"].isin(["00.jpg", "02.jpg", "03.jpg"])
    folds["course"] = np.where(folds["part"] == "train", np.where(young, 1, 2), np.nan)
    write_table(folds, store.folds, "folds")
    look_up_folds(task("constant_median", courses=2))
    ages = read_table(store.index, "index").set_index("image")["age"]
    train = folds[(folds["fold"] == 1) & (folds["part"] == "train")]
    run = tmp_path / "runs/fold001"
    first = read_table(run / "predictions_course1.csv", "predictions")["predicted_age"]
    last = read_table(run / "predictions.csv", "predictions")["predicted_age"]
    assert (first == ages[train.loc[train["course"] == 1, "image"]].median()).all()
    assert (last == ages[train["image"]].median()).all()


def test_what_an_earlier_run_left_goes(task, tmp_path):
    left = tmp_path / "runs/fold001/predictions_course7.csv"
    left.parent.mkdir(parents=True)
    left.touch()
    look_up_folds(task("constant_median"))
    assert not left.exists()


def test_fold_without_images_is_refused(task, store):
    folds = pd.read_csv(store.folds)
    folds[folds["fold"] == 2].to_csv(store.folds, index=False)
    with pytest.raises(InputError, match="folds.csv: fold 1: no training images; check .*folds"):
        look_up_folds(task("constant_median"))


def test_it_starts_without_pytorch():
    modules = "pml.stage, pml.training.lookup, baselines.constant_median, baselines.id_lookup"
    subprocess.run([sys.executable, "-c", f"import sys, {modules}; sys.exit('torch' in sys.modules)"], check=True)
