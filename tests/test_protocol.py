"""What a protocol says of itself."""

import pytest

from pml.errors import InputError
from pml.protocol import FACTS, declare, holds, needs


def test_what_is_declared_holds_and_nothing_else_does():
    @declare("exclusive")
    def declared(index, seed): ...

    assert [fact for fact in FACTS if holds(fact, declared)] == ["exclusive"]
    assert not any(holds(fact, lambda index, seed: None) for fact in FACTS)


def test_a_misspelt_fact_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match="'exclusiv' is no fact about a protocol; did you mean 'exclusive'"):
        declare("exclusiv")


def test_needs_of_several_lines_add_up_and_say_what_makes_up_for_each():
    @needs("race", unless="list")
    @needs("subject")
    def declared(index, seed): ...

    assert declared.needs == {"race": "list", "subject": None}
