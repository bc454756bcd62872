import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError, stage_main, suggest


def test_suggest_names_the_nearest():
    assert suggest("epoch", ["momentum", "epochs"]) == "; did you mean 'epochs'?"


def test_suggest_lists_what_is_known_where_nothing_is_near():
    assert suggest("zzz", ["b", "a"]) == "; known: a, b"


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


@given(st.text())
def test_the_message_is_one_line_whatever_it_quotes(text):
    message = str(InputError(f"x: '{text}' is wrong"))
    assert message.splitlines() == [message]
    assert not text.isprintable() or text in message
    assert str(pickle.loads(pickle.dumps(InputError(text)))) == str(InputError(text))
