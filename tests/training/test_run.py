"""A run as the workflow asks for it: the same bytes from the same seed, whatever happens on the way."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pml.data_name import DataName
from pml.errors import InputError
from pml.suite import make_plan
from pml.tables import read_table, write_table
from pml.training import loop, model, run, run_directory
from tests.workflow.checkout import fgnet_config

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
FILES = ("predictions.csv", "predictions.npz", "history.csv", "diagnostics.csv", "model.pt")


def contents(directory: Path, names=FILES) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in names}


def finish(settings, data, seed: int, directory: Path, keep_model: bool = True) -> None:
    """Run fold 1."""
    run.Run(settings, data, DataName("noise", synthetic=True), seed, 1, directory, CPU, keep_model).finish()


def command(task, spoil: str = "") -> list[str]:
    """Return the command that does a job in a process of its own, in which the code `spoil` has changed something."""
    code = f"""
import json, os, signal, sys
from pml.errors import InputError, stage_main
from pml.task import Task
from pml.training import loop, run
{spoil}
stage_main(run.train_folds)(Task(**json.loads(sys.argv[1])))
"""
    return [sys.executable, "-c", code, json.dumps(dataclasses.asdict(task))]


@pytest.fixture
def again(finished, tmp_path):
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished.directory, tmp_path / "run"))


@pytest.fixture
def untrainable(monkeypatch):
    """Fail the test if anything is trained."""

    def refuse(*arguments):
        raise AssertionError("trained again")

    monkeypatch.setattr(run.Trainer, "train", refuse)


def test_run_directory_holds_what_the_architecture_says(finished, settings):
    directory, test_part = finished.directory, finished.data.part(1, "test")
    assert {path.name for path in directory.iterdir()} == {*FILES, "run.json"}
    predictions = read_table(directory / "predictions.csv", "predictions")
    assert predictions["image"].tolist() == test_part.index["image"].tolist()
    np.testing.assert_allclose(predictions["age"], test_part.index["age"])
    with np.load(directory / "predictions.npz") as arrays:
        assert arrays["ages"].tolist() == list(settings.age_classes)
        assert arrays["distribution"].shape == (6, 21) and arrays["distribution"].dtype == np.float32
        np.testing.assert_allclose(arrays["distribution"] @ arrays["ages"], predictions["predicted_age"], rtol=1e-5)
    for name in ("history.csv", "diagnostics.csv"):
        assert pd.read_csv(directory / name)["epoch"].tolist() == [1, 2]
    facts = json.loads((directory / "run.json").read_text())
    assert {"fingerprint", "settings", "versions", "commit", "device", "seconds", "peak_memory_mb"} <= facts.keys()
    assert (facts["fold"], facts["seed"], facts["train_images"], facts["test_images"]) == (1, 0, 18, 6)


def test_model_is_weights_only_and_gives_the_predictions_again(finished):
    weights = torch.load(finished.directory / "model.pt", weights_only=True)
    assert weights.keys() == {"backbone", "method"}
    trained, settings = model.load_model(finished.directory, CPU)
    predicted, _ = loop.predict(trained, finished.data.store, finished.data.part(1, "test").store_rows, settings)
    np.testing.assert_array_equal(
        predicted, read_table(finished.directory / "predictions.csv", "predictions")["predicted_age"].astype(np.float32)
    )


def test_run_without_a_model_cannot_be_loaded(again):
    (again / "model.pt").unlink()
    with pytest.raises(InputError, match="model.pt: no such file.*keep_models"):
        model.load_model(again, CPU)


@pytest.mark.slow
def test_another_process_writes_the_same_bytes_whatever_it_trained_before(finished, settings, tmp_path):
    subprocess.run(command(finished.store.task(settings, tmp_path / "runs", 2, 1)), check=True, cwd=ROOT)
    assert contents(tmp_path / "runs/fold001") == contents(finished.directory)


def test_another_seed_writes_other_bytes(finished, settings, tmp_path):
    finish(settings, finished.data, 1, tmp_path / "run")
    other = contents(tmp_path / "run")
    assert all(other[name] != same for name, same in contents(finished.directory).items())


def test_other_settings_have_another_checkpoint(finished, settings, tmp_path, monkeypatch):
    checkpoints = []
    monkeypatch.setattr(run.Trainer, "train", lambda trainer: checkpoints.append(trainer.observer.checkpoint))
    for learning_rate in (0.01, 0.02, 0.01):
        changed = dataclasses.replace(settings, learning_rate=learning_rate)
        (tmp_path / "run.json").unlink(missing_ok=True)
        finish(changed, finished.data, 0, tmp_path, keep_model=False)
    assert checkpoints[0] == checkpoints[2] != checkpoints[1]


def test_a_job_lists_its_runs(finished, settings, tmp_path, untrainable):
    shutil.copytree(finished.directory, tmp_path / "runs/fold001")
    run.train_folds(finished.store.task(settings, tmp_path / "runs", 1))
    [row] = read_table(tmp_path / "job.csv", "runs").to_dict("records")
    assert row == {"method": "pml", "seed": 0, "fold": 1, "run": str(tmp_path / "runs/fold001"), "of": 1}


@pytest.mark.parametrize("crop", [{}, {"alignment": "upright", "zoom": 0.6}])
def test_a_run_records_how_its_faces_were_cut_and_another_crop_is_another_run(finished, settings, tmp_path, crop):
    task = finished.store.task(dataclasses.replace(settings, backbone="tests.untrained:tiny"), tmp_path / "runs", 1)
    task.settings.update({"crop": crop} if crop else {})
    run.train_folds(task)
    facts = run_directory.read_run(tmp_path / "runs/fold001")
    assert facts["crop"] == {"alignment": "similarity", "zoom": 0.9} | crop
    task.settings.update(crop={"alignment": "box"})
    run.train_folds(task)
    assert run_directory.read_run(tmp_path / "runs/fold001")["fingerprint"] != facts["fingerprint"]


def test_finished_run_is_left_alone(finished, settings, again, untrainable):
    before = contents(again, (*FILES, "run.json"))
    finish(settings, finished.data, 0, again)
    assert contents(again, (*FILES, "run.json")) == before


@pytest.mark.parametrize("change", ["settings", "seed", "labels", "folds", "no model", "not finished"])
def test_run_is_trained_again_after_a_change(store, settings, again, monkeypatch, change):
    seed, keep_model = 0, False
    if change == "settings":
        settings = dataclasses.replace(settings, learning_rate=0.01)
    elif change == "seed":
        seed = 1
    elif change == "labels":
        index = read_table(store.index, "index")
        write_table(index.assign(age=index["age"] + 10), store.index, "index")
    elif change == "folds":
        store.folds.write_text(store.folds.read_text().replace("1,02.jpg,train", "1,02.jpg,test"))
    elif change == "no model":
        (again / "model.pt").unlink()
        keep_model = True
    else:
        (again / "run.json").unlink()
    trained = []
    monkeypatch.setattr(run.Trainer, "train", lambda trainer: trained.append(trainer))
    finish(settings, store.open(), seed, again, keep_model)
    assert trained


def test_method_that_tells_nothing_leaves_no_diagnostics_behind(finished, settings, again):
    settings = dataclasses.replace(settings, method="baselines.kl:KL")
    finish(settings, finished.data, 0, again, keep_model=False)
    assert (again / "history.csv").exists() and not (again / "diagnostics.csv").exists()


def test_model_of_older_settings_does_not_outlive_them(finished, settings, again, monkeypatch):
    monkeypatch.setattr(run.Trainer, "train", lambda trainer: None)
    finish(dataclasses.replace(settings, learning_rate=0.01), finished.data, 0, again, keep_model=False)
    assert not (again / "model.pt").exists()


def test_interrupted_run_is_not_finished_and_resumes_to_the_same_bytes(finished, settings, tmp_path, monkeypatch):
    directory = tmp_path / "run"
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)

    def interrupt(line):
        if "epoch 2/" in line:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "_log", interrupt)
        with pytest.raises(KeyboardInterrupt) as interruption:
            finish(settings, finished.data, 0, directory)
    assert interruption.value.__notes__ == ["fold 1 seed 0: the checkpoint of epoch 1 is kept"]
    assert sorted(path.name[:11] for path in directory.iterdir()) == ["checkpoint-", "history.csv"]
    (directory / "checkpoint-of-older-settings.pt").touch()
    lines = []
    monkeypatch.setattr(run, "_log", lines.append)
    finish(settings, finished.data, 0, directory)
    assert "epoch 2/" in lines[0], "it went on from the first epoch's checkpoint"
    assert contents(directory) == contents(finished.directory)
    assert not list(directory.glob("checkpoint-*"))


def test_statistics_that_start_again_with_each_epoch_resume_to_the_same_bytes(finished, settings, tmp_path, monkeypatch):
    settings = dataclasses.replace(settings, options={"preset": "released"})
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    finish(settings, finished.data, 0, tmp_path / "whole")
    write = loop.Trainer._save

    def interrupt(*arguments):
        write(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            finish(settings, finished.data, 0, tmp_path / "run")
    finish(settings, finished.data, 0, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    counts = torch.load(tmp_path / "run/model.pt", weights_only=True)["method"]["statistics.counts"]
    assert counts.sum() == 2 * settings.batch_size, "the batches of the last epoch alone"


@pytest.mark.parametrize("selection, part", [("oracle", "test"), ("validation", "validation")])
def test_selected_epoch_outlives_an_interruption_and_predicts(store, settings, tmp_path, monkeypatch, selection, part):
    """The rate of the last two epochs is so high that the first epoch stays the best."""
    settings = dataclasses.replace(settings, epochs=3, selection=selection)
    folds = pd.read_csv(store.folds)
    folds.loc[folds["image"].isin(["04.jpg", "06.jpg", "11.jpg"]), "part"] = "validation"
    write_table(folds, store.folds, "folds")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(loop, "learning_rate_at", lambda epoch, settings: 1e-5 if epoch < 1 else 0.1)
    finish(settings, store.open(), 0, tmp_path / "whole")
    history = pd.read_csv(tmp_path / "whole/history.csv")
    facts = json.loads((tmp_path / "whole/run.json").read_text())
    assert facts["selected_epoch"] == history["epoch"][history[f"{selection}_mae"].idxmin()] < 3
    trained, _ = model.load_model(tmp_path / "whole", CPU)
    judge = store.open().part(1, part)
    predicted, _ = loop.predict(trained, store.open().store, judge.store_rows, settings)
    assert np.abs(predicted - judge.ages).mean() == pytest.approx(history[f"{selection}_mae"].min(), abs=1e-4)

    def interrupt(line):
        if "epoch 3/3" in line:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "_log", interrupt)
        with pytest.raises(KeyboardInterrupt):
            finish(settings, store.open(), 0, tmp_path / "run")
    finish(settings, store.open(), 0, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    assert json.loads((tmp_path / "run/run.json").read_text())["selected_epoch"] == facts["selected_epoch"]


def test_selection_by_validation_needs_a_validation_part(store, settings, tmp_path, untrainable):
    settings = dataclasses.replace(settings, selection="validation")
    with pytest.raises(InputError, match="fold 1: .*no image is held out; set experiments.<name>.validation above 0"):
        finish(settings, store.open(), 0, tmp_path / "run", keep_model=False)


def test_run_of_curricula_tells_what_each_course_predicts_and_resumes_to_the_same_bytes(store, settings, tmp_path, monkeypatch):
    settings = dataclasses.replace(settings, courses=3, epochs=1, batch_size=4)
    folds = pd.read_csv(store.folds)
    folds["course"] = np.where(folds["part"] == "train", 1 + np.arange(len(folds)) % 3, np.nan)
    write_table(folds, store.folds, "folds")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    files = (*FILES, "predictions_course1.csv", "predictions_course2.csv")
    finish(settings, store.open(), 0, tmp_path / "whole")
    whole = contents(tmp_path / "whole", files)
    assert len(set(whole.values())) == len(files) and not (tmp_path / "whole/predictions_course3.csv").exists()

    def interrupt(line):
        if "epoch 3/3" in line:
            raise KeyboardInterrupt

    (tmp_path / "run").mkdir()
    (tmp_path / "run/predictions_course7.csv").touch()  # of a run before this one
    with monkeypatch.context() as patch:
        patch.setattr(run, "_log", interrupt)
        with pytest.raises(KeyboardInterrupt):
            finish(settings, store.open(), 0, tmp_path / "run")
    finish(settings, store.open(), 0, tmp_path / "run")
    assert contents(tmp_path / "run", files) == whole
    assert not (tmp_path / "run/predictions_course7.csv").exists()
    instructed = torch.load(tmp_path / "run/model.pt", weights_only=True)["method"]["instructed"]
    assert instructed, "the course before is the instructor"


def test_checkpoint_of_other_settings_goes_with_the_courses_and_epochs_it_had_behind_it(tmp_path):
    own, other = tmp_path / "checkpoint-a.pt", tmp_path / "checkpoint-b.pt"
    for path in (own, other, tmp_path / "predictions_course1.csv", tmp_path / "history.csv", tmp_path / "run.json"):
        path.touch()
    (tmp_path / "tensorboard").mkdir()
    run_directory.clear(tmp_path, own)
    assert {path.name for path in tmp_path.iterdir()} == {own.name, "predictions_course1.csv", "history.csv", "tensorboard"}
    run_directory.clear(tmp_path, other)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_killed_process_resumes_to_the_same_bytes(store, settings, tmp_path):
    settings = dataclasses.replace(settings, epochs=4)
    task = store.task(settings, tmp_path / "runs", 1)
    finish(settings, store.open(), 0, tmp_path / "whole")
    process = subprocess.Popen(command(task, "loop.CHECKPOINT_SECONDS = 0"), cwd=ROOT)
    directory, deadline = tmp_path / "runs/fold001", time.monotonic() + 120
    while not list(directory.glob("checkpoint-*.pt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (directory / "run.json").exists() and not (tmp_path / "job.csv").exists()
    ended = subprocess.run(command(task), check=True, cwd=ROOT, text=True, stderr=subprocess.PIPE)
    assert "epoch 1/" not in ended.stderr
    assert contents(directory) == contents(tmp_path / "whole")


def torchrun(task, spoil: str = "", check: bool = True) -> subprocess.CompletedProcess:
    """Do a job in two processes, as the documentation says."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    started = [*launcher, *command(task, spoil)]
    return subprocess.run(started, check=check, cwd=ROOT, text=True, stderr=subprocess.PIPE, timeout=300)


