import errno
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError, stage_main, suggest


def test_suggest_names_the_nearest():
    assert suggest("epoch", ["momentum", "epochs"]) == "; did you mean 'epochs'?"


def test_suggest_lists_what_is_known_where_nothing_is_near():
    assert suggest("zzz", ["b", "a"]) == "; known: a, b"


def test_suggest_names_each_once_and_no_more_than_fifty():
    assert suggest("zzz", ["b", "a", "b", "a"]) == "; known: a, b"
    assert suggest("zzz", (f"{number:02d}" for number in range(70))).endswith(", 48, 49 and 20 more")


def test_stage_ends_on_bad_input_with_one_line_and_code_2(capsys):
    @stage_main
    def main():
        raise InputError("index.csv: no such file")

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: index.csv: no such file\n"


def test_stage_hides_no_other_error():
    @stage_main
    def main():
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        main()


def ending_of(main, capsys) -> tuple[object, str]:
    """Return the exit code of a stage, and what it says."""
    with pytest.raises(SystemExit) as ended:
        stage_main(main)()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "number, remedy",
    [
        (errno.EACCES, "work in another folder"),
        (errno.ENOSPC, "free some"),
        (errno.EBUSY, "Device or resource busy; check the disk"),
    ],
)
def test_an_error_of_a_file_is_one_line_with_the_remedy_and_code_2(capsys, number, remedy):
    def main():
        raise OSError(number, os.strerror(number), "results/a\nb")

    code, said = ending_of(main, capsys)
    assert code == 2 and said.startswith("error: results/a\\nb: ") and remedy in said and len(said.splitlines()) == 1


def test_an_error_of_no_file_is_the_code_s_own_unless_the_disk_is_full(capsys):
    def main():
        raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file"):
        stage_main(main)()

    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    code, said = ending_of(full, capsys)
    assert code == 2 and said.startswith("error: output: cannot be written, no space is left")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("streams", [["stdout"], ["stderr"], ["stdout", "stderr"]], ids="+".join)
def test_an_output_on_a_full_disk_ends_the_stage_with_code_2(streams):
    program = """
import sys
from pml.errors import stage_main
@stage_main
def main():
    print("said", file=getattr(sys, sys.argv[1]))
main()
"""
    with open("/dev/full", "w") as full:
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | dict.fromkeys(streams, full)
        ended = subprocess.run([sys.executable, "-c", program, streams[0]], text=True, check=False, **given)
    assert ended.returncode == 2 and "Traceback" not in (ended.stderr or "")
    assert "stderr" in streams or ended.stderr.startswith("error: output: cannot be written")


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_stage_cleans_up_and_ends_with_one_line(capsys, number, code):
    before, cleaned = signal.getsignal(number), []

    def main():
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except KeyboardInterrupt as interruption:
            interruption.add_note("the checkpoint of epoch 3 is kept")
            raise
        finally:
            cleaned.append(True)

    assert ending_of(main, capsys) == (
        code,
        "interrupted: the checkpoint of epoch 3 is kept; give the same command again to go on\n",
    )
    assert cleaned and signal.getsignal(number) == before


def test_an_interruption_that_a_library_answers_with_an_error_of_its_own_is_one(capsys):
    def main():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt:
            raise RuntimeError("Connection closed by peer") from None

    code, said = ending_of(main, capsys)
    assert code == 130 and said == "interrupted: what is finished is kept; give the same command again to go on\n"


def test_an_interruption_of_a_finaliser_is_not_lost(capsys):
    class Interrupted:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)

    def main():
        Interrupted()
        time.sleep(10)

    assert ending_of(main, capsys) == (130, "interrupted: what is finished is kept; give the same command again to go on\n")


def test_what_is_ignored_from_the_start_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stage_main(lambda: os.kill(os.getpid(), signal.SIGINT))()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@given(st.text())
def test_the_message_is_one_line_whatever_it_quotes(text):
    message = str(InputError(f"x: '{text}' is wrong"))
    assert message.splitlines() == [message]
    assert not text.isprintable() or text in message
    assert str(pickle.loads(pickle.dumps(InputError(text)))) == str(InputError(text))
