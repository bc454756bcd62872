"""What the log of a job tells of the job."""

import subprocess
import sys
from pathlib import Path

import pytest

from pml.job_log import hold_log, is_held, last_words


def test_a_log_is_held_as_long_as_its_job_runs_and_not_after_a_kill(tmp_path):
    log = tmp_path / "job.log"
    program = "from pml.job_log import hold_log; hold_log(); print(flush=True); input()"
    with log.open("w") as file:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": file}
        job = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[1], **pipes)
    job.stdout.readline()
    assert is_held(log)
    job.kill()
    job.communicate()
    assert not is_held(log) and not is_held(tmp_path / "none.log")


def test_a_stderr_that_is_no_file_is_left_alone(capsys):
    hold_log()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python -m pml.stage x\nerror: a: b; c\n", (True, ["error: a: b; c"])),
        ("error: one\nerror: two\nexitcode: 2\n", (True, ["error: one", "error: two"])),
        ("Traceback (most recent call last):\n  File\nKeyError: 'x'\n", (True, ["KeyError: 'x'"])),
        ("faces: 3/9 in 15 s\n\n", (False, ["faces: 3/9 in 15 s"])),
        ("", (False, [])),
        ("x" * 50_000 + "\nerror: a\n", (True, ["error: a"])),
    ],
)
def test_the_last_words_are_the_errors_or_the_last_line(tmp_path, text, expected):
    (tmp_path / "job.log").write_text(text)
    assert last_words(tmp_path / "job.log") == expected
