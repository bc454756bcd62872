import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.evaluation.pool import pool
from pml.tables import check_table, load_schema

AGES = {"a.jpg": 20.5, "b.jpg": 20.0, "c.jpg": 19.5, "d.jpg": 23.0, "e.jpg": 20.0}
SUBJECTS = {"a.jpg": "1", "b.jpg": "1", "c.jpg": "2", "d.jpg": "2", "e.jpg": None}
FOLDS = {1: ("ab", "cd", "e"), 2: ("cde", "ab", "")}  # test, train, validation


@pytest.fixture
def experiment(tmp_path):
    """Two folds of five images, and the runs of one method on both; returns the arguments of `pool`."""
    index = pd.DataFrame({"image": AGES.keys(), "subject": SUBJECTS.values(), "age": AGES.values(), "age_std": 2.5})
    index.reindex(columns=load_schema("index")["properties"]).to_csv(tmp_path / "index.csv", index=False)
    rows = [
        (fold, f"{letter}.jpg", part)
        for fold, images in FOLDS.items()
        for part, letters in zip(("test", "train", "validation"), images, strict=True)
        for letter in letters
    ]
    pd.DataFrame(rows, columns=["fold", "image", "part"]).to_csv(tmp_path / "folds.csv", index=False)
    for fold, (test, *_) in FOLDS.items():
        predict(tmp_path, fold, test)
        write_job(tmp_path, f"job{fold}", [fold])
    return str(tmp_path / "index.csv"), str(tmp_path / "folds.csv"), [str(tmp_path / f"job{fold}.csv") for fold in FOLDS]


def predict(folder, fold, letters):
    run = folder / f"fold{fold}"
    run.mkdir(exist_ok=True)
    images = [f"{letter}.jpg" for letter in letters]
    ages = np.array([AGES.get(image, 30.0) for image in images])
    predictions = pd.DataFrame({"image": images, "age": ages, "predicted_age": ages + fold})
    predictions.to_csv(run / "predictions.csv", index=False)
    (run / "run.json").write_text("{}")


def write_job(folder, name, folds):
    rows = [("pml", 0, fold, folder / f"fold{fold}") for fold in folds]
    pd.DataFrame(rows, columns=["method", "seed", "fold", "run"]).to_csv(folder / f"{name}.csv", index=False)


def test_a_row_per_fold_and_test_image(experiment):
    pooled = pool(*experiment)
    assert list(zip(pooled["fold"], pooled["image"].str[0], strict=True)) == [(1, "a"), (1, "b"), (2, "c"), (2, "d"), (2, "e")]
    assert (pooled["predicted_age"] - pooled["age"]).tolist() == [1, 1, 2, 2, 2]
    assert pooled["subject"].fillna("").tolist() == ["1", "1", "2", "2", ""]
    assert (pooled["age_std"] == 2.5).all()


def test_what_the_runs_predicted_at_the_end_of_a_course_is_pooled_on_request(experiment, tmp_path):
    for run in tmp_path.glob("fold*/"):
        predictions = pd.read_csv(run / "predictions.csv")
        predictions.assign(predicted_age=50.0).to_csv(run / "predictions_course2.csv", index=False)
    of_course = pool(*experiment, course=2)
    assert (of_course["predicted_age"] == 50).all()
    pd.testing.assert_frame_equal(of_course.drop(columns="predicted_age"), pool(*experiment).drop(columns="predicted_age"))
    with pytest.raises(InputError, match="predictions_course1.csv: no such file"):
        pool(*experiment, course=1)


def test_training_images_are_counted_by_whole_age_within_the_fold(experiment):
    """Halves round to even, so 19.5, 20 and 20.5 are one age. Validation images do not count."""
    counts = pool(*experiment).set_index("image")["train_images"]
    assert counts.to_dict() == {"a.jpg": 1, "b.jpg": 1, "c.jpg": 2, "d.jpg": 0, "e.jpg": 2}
    distances = pool(*experiment).set_index("image")["distance"]  # d is 23 years old, and fold 2 trains on 20 alone
    assert distances.to_dict() == {"a.jpg": 0, "b.jpg": 0, "c.jpg": 0, "d.jpg": 3, "e.jpg": 0}


