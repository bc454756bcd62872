"""A stage that is killed at any moment, and started again, makes the same files and leaves nothing else."""

import signal
import time

import pytest

from tests.faults.small_suite import SmallSuite

COUNT = 220
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
# What tells the seconds, the commit or the time, and differs.
VARIES = ("run.json", "jobs")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return SmallSuite(tmp_path_factory.mktemp("suite"))


@pytest.mark.slow
def test_a_killed_stage_goes_on_and_leaves_nothing(suite, campaign):
    tasks = {task.rule: task for task in suite.plan.tasks()}
    tried = campaign("kill of a stage")
    for number, chance in enumerate(tried.trials(COUNT)):
        task = list(tasks.values())[number % len(tasks)]
        kind = chance.choice(SIGNALS)
        suite.forget(task)
        job = suite.start(task)
        time.sleep(chance.uniform(0, 1.2 * suite.seconds[task.rule]))
        job.kill(kind)
        code = job.wait()
        if kind != signal.SIGKILL:
            assert "Traceback" not in job.printed, f"{task.rule}: {job.printed}"
        if code == 0:
            tried.count("had ended")
        else:
            assert code in (-signal.SIGKILL, 128 + kind, -kind), job.printed
            tried.count("killed")
            again = suite.start(task)
            assert again.wait() == 0, again.printed
        found = suite.found()
        assert found.keys() == suite.files.keys(), f"{task.rule} {kind.name}"
        differ = [name for name, content in suite.files.items() if found[name] != content]
        assert all(name.endswith(VARIES) for name in differ), f"{task.rule} {kind.name}: {differ}"
        suite.restore()
