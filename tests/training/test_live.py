"""A run that is watched while it goes on."""

import re
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pandas as pd
import pytest

from pml.data_name import DataName
from pml.errors import InputError
from pml.training import live, run, run_directory
from tests.training.conftest import CPU
from tests.training.small_loggers import SEEN

ROOT = Path(__file__).parents[2]
OWN = "tests.training.small_loggers:{}"


def finish(settings, data, directory):
    run.Run(settings, data, DataName("noise", synthetic=True), 0, 1, directory, CPU).finish()


def rows(count: int) -> list[dict]:
    return [{"epoch": epoch, "learning_rate": 0.1 / 3 * epoch, "loss": 1 / epoch} for epoch in range(1, count + 1)]


def test_history_grows_by_a_row_an_epoch_to_the_bytes_that_the_whole_has(tmp_path):
    file, whole = live.HistoryFile(tmp_path / "history.csv"), tmp_path / "whole.csv"
    for count in range(1, 6):
        file.add(rows(count))
        run_directory.write_rows(whole, rows(count))
        assert file.path.read_bytes() == whole.read_bytes()


def test_what_a_dead_process_wrote_behind_its_checkpoint_is_gone_after_the_first_epoch(tmp_path):
    path = tmp_path / "history.csv"
    run_directory.write_rows(path, [row | {"loss": 9.0} for row in rows(7)])
    live.HistoryFile(path).add(rows(4))
    assert pd.read_csv(path).to_dict("records") == rows(4)


def test_a_term_that_comes_later_and_a_missing_value_keep_the_table_whole(tmp_path):
    file = live.HistoryFile(tmp_path / "history.csv")
    later = [*rows(2), {**rows(3)[-1], "spread": float("nan")}, {**rows(4)[-1], "spread": 2.0}]
    for count in range(1, 5):
        file.add(later[:count])
    assert pd.read_csv(file.path).to_dict("list")["epoch"] == [1, 2, 3, 4]
    assert pd.read_csv(file.path)["spread"].isna().tolist() == [True, True, True, False]


def test_history_of_a_run_that_goes_on_is_there_after_each_epoch(finished, settings, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(run, "_log", lambda line: seen.append(len(pd.read_csv(tmp_path / "run/history.csv"))))
    finish(settings, finished.data, tmp_path / "run")
    assert seen == [1, 2]
    assert (tmp_path / "run/history.csv").read_bytes() == (finished.directory / "history.csv").read_bytes()


def test_a_logger_gets_the_numbers_of_each_epoch_and_changes_nothing(finished, settings, tmp_path, monkeypatch):
    monkeypatch.setenv(live.LOGGER, OWN.format("recording"))
    SEEN.clear()
    finish(settings, finished.data, tmp_path / "run")
    first, *steps, last = SEEN
    history = pd.read_csv(finished.directory / "history.csv").set_index("epoch")
    assert (first, last) == (tmp_path / "run", "closed")
    assert dict(steps) == {epoch: pytest.approx(row.to_dict()) for epoch, row in history.iterrows()}
    for name in ("predictions.csv", "history.csv", "diagnostics.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (finished.directory / name).read_bytes()
    facts, others = (run_directory.read_run(folder) for folder in (tmp_path / "run", finished.directory))
    assert facts["fingerprint"] == others["fingerprint"] and facts["settings"] == others["settings"]


def test_a_logger_that_fails_is_warned_of_once_and_the_run_goes_on(finished, settings, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(live.LOGGER, OWN.format("failing"))
    finish(settings, finished.data, tmp_path / "run")
    [warning] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert warning.startswith("warning: PML_LOGGER=tests.training.small_loggers:failing fails, and the run goes on without it")
    assert (tmp_path / "run/predictions.csv").read_bytes() == (finished.directory / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorbord", "PML_LOGGER: logger 'tensorbord': not known; did you mean 'tensorboard'"),
        (OWN.format("recordin"), "has no 'recordin'; did you mean 'recording'"),
        (OWN.format("closed"), "cannot be opened: ConnectionError: no such server; correct it, or unset PML_LOGGER"),
    ],
)
def test_a_logger_that_cannot_be_opened_ends_the_run_before_it_trains(finished, settings, tmp_path, monkeypatch, name, message):
    monkeypatch.setenv(live.LOGGER, name)
    monkeypatch.setattr(run.Trainer, "train", lambda trainer: pytest.fail("trained"))
    with pytest.raises(InputError, match=message):
        finish(settings, finished.data, tmp_path / "run")


@pytest.mark.parametrize("name", ["to_mlflow", "to_wandb"])
def test_the_loggers_of_the_documentation_pass_the_numbers_on(tmp_path, monkeypatch, name):
    (code,) = re.findall(r"```python\n(# my_loggers.py.*?)```", (ROOT / "docs/running.md").read_text(), re.DOTALL)
    (tmp_path / "my_loggers.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_loggers", raising=False)
    mlflow, wandb = MagicMock(), MagicMock()
    for module, stub in (("mlflow", mlflow), ("wandb", wandb)):
        monkeypatch.setitem(sys.modules, module, stub)
    monkeypatch.setenv(live.LOGGER, f"my_loggers:{name}")
    with live.open_logger(tmp_path) as log:
        log(3, {"loss": 0.5})
    taken = mlflow.log_metrics if name == "to_mlflow" else wandb.init.return_value.__enter__.return_value.log
    taken.assert_called_once_with({"loss": 0.5}, step=3)


def test_tensorboard_says_that_its_package_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv(live.LOGGER, "tensorboard")
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    message = "package tensorboard cannot be imported .*; pip install tensorboard, or unset PML_LOGGER"
    with pytest.raises(InputError, match=message), live.open_logger(tmp_path):
        pass


def test_tensorboard_writes_the_numbers_of_each_epoch(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv(live.LOGGER, "tensorboard")
    with live.open_logger(tmp_path) as log:
        for step in (1, 2):
            log(step, {"loss": step / 2})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.5), (2, 1.0)]
