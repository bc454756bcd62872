import os

import pytest
import torch

from pml import cli
from pml.errors import InputError
from pml.forecast import calibration
from pml.forecast.calibration import REPEATS, as_timed, measure_training, most_timed
from pml.forecast.faces import measure_faces
from pml.forecast.processes import measure_processes
from pml.forecast.workload import workload_of


def test_a_batch_too_large_to_time_on_a_cpu_is_timed_as_a_smaller_one(suite):
    workload = suite.workloads[0]
    huge = workload_of(workload.values | {"batch_size": 10**6, "device": "cpu"}, 224)
    assert as_timed(huge).values == huge.values | {"batch_size": most_timed(224)}
    assert as_timed(workload) == workload


@pytest.mark.slow
def test_every_repeat_of_a_training_is_a_sample(suite):
    for workload in suite.workloads:
        rates = measure_training(workload)
        assert len(rates.train[workload]) == REPEATS and min(rates.train[workload]) > 0
        assert min(rates.test[workload]) > 0
        assert rates.memory_mb[0] > 100 and min(rates.share) > 0 and max(rates.share) < 1.1


def test_a_batch_that_does_not_fit_into_the_gpu_is_an_error_of_the_config(suite, monkeypatch):
    def full(*arguments):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nmore")

    monkeypatch.setattr(calibration, "_measure_training", full)
    with pytest.raises(
        InputError, match="training.batch_size 10 at 32 pixels does not fit into the memory of this GPU; lower it"
    ):
        measure_training(suite.workloads[0])


@pytest.mark.slow
@pytest.mark.parametrize("format", ["fgnet", "morph2", "chalearn", "imdb_wiki", "utkface", "appa_real"])
def test_pictures_of_every_format_are_drawn_and_aligned(format):
    rates = measure_faces(format)
    assert rates.draw[format][0] > 0 and rates.align[format][0] > 0 and rates.picture_bytes[format][0] > 1_000


@pytest.mark.slow
def test_whole_stages_are_timed_from_start_to_end():
    rates = measure_processes()
    assert rates.start[0] > rates.small_job[0] > 0.1
    assert 101 * 4 < rates.prediction_bytes[0] < 2_000  # a distribution over 101 ages in float32, and a line of text


@pytest.mark.slow
def test_the_samples_of_all_processes_come_together(suite):
    rates = calibration.calibrate(suite.workloads, ["fgnet"], 2)
    assert [len(samples) for samples in rates.train.values()] == [2 * REPEATS] * 2
    assert len(rates.start) == len(rates.align["fgnet"]) == 2


@pytest.mark.slow
def test_a_method_that_fails_ends_the_calibration_with_its_message(suite):
    workload = suite.workloads[0]
    wrong = workload_of(workload.values | {"options": {"sigma": -1}}, 32)
    with pytest.raises(InputError, match="sigma"):
        calibration.calibrate([wrong], [], 1)


def end_process(*arguments) -> None:
    os._exit(9)


@pytest.mark.slow
def test_a_process_that_is_killed_is_an_error_with_a_remedy(suite, monkeypatch):
    monkeypatch.setattr(calibration, "measure_processes", end_process)
    with pytest.raises(InputError, match="a process of the calibration was killed.*fewer than 2 --cores"):
        calibration.calibrate([], [], 2)


@pytest.mark.parametrize("cores", ["0", "-1", "two"])
def test_there_is_one_job_at_a_time_at_least(cores, capsys):
    with pytest.raises(SystemExit):
        cli.main(["forecast", "--cores", cores])
    assert "give a whole number, 1 at least" in capsys.readouterr().err