@pytest.fixture
def calm(settings):
    """Settings under which the rounding of float32 is not blown up from step to step."""
    return dataclasses.replace(settings, optimiser="sgd", learning_rate=1e-4, precision="float32", epochs=3, batch_size=9)


@pytest.mark.slow
def test_two_processes_predict_as_one_and_leave_the_same_files(store, calm, tmp_path):
    finish(calm, store.open(), 0, tmp_path / "one")
    ended = torchrun(store.task(calm, tmp_path / "runs", 1, 2))
    assert ended.stderr.count("epoch 3/3") == 2, "each fold is logged once"
    two = tmp_path / "runs/fold001"
    assert {file.name for file in two.iterdir()} == {*FILES, "run.json"}
    assert json.loads((two / "run.json").read_text())["processes"] == 2
    assert len(read_table(tmp_path / "job.csv", "runs")) == 2
    one, two = (read_table(folder / "predictions.csv", "predictions") for folder in (tmp_path / "one", two))
    assert one["image"].equals(two["image"])
    np.testing.assert_allclose(two["predicted_age"], one["predicted_age"], atol=1e-4, rtol=0)
    assert one["predicted_age"].std() > 0.03


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_resume_to_the_same_bytes(store, calm, tmp_path):
    torchrun(store.task(calm, tmp_path / "whole", 1))
    kill = """
loop.CHECKPOINT_SECONDS = 0
save = loop.Trainer._save
loop.Trainer._save = lambda *state: (save(*state), os.kill(os.getpid(), signal.SIGKILL))
"""
    task = store.task(calm, tmp_path / "runs", 1)
    assert torchrun(task, kill, check=False).returncode == 1
    directory = tmp_path / "runs/fold001"
    assert sorted(file.name[:11] for file in directory.iterdir()) == ["checkpoint-", "history.csv"]
    ended = torchrun(task)
    assert "epoch 1/" not in ended.stderr and "epoch 2/" in ended.stderr
    assert contents(directory) == contents(tmp_path / "whole/fold001")