def test_the_table_keeps_its_schema(experiment):
    assert len(check_table(pool(*experiment), "pooled", "pooled")) == 5


@pytest.mark.parametrize(
    ("letters", "complaint"),
    [
        ("abc", "'c.jpg' is not in the test part of fold 1"),
        ("a", "'b.jpg'.*has no prediction"),
        ("aab", "row 2 repeats image a.jpg"),
    ],
)
def test_predictions_must_be_those_of_the_test_part(experiment, tmp_path, letters, complaint):
    predict(tmp_path, 1, letters)
    assert_complains(experiment, rf"fold1/predictions.csv: .*{complaint}")


def test_a_run_without_predictions(experiment, tmp_path):
    (tmp_path / "fold2" / "predictions.csv").unlink()
    assert_complains(experiment, "fold2/predictions.csv: no such file")


def test_a_run_listed_twice(experiment, tmp_path):
    write_job(tmp_path, "job2", [1, 2])
    assert_complains(experiment, "fold1 repeats")


def test_a_run_of_an_unknown_fold(experiment, tmp_path):
    write_job(tmp_path, "job2", [2, 3])
    assert_complains(experiment, "folds.csv: no fold 3")


def test_a_fold_with_an_unknown_image(experiment, tmp_path):
    with open(tmp_path / "folds.csv", "a") as folds:
        folds.write("1,z.jpg,test\n")
    assert_complains(experiment, "folds.csv: image 'z.jpg' is not in .*index.csv")


def test_a_subject_in_training_and_test_is_refused_where_the_protocol_keeps_them_apart(experiment, tmp_path):
    assert len(pool(*experiment, exclusive=True)) == 5
    folds = (tmp_path / "folds.csv").read_text().replace("1,b.jpg,test", "1,b.jpg,train")
    (tmp_path / "folds.csv").write_text(folds)
    predict(tmp_path, 1, "a")
    assert len(pool(*experiment)) == 4
    with pytest.raises(InputError, match="folds.csv: fold 1 trains and tests on subject '1', whom its protocol keeps apart"):
        pool(*experiment, exclusive=True)


def test_predictions_that_were_changed_since_are_refused(experiment, tmp_path):
    run = tmp_path / "fold1"
    digest = hashlib.sha256((run / "predictions.csv").read_bytes()).hexdigest()
    (run / "run.json").write_text(json.dumps({"files": {"predictions.csv": digest}}))
    assert len(pool(*experiment)) == 5
    (run / "predictions.csv").write_text((run / "predictions.csv").read_text().replace("21.5", "31.5"))
    assert_complains(experiment, "fold1/predictions.csv: not as the run left it")


def test_a_run_that_left_the_table_of_its_job_is_missed(experiment, tmp_path):
    table = pd.read_csv(experiment[2][0]).assign(of=2)
    table.to_csv(experiment[2][0], index=False)
    assert_complains(experiment, "job1.csv: 1 rows, which are not all runs of the job")


def assert_complains(experiment, message):
    with pytest.raises(InputError, match=message):
        pool(*experiment)


class TestPit:
    def test_of_the_distributions_that_the_runs_left(self, experiment, tmp_path):
        assert pool(*experiment)["pit"].isna().all()
        np.savez(tmp_path / "fold1/predictions.npz", ages=np.arange(101), distribution=np.eye(101)[[25, 20]])
        pooled = pool(*experiment)
        assert pooled["pit"][:2].tolist() == [0, 0.5] and pooled["pit"][2:].isna().all()  # of the ages 20.5 and 20

    def test_a_course_has_none(self, experiment, tmp_path):
        for run in tmp_path.glob("fold*/"):
            (run / "predictions_course1.csv").write_text((run / "predictions.csv").read_text())
        np.savez(tmp_path / "fold1/predictions.npz", ages=np.arange(101), distribution=np.eye(101)[[25, 20]])
        assert pool(*experiment, course=1)["pit"].isna().all()

    def test_distributions_of_other_images_are_refused(self, experiment, tmp_path):
        np.savez(tmp_path / "fold1/predictions.npz", ages=np.arange(101), distribution=np.eye(101)[[25, 20, 3]])
        with pytest.raises(InputError, match=r"fold1/predictions.npz: 'distribution' is 3 x 101, but there are 2 predictions"):
            pool(*experiment)
