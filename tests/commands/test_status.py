"""How far a suite is."""

import fcntl
import json
from pathlib import Path

import pytest

from pml import cli
from pml.commands import status
from pml.commands.status import states_of, status_text, time_left_text
from pml.suite import make_plan
from pml.task import flat
from tests.test_misuse import RIGHT


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A plan in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return make_plan(RIGHT)


def begin(plan, task, log: str) -> Path:
    path = Path(plan.log(task.rule).format(**task.wildcards))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(log)
    return path


def make(task) -> None:
    for path in map(Path, flat(task.outputs)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_jobs_are_done_running_failed_broken_off_or_waiting_and_say_their_last_line(plan):
    drawn, aligned, folds = plan.tasks("draw_synthetic_archive", "align_faces", "assign_folds")
    first, second = plan.tasks("train_folds")
    make(drawn)
    begin(plan, drawn, "drawn\n")
    begin(plan, aligned, "faces: 3/9 in 15 s\n")
    begin(plan, folds, "python -m pml.stage\nerror: index.csv: no such file; run the stage that writes it\n")
    begin(plan, second, "")  # by the shell, a moment before the job starts
    make(first)
    with begin(plan, first, "epoch 3/9, 2 min left\n").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        states = states_of(plan)
    assert [state.kind for state in states if state.task == second] == ["waiting"]
    found = {state.task.rule: state.kind for state in states if state.task != second}
    expected = {"draw_synthetic_archive": "done", "align_faces": "broken off", "assign_folds": "failed"}
    assert found == dict.fromkeys(found, "waiting") | expected | {"train_folds": "running"}
    text = status_text(plan, states)
    assert text.splitlines()[2].split() == ["rule", "done", "running", "failed", "broken", "off", "jobs"]
    assert (
        "running: train_folds lopo pml 0 1 (results/small/logs/train_folds/lopo/pml/0/1.log)\n  epoch 3/9, 2 min left" in text
    )
    assert text.endswith("error: index.csv: no such file; run the stage that writes it"), "errors are the last that is read"


def run_of(task, fold: int) -> Path:
    directory = Path(task.settings["runs"]) / f"fold{fold:03d}"
    directory.mkdir(parents=True)
    facts = {"train_images": 30, "seconds": 100.0, "device": "cpu", "face_size": 64, "settings": task.settings["training"]}
    facts |= {"peak_memory_mb": 1, "peak_gpu_memory_mb": None}
    (directory / "run.json").write_text(json.dumps(facts))
    return directory


def test_the_time_left_follows_from_the_runs_that_are_finished(plan, monkeypatch):
    monkeypatch.setattr(status, "duration", str)
    first, second = plan.tasks("train_folds")
    assert time_left_text(plan, states_of(plan)) == "time left: not known before a run of each network has ended"
    for fold in (1, 2):
        run_of(first, fold)
    make(first)
    whole = time_left_text(plan, states_of(plan))
    half = run_of(second, 1)
    (half / "run.json").unlink()
    (half / "history.csv").write_text("epoch,loss\n" + "".join(f"{epoch},1.0\n" for epoch in range(1, 101)))
    assert whole.startswith("time left: ") and whole.endswith(" of training")
    seconds = [float(text.split()[2]) for text in (whole, time_left_text(plan, states_of(plan)))]
    assert seconds[1] == pytest.approx(seconds[0] / 2), "one of two folds has all its epochs behind it"
    make(second)
    assert time_left_text(plan, states_of(plan)) == ""


def test_the_time_left_says_what_is_wrong_with_a_run(plan):
    first, _ = plan.tasks("train_folds")
    (run_of(first, 1) / "run.json").write_text("{")
    assert time_left_text(plan, states_of(plan)).startswith("time left: not known: results/small/runs/lopo/pml/")


def test_the_command_says_both(plan, capsys):
    Path("small.yaml").write_text(json.dumps(RIGHT))
    cli.main(["status", "--configfile", "small.yaml"])
    said = capsys.readouterr().out
    assert said.startswith("suite small\n") and "time left: not known before a run of each network has ended" in said
