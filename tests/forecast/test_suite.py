import pytest

from pml.errors import InputError
from pml.forecast.suite import Suite, Work


def work_of(suite: Suite, experiment: str, method: str) -> Work:
    return suite.work[next(job for job in suite.jobs if job.experiment == experiment and job.method == method)]


def test_a_job_trains_on_whole_batches_in_every_epoch_and_tests_once(suite):
    assert work_of(suite, "first", "pml") == Work(trained=3 * 80, tested=20, predicted=20)


def test_a_job_of_several_folds_does_the_work_of_all(suite):
    assert work_of(suite, "second", "kl") == Work(trained=2 * 3 * 90, tested=20, predicted=20)


def test_a_method_that_looks_at_no_pixels_predicts_and_trains_nothing(suite):
    assert work_of(suite, "first", "constant") == Work(trained=0, tested=0, predicted=20)


def test_what_fills_no_batch_is_left_out(config):
    config["experiments"]["first"]["training"]["batch_size"] = 30
    assert work_of(Suite(config), "first", "pml").trained == 3 * 60


def test_a_batch_is_no_larger_than_the_training_part(config):
    config["experiments"]["first"]["training"]["batch_size"] = 500
    assert work_of(Suite(config), "first", "pml").trained == 3 * 80


def test_a_part_that_is_watched_is_tested_after_every_epoch(config):
    config["experiments"]["first"]["training"]["selection"] = "oracle"
    assert work_of(Suite(config), "first", "pml").tested == 20 + 3 * 20


def test_a_curriculum_trains_on_each_of_its_parts_for_all_epochs(config):
    config["experiments"]["first"]["training"]["batch_size"] = 2
    plain = work_of(Suite(config), "first", "pml").trained
    config["experiments"]["first"]["curriculum"] = [0.5]
    work = work_of(Suite(config), "first", "pml")
    assert plain < work.trained < 2 * plain and work.predicted == 2 * 20


def test_a_table_needs_the_experiments_that_its_own_start_from(suite):
    assert suite.tables() == {"table4": ["first", "second"], "leakage": ["first"]}


def test_methods_with_the_same_settings_in_two_experiments_are_one_workload(suite):
    assert {workload.values["method"] for workload in suite.workloads} == {"pml.progressive_margin:PML", "baselines.kl:KL"}
    assert len(suite.workloads) == 2


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
def test_only_what_changes_the_speed_makes_another_workload(config, change, workloads):
    config["experiments"]["second"]["training"] |= change
    assert len(Suite(config).workloads) == workloads


def test_a_fold_that_the_protocol_does_not_make_is_an_error(config):
    config["experiments"]["second"]["folds"] = "1-11"
    with pytest.raises(InputError, match="experiments.second.folds: fold 11, but lopo makes 10; name folds that there are"):
        Suite(config)
