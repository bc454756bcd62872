import json
from pathlib import Path

import pytest

from pml.config import run_settings
from pml.errors import InputError
from pml.forecast.recorded import recorded_rates


def write_run(folder: Path, config: dict, method: str = "kl", **changes) -> None:
    """Write a run of the small suite that trained on 95 images for 27 seconds."""
    settings = run_settings(config, "first", method, "random") | changes.pop("settings", {})
    facts = {"settings": settings, "face_size": 32, "train_images": 95, "seconds": 27.0, "device": "GPU X"}
    facts |= {"peak_memory_mb": 2_000, "peak_gpu_memory_mb": 7_000}
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(facts | changes))


def test_a_training_image_takes_its_share_of_the_seconds_of_a_run(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config, "kl")
    write_run(tmp_path / "runs/b", config, "pml", seconds=54.0)
    rates, stand_ins = recorded_rates(tmp_path / "runs", suite.workloads)
    seconds = {workload.values["method"].split(":")[1]: samples for workload, samples in rates.train.items()}
    assert seconds == {"KL": [27 / (3 * 90)], "PML": [54 / (3 * 90)]}  # three epochs of nine whole batches of ten
    assert rates.device == "GPU X" and max(rates.gpu_memory_mb) == 7_000 and stand_ins == []


def test_other_epochs_and_rates_are_the_same_speed(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config, settings={"epochs": 6, "learning_rate": 0.5}, seconds=54.0)
    rates, _ = recorded_rates(tmp_path / "runs", suite.workloads)
    assert {sample for samples in rates.train.values() for sample in samples} == {27 / (3 * 90)}


def test_the_hours_of_a_run_on_several_gpus_are_those_of_each(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config, processes=4)
    rates, _ = recorded_rates(tmp_path / "runs", suite.workloads)
    assert {sample for samples in rates.train.values() for sample in samples} == {4 * 27 / (3 * 90)}


def test_a_method_without_a_run_takes_the_speed_of_its_network_and_says_so(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config, "kl")
    rates, stand_ins = recorded_rates(tmp_path / "runs", suite.workloads)
    assert len(rates.train) == 2 and len(stand_ins) == 1 and "pml.progressive_margin:PML" in stand_ins[0]


def test_runs_without_training_or_of_curricula_are_left_out(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config, "kl")
    write_run(tmp_path / "runs/b", config, "pml", settings={"courses": 5})
    write_run(tmp_path / "runs/c", config, "kl", seconds=0.0)
    rates, _ = recorded_rates(tmp_path / "runs", suite.workloads)
    assert {sample for samples in rates.train.values() for sample in samples} == {27 / (3 * 90)}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"face_size": 64}, "runs: no run of resnet18 at 32 pixels; leave --runs out to measure it here"),
        ({"settings": {"courses": 5}}, "runs: no run of a trained method"),
    ],
)
def test_no_run_to_go_by_is_an_error(config, suite, tmp_path, changes, message):
    write_run(tmp_path / "runs/a", config, **changes)
    with pytest.raises(InputError, match=message):
        recorded_rates(tmp_path / "runs", suite.workloads)


def test_runs_of_two_devices_are_an_error(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config)
    write_run(tmp_path / "runs/b", config, device="cpu")
    with pytest.raises(InputError, match="runs of several devices: GPU X, cpu; name a folder with those of one"):
        recorded_rates(tmp_path / "runs", suite.workloads)


def test_a_damaged_run_is_named(config, suite, tmp_path):
    write_run(tmp_path / "runs/a", config)
    (tmp_path / "runs/a/run.json").write_text("{")
    with pytest.raises(InputError, match=r"runs/a/run.json: not JSON.*remove the folder"):
        recorded_rates(tmp_path / "runs", suite.workloads)
