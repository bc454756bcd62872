import json
import os

import pytest
import torch

from pml import cli
from pml.errors import InputError
from pml.forecast import timing
from pml.forecast.timing import (
    PER_PICTURE,
    REPEATS,
    Rates,
    as_timed,
    calibrate,
    measure_pictures,
    measure_processes,
    measure_training,
)
from pml.registry import REGISTRIES


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)  # as in the processes of a calibration


def with_values(workload: str, **values) -> str:
    return json.dumps(json.loads(workload) | values, sort_keys=True)


def test_a_batch_too_large_to_time_on_a_cpu_is_timed_as_a_smaller_one(suite):
    workload = with_values(suite.workloads[0], device="cpu")
    assert as_timed(workload) == workload
    huge = with_values(workload, batch_size=10**6, face_size=224)
    assert as_timed(huge) == with_values(huge, batch_size=4)


@pytest.mark.slow
def test_every_repeat_of_a_training_is_a_sample(suite):
    for workload in suite.workloads:
        samples = measure_training(workload).samples
        assert len(samples["train", workload]) == REPEATS and min(samples["train", workload]) > 0
        assert min(samples["test", workload]) > 0 and samples["memory_mb", "of a process"][0] > 100
        assert torch.cuda.is_available() or 0 < min(samples["share", ""]) <= max(samples["share", ""]) < 1.1


def test_a_batch_that_does_not_fit_into_the_gpu_is_an_error_of_the_config(suite, monkeypatch):
    def full(*arguments):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.\nmore")

    monkeypatch.setattr(timing, "build_model", full)
    with pytest.raises(InputError, match="training.batch_size 10 at 32 pixels does not fit into the memory of this GPU; lower"):
        measure_training(suite.workloads[0])


@pytest.mark.slow
@pytest.mark.parametrize("format", REGISTRIES["format"])
def test_pictures_of_every_format_are_drawn_and_aligned(format, monkeypatch):
    monkeypatch.setattr(timing, "PICTURES", 8)
    samples = measure_pictures(format).samples
    assert all(samples[rule, format][0] > 0 for rule in PER_PICTURE) and samples["picture_bytes", format][0] > 1_000


@pytest.mark.slow
def test_whole_stages_are_timed_from_start_to_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples = measure_processes().samples
    assert samples["start", ""][0] > samples["small_job", ""][0] > 0.1
    assert 101 * 4 < samples["prediction_bytes", ""][0] < 2_000  # a distribution over 101 ages in float32, and a line of text
    assert not list(tmp_path.iterdir())


def measure_no_processes() -> Rates:
    """Return in no time what the stages of a tiny suite would take half a minute for."""
    return Rates({("start", ""): [1.0]})


def end_process() -> None:
    os._exit(9)


@pytest.mark.slow
def test_the_samples_of_all_processes_come_together(suite, monkeypatch):
    monkeypatch.setattr(timing, "measure_processes", measure_no_processes)
    trained = suite.workloads[0]
    samples = calibrate([trained], ["fgnet"], 2).samples
    assert len(samples["train", trained]) == 2 * REPEATS
    assert len(samples["start", ""]) == len(samples["align_faces", "fgnet"]) == 2


@pytest.mark.slow
def test_a_method_that_fails_ends_the_calibration_with_its_message(suite, monkeypatch):
    monkeypatch.setattr(timing, "measure_processes", measure_no_processes)
    with pytest.raises(InputError, match="sigma"):
        calibrate([with_values(suite.workloads[0], options={"sigma": -1})], [], 1)


@pytest.mark.slow
def test_a_process_that_is_killed_is_an_error_with_a_remedy(monkeypatch):
    monkeypatch.setattr(timing, "measure_processes", end_process)
    with pytest.raises(InputError, match="a process of the calibration was killed.*fewer than 2 --cores"):
        calibrate([], [], 2)


@pytest.mark.parametrize("cores", ["0", "-1", "two"])
def test_there_is_one_job_at_a_time_at_least(cores, capsys):
    with pytest.raises(SystemExit):
        cli.main(["forecast", "--cores", cores])
    assert "give a whole number, 1 at least" in capsys.readouterr().err