@pytest.mark.slow
def test_bad_input_of_one_process_ends_the_others_too(store, calm, tmp_path):
    refuse = """
draw = loop.draw_batches
def refuse(*arguments):
    if os.environ["RANK"] == "1":
        raise InputError("bad")
    return draw(*arguments)

loop.draw_batches = refuse
"""
    ended = torchrun(store.task(calm, tmp_path / "runs", 1), refuse, check=False)
    assert ended.returncode == 1 and "error: bad\n" in ended.stderr
    # The other one is ended by torchrun, or fails by itself where it waits for the first.
    assert "exitcode  : 2" in ended.stderr and "Failures:\n[1]" in ended.stderr
    assert not list((tmp_path / "runs/fold001").iterdir()) and not (tmp_path / "job.csv").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's kill")
def test_the_processes_of_a_killed_torchrun_end(tmp_path):
    (tmp_path / "slow.py").write_text("""
import os, sys, time
from pml import stage

def work(task):
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(60)

stage.function_of = lambda rule: work
stage.main()
""")
    plan = make_plan(fgnet_config("killed"))
    with chdir(tmp_path):
        plan.save()
    (job, *_) = plan.tasks("train_folds")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "slow.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = [*launcher, *plan.command("train_folds", **job.wildcards)[3:]]
    with subprocess.Popen(started, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        running = [int(process.stdout.readline()) for _ in range(2)]
        process.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{each}").exists() for each in running):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("part, kind", [("train", "training"), ("test", "test")])
def test_fold_without_images_of_a_part_is_refused_before_training(store, settings, tmp_path, untrainable, part, kind):
    folds = pd.read_csv(store.folds)
    folds[(folds["fold"] == 2) | (folds["part"] != part)].to_csv(store.folds, index=False)
    with pytest.raises(InputError, match=f"fold 1: no {kind} images; check .*folds"):
        finish(settings, store.open(), 0, tmp_path / "run", keep_model=False)


def test_a_refused_job_ends_before_it_writes_anything(store, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match="was given 1 GPU"):
        run.train_folds(store.task(dataclasses.replace(settings, device="auto"), tmp_path / "runs", 1), gpus=1)
    assert not (tmp_path / "runs").exists()


def test_reference_has_no_model_to_build(settings):
    with pytest.raises(InputError, match="constant_median.*no model"):
        model.build_model(dataclasses.replace(settings, method="constant_median"), CPU)
