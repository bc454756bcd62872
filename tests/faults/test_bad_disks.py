"""On a full or a read-only disk a stage ends in one line, and what it had to write is whole or not there."""

import os
import shutil
import sys

import pytest

from pml.task import flat
from tests.faults import bad_disk
from tests.faults.job import Job, check_message
from tests.faults.small_suite import SmallSuite

ROUNDS = 800  # full disks, in hundredths: each rule is tried once when a few are tried


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    if not bad_disk.can_mount():
        pytest.skip("this machine lets no process mount a disk of its own")
    return SmallSuite(tmp_path_factory.mktemp("suite"))


def on_bad_disk(suite, task, left):
    """Do a job where its suite lies on a disk that has so many bytes `left`, None if it is read-only.

    Return its exit code and what it has printed.
    """
    aside = suite.folder.with_suffix(".aside")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(suite.folder, aside)
    for path in flat(task.outputs):
        path = aside / path
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def trial(_):
        bad_disk.mount(suite.folder, megabytes=100)
        shutil.copytree(aside, suite.folder, dirs_exist_ok=True)
        bad_disk.make_read_only(suite.folder) if left is None else bad_disk.fill(suite.folder, left)
        job = suite.start(task)
        code = job.wait()
        print(job.printed, file=sys.stderr)
        if left is not None:
            (suite.folder / "filler").unlink()
        found = suite.found()
        wrong = [
            name
            for name, content in found.items()
            if suite.files.get(name) != content and not name.endswith(("run.json", "jobs.csv"))
        ]
        assert not wrong, f"half-written or left: {wrong}"
        sys.exit(code)

    job = Job(
        trial,
        [],
        suite.folder.with_suffix(".trial"),
        before=lambda: os.makedirs(suite.folder.with_suffix(".trial"), exist_ok=True),
    )
    return job.wait(), job.printed


@pytest.mark.slow
def test_a_full_or_read_only_disk_is_one_line_and_loses_nothing(suite, campaign):
    tried = campaign("full or read-only disk")
    tasks = {task.rule: task for task in suite.plan.tasks() if not task.rule.startswith("fetch")}
    for chance in tried.trials(ROUNDS // 4):
        for rule, task in tasks.items():
            written = sum(len(content) for name, content in suite.files.items() if name in set(flat(task.outputs)))
            left = chance.choice([None, 0, chance.randrange(written + 1)])
            code, printed = on_bad_disk(suite, task, left)
            assert code in (0, 2), f"{rule}, {left} bytes left: {printed}"
            if code == 2:
                check_message(printed.strip())
            tried.count("written" if code == 0 else "refused")
