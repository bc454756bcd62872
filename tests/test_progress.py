"""Progress on a terminal and in a log."""

import sys

import pytest

from pml import progress as shown
from pml.progress import bar, duration, progress, say


def test_a_log_has_a_line_now_and_then_and_one_at_the_end(capsys, monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(shown, "monotonic", lambda: next(clock))
    assert list(progress(range(4), "faces")) == [0, 1, 2, 3]
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("faces: ") and "\r" not in line for line in lines)
    assert lines[0].startswith("faces: 2/4 in") and lines[-1].startswith("faces: 4 done in")


def test_what_is_no_sequence_needs_no_total(capsys):
    assert list(progress(iter("ab"), "unpack")) == ["a", "b"]
    assert "unpack: 2 done" in capsys.readouterr().err


def test_a_terminal_has_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(progress(range(4), "faces"))
    with bar("fold 1", 3) as epochs:
        epochs.update(3)
        say("a line")
    said = capsys.readouterr().err
    assert "faces: 100%" in said and "fold 1: 100%" in said and "\r" in said and "a line\n" in said


def test_a_bar_is_not_for_logs(capsys):
    with bar("fold 1", 3) as epochs:
        epochs.update(3)
        say("a line")
    assert capsys.readouterr().err == "a line\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0042, "0.0042 s"),
        (3.21, "3.2 s"),
        (59.6, "60 s"),
        (150, "2 min"),
        (7190, "120 min"),
        (3 * 3600 + 59.9 * 60, "4 h 0 min"),
        (3 * 86400 + 3600, "3 d 1 h"),
    ],
)
def test_a_duration_is_told_in_units_of_its_size(seconds, said):
    assert duration(seconds) == said
