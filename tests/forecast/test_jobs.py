import json
from collections import Counter

import pytest

from pml.errors import InputError
from pml.forecast.jobs import Job, Suite, runs_before
from pml.suite import make_plan


def job_of(suite: Suite, experiment: str, method: str) -> Job:
    wanted = {"experiment": experiment, "method": method, "job": "1"}
    return next(job for job in suite.jobs if wanted.items() <= job.task.wildcards.items())


def work_of(suite: Suite, experiment: str, method: str) -> tuple[int, int, int]:
    """Return the images that the first job of a method trains, tests and predicts."""
    job = job_of(suite, experiment, method)
    return job.trained, job.work.get(("test", job.workload), 0), job.predicted


def test_a_job_trains_on_whole_batches_in_every_epoch_and_tests_once(suite, changed):
    assert work_of(suite, "first", "pml") == (3 * 80, 20, 20)
    assert work_of(changed("first", {"batch_size": 30}), "first", "pml")[0] == 3 * 60
    assert work_of(changed("first", {"batch_size": 500}), "first", "pml")[0] == 3 * 80


def test_a_job_of_several_folds_does_the_work_of_all(suite):
    assert work_of(suite, "second", "kl") == (2 * 3 * 90, 20, 20)


def test_a_reference_predicts_and_trains_nothing(suite):
    assert work_of(suite, "first", "constant") == (0, 0, 20) and not job_of(suite, "first", "constant").workload


def test_a_reference_of_the_user_s_own_trains_nothing_either(config, tmp_path, monkeypatch):
    (tmp_path / "guesses.py").write_text(
        "from baselines.constant_median import ConstantMedian\n\n\nclass Guess(ConstantMedian):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config["methods"]["constant"]["class"] = "guesses:Guess"
    assert work_of(Suite(make_plan(config)), "first", "constant") == (0, 0, 20)


def test_a_part_that_is_watched_is_tested_after_every_epoch(changed):
    assert work_of(changed("first", {"selection": "oracle"}), "first", "pml")[1] == 20 + 3 * 20


def test_a_curriculum_trains_on_each_of_its_parts_for_all_epochs(changed):
    plain = work_of(changed("first", {"batch_size": 2}), "first", "pml")[0]
    trained, _, predicted = work_of(changed("first", curriculum=[0.5]), "first", "pml")
    assert plain < trained < 2 * plain and predicted == 2 * 20


def test_a_table_needs_the_runs_that_its_own_start_from(suite):
    needed = {
        name: Counter(job.task.wildcards["experiment"] for job in runs_before(table)) for name, table in suite.tables.items()
    }
    assert needed == {"table4": {"first": 2, "second": 4}, "leakage": {"first": 3}}


@pytest.mark.parametrize(
    "change, workloads",
    [
        ({"epochs": 9}, 2),
        ({"learning_rate": 0.1}, 2),
        ({"selection": "oracle"}, 2),
        ({"batch_size": 20}, 4),
        ({"precision": "auto"}, 4),
    ],
)
def test_methods_whose_settings_have_one_speed_are_one_workload(change, workloads, suite, changed):
    assert sorted(json.loads(workload)["method"] for workload in suite.workloads) == ["kl", "pml"]
    assert len(changed("second", change).workloads) == workloads


def test_a_fold_that_the_protocol_does_not_make_is_an_error(changed):
    with pytest.raises(InputError, match="experiments.second.folds: fold 11, but lopo makes 10; name folds that there are"):
        changed("second", folds="1-11")
