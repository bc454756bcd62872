"""Each stage of a small suite: killed, on a bad disk, and given damaged files of an earlier stage."""

import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from pml.task import flat
from tests.faults import bad_disk
from tests.faults.conftest import ALL
from tests.faults.damage import damaged
from tests.faults.job import Job, check_message
from tests.faults.small_suite import SmallSuite

SHARES = range(4 if ALL else 1)  # of the trials, for several processes
KILLS, DISKS = 60, 30  # of a share
FILES = {"weights and files of runs": 75, "other files that cross stages": 75}  # of a share
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
RESUMED = (".npy.part", ".npy.journal")  # what a store of faces or embeddings that broke off goes on from
CHECKED = ("model.pt",)  # carry a checksum
OF_RUNS = ("resources/weights/", "results/small/runs/")
READ_RUNS = ("extract_features", "evaluate_predictions", "draw_diagnostics")  # what lies in the folders of runs


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return SmallSuite(tmp_path_factory.mktemp("suite"))


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_a_killed_stage_starts_again_and_leaves_nothing(suite, campaign, share):
    tasks = list({task.rule: task for task in suite.plan.tasks()}.values())
    tried = campaign("kill of a stage")
    for number, chance in enumerate(tried.trials(KILLS, share)):
        task, kind = tasks[(number + share * KILLS) % len(tasks)], chance.choice(SIGNALS)
        suite.restore()
        suite.forget(task)
        job = suite.start(task)
        time.sleep(chance.uniform(0.02, 1.1 * suite.seconds[task.rule]))
        job.kill(kind)
        with tried.trial():
            code = job.wait()
            trial = f"{task.rule}, {kind.name}, exit code {code}: {job.printed}"
            assert code in (0, -kind, 128 + kind), trial
            if code == 128 + kind:
                assert "Traceback" not in job.printed and job.printed.splitlines()[-1].startswith("interrupted: "), trial
                assert not suite.leftovers(*RESUMED), f"{trial}: {suite.leftovers()}"
            if code:
                again = suite.start(task)
                assert again.wait() == 0, f"{trial}, again: {again.printed}"
            assert not suite.leftovers() and not suite.changed(), f"{trial}: {suite.leftovers()}, {suite.changed()}"
            tried.count("ended before" if code == 0 else "in one line" if code > 0 else "at once")


@pytest.mark.slow
@pytest.mark.skipif(not bad_disk.can_mount(), reason="this machine lets no process mount a disk of its own")
@pytest.mark.parametrize("share", SHARES)
def test_a_full_or_read_only_disk_is_one_line_and_loses_nothing(suite, campaign, share):
    tasks = list({task.rule: task for task in suite.plan.tasks()}.values())
    tried = campaign("full or read-only disk")
    suite.restore()
    for number, chance in enumerate(tried.trials(DISKS, share)):
        task = tasks[(number + share * DISKS) % len(tasks)]
        written = sum(len(suite.files.get(path, "")) for path in flat(task.outputs))
        left = chance.choice([None, 0, chance.randrange(written + 1)])
        with tried.trial():
            code, printed = on_bad_disk(suite, task, left)
            assert code in (0, 2), f"{task.rule}, {left} bytes left, exit code {code}: {printed}"
            if code == 2:
                check_message(printed)
            tried.count("refused" if code else "written")


def on_bad_disk(suite, task, left):
    """Do a job where its suite lies on a disk that has so many bytes `left`, None if it is read-only.

    Return its exit code and what it has printed.
    """
    aside, folder = suite.folder.with_suffix(".aside"), suite.folder
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(folder, aside)

    def trial(_):
        bad_disk.mount(folder, megabytes=100)
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        suite.forget(task)
        bad_disk.make_read_only(folder) if left is None else bad_disk.fill(folder, left)
        job = suite.start(task)
        code = job.wait()
        print(job.printed, file=sys.stderr, end="")
        assert not suite.changed() and not suite.leftovers("filler", *RESUMED), [*suite.changed(), *suite.leftovers()]
        sys.exit(code)

    job = Job(trial, [], folder, "disk")
    return job.wait(), job.printed


def read_by(suite):
    """Return, by each file that a stage reads of an earlier one, a job that reads it."""
    found = {}
    for task in suite.plan.tasks():
        given, own = (
            {*flat(task.inputs), suite.plan.path},
            {task.wildcards.get(name) for name in ("experiment", "method")} - {None},
        )
        for name in suite.files:
            of_run = (
                task.rule in READ_RUNS and "/runs/" in name and own <= set(Path(name).parts) and not name.endswith("jobs.csv")
            )
            if name in given or of_run:
                found.setdefault(name, task)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_one_line_or_harmless_and_weights_never_change_unnoticed(suite, campaign, kind, share):
    readers, of_runs, count = read_by(suite), kind.startswith("weights"), FILES[kind]
    names = sorted(name for name in readers if name.startswith(OF_RUNS) == of_runs)
    tried = campaign(kind)
    for number, chance in enumerate(tried.trials(count, share)):
        name = names[(number + share * count) % len(names)]
        task = readers[name]
        suite.restore()
        suite.forget(task)
        (suite.folder / name).write_bytes(damaged(suite.files[name], chance))
        job = suite.start(task)
        with tried.trial():
            code = job.wait()
            trial = f"{task.rule} of {name}, exit code {code}: {job.printed}"
            assert code in (0, 2), trial
            if code == 2:
                check_message(job.printed)
            if name.endswith(CHECKED):
                assert code == 2 or suite.changed() in ([], [name]), trial
            tried.count("refused" if code else "read")
