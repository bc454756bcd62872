import json
from pathlib import Path

import pytest

from pml.errors import InputError
from pml.forecast.jobs import Suite
from pml.forecast.recorded import recorded_rates


def write_run(folder: Path, suite: Suite, method: str = "kl", **changes) -> None:
    """Write a run of the small suite that trained on 95 images for 27 seconds."""
    task = suite.plan.task("train_folds", experiment="first", method=method, seed="0", job="1")
    settings = task.settings["training"] | changes.pop("settings", {})
    facts = {"settings": settings, "face_size": 32, "train_images": 95, "seconds": 27.0, "device": "GPU X"}
    facts |= {"peak_memory_mb": 2_000, "peak_gpu_memory_mb": 7_000}
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(facts | changes))


def seconds_of(folder: Path, suite: Suite) -> set[float]:
    samples = recorded_rates(folder, suite.workloads).samples
    return {seconds for (name, _), values in samples.items() if name == "train" for seconds in values}


def test_a_training_image_takes_its_share_of_the_seconds_of_a_run(suite, tmp_path):
    write_run(tmp_path / "runs/a", suite, "kl")
    write_run(tmp_path / "runs/b", suite, "pml", seconds=54.0)
    rates = recorded_rates(tmp_path / "runs", suite.workloads)
    seconds = {json.loads(of)["method"]: values for (name, of), values in rates.samples.items() if name == "train"}
    assert seconds == {"kl": [27 / (3 * 90)], "pml": [54 / (3 * 90)]}  # three epochs of nine whole batches of ten
    assert rates.device == "GPU X" and rates.samples["memory_mb", "of the GPU"] == [7_000] * 2 and rates.notes == []


@pytest.mark.parametrize(
    "changes, factor",
    [({"settings": {"epochs": 6, "learning_rate": 0.5}, "seconds": 54.0}, 1), ({"processes": 4}, 4)],
    ids=["other epochs and rates are the same speed", "the hours of a run on several GPUs are those of each"],
)
def test_the_seconds_are_those_of_one_image_on_one_gpu(changes, factor, suite, tmp_path):
    write_run(tmp_path / "runs/a", suite, **changes)
    assert seconds_of(tmp_path / "runs", suite) == {factor * 27 / (3 * 90)}


def test_a_method_without_a_run_takes_the_speed_of_its_network_and_says_so(suite, tmp_path):
    write_run(tmp_path / "runs/a", suite, "kl")
    (note,) = recorded_rates(tmp_path / "runs", suite.workloads).notes
    assert note.startswith("pml in batches of 10")


def test_runs_without_training_or_of_curricula_are_left_out(suite, tmp_path):
    write_run(tmp_path / "runs/a", suite, "kl")
    write_run(tmp_path / "runs/b", suite, "pml", settings={"courses": 5})
    write_run(tmp_path / "runs/c", suite, "kl", seconds=0.0)
    assert seconds_of(tmp_path / "runs", suite) == {27 / (3 * 90)}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"face_size": 64}, "runs: no run of resnet18 at 32 pixels; leave --runs out to measure it here"),
        ({"settings": {"courses": 5}}, "runs: no run of a trained method"),
    ],
)
def test_no_run_to_go_by_is_an_error(suite, tmp_path, changes, message):
    write_run(tmp_path / "runs/a", suite, **changes)
    with pytest.raises(InputError, match=message):
        recorded_rates(tmp_path / "runs", suite.workloads)


def test_runs_of_two_devices_are_an_error(suite, tmp_path):
    write_run(tmp_path / "runs/a", suite)
    write_run(tmp_path / "runs/b", suite, device="cpu")
    with pytest.raises(InputError, match="runs of several devices: GPU X, cpu; name a folder with those of one"):
        recorded_rates(tmp_path / "runs", suite.workloads)


def test_a_damaged_run_is_named(suite, tmp_path):
    write_run(tmp_path / "runs/a", suite)
    (tmp_path / "runs/a/run.json").write_text("{")
    with pytest.raises(InputError, match="runs/a/run.json: not JSON"):
        recorded_rates(tmp_path / "runs", suite.workloads)
