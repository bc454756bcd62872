"""Whatever a file that crosses stages holds, who reads it works or ends in one line; weights never change unnoticed."""

import pytest

from pml.task import flat
from tests.faults.damage import damaged
from tests.faults.job import check_message
from tests.faults.small_suite import SmallSuite

COUNT = 600
CHECKED = ("model.pt",)  # that carry a checksum


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return SmallSuite(tmp_path_factory.mktemp("suite"))


def read_by(suite):
    """Return, by each file that a stage reads of an earlier one, a job that reads it."""
    found = {}
    for task in suite.plan.tasks():
        for path in flat(task.inputs):
            inner = [name for name in suite.files if name == path or name.startswith(f"{path}/")]
            if inner and not path.endswith(".archive"):
                found.setdefault(inner[0], task)
        for name in suite.files:
            if name.startswith("results/small/runs/") and task.rule in (
                "extract_features",
                "evaluate_predictions",
                "draw_diagnostics",
            ):
                experiment, method = name.split("/")[3:5]
                if task.wildcards.get("experiment") == experiment and task.wildcards.get("method", method) == method:
                    found.setdefault(name, task)
    return found


@pytest.mark.slow
def test_a_damaged_file_of_a_run_is_one_line_or_harmless(suite, campaign):
    readers = read_by(suite)
    names = [name for name in readers if name.endswith(("model.pt", "run.json", ".npz", ".npy", ".csv", ".json", ".pth"))]
    tried = campaign("file that crosses stages")
    for number, chance in enumerate(tried.trials(COUNT)):
        name = names[number % len(names)]
        task = readers[name]
        suite.forget(task)
        (suite.folder / name).write_bytes(damaged(suite.files[name], chance))
        job = suite.start(task)
        code = job.wait()
        assert code in (0, 2), f"{task.rule} of {name}: {code} {job.printed}"
        if code == 2:
            check_message(job.printed)
        else:
            found = suite.found()
            harmless = all(found.get(path) == suite.files[path] for path in flat(task.outputs) if path in suite.files)
            assert harmless or not name.endswith(CHECKED), f"{task.rule} of {name}"
        tried.count("refused" if code else "read")
        suite.restore()
