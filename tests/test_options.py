"""Options as a config gives them: which names and which values a dataclass takes."""

from dataclasses import dataclass
from typing import Literal

import pytest

from pml.errors import InputError
from pml.options import NoOptions, build_options


@dataclass(frozen=True)
class Options:
    rate: float = 0.5
    count: int = 3
    mirror: bool = False
    decoder: str = "mean"
    scale: float | None = None
    label: Literal["real", "apparent"] = "real"

    def __post_init__(self):
        if self.rate < 0:
            raise ValueError(f"rate is {self.rate}; it needs 0 or more")


@pytest.mark.parametrize(
    "given",
    [{}, {"rate": 2, "count": 0, "mirror": True, "decoder": "argmax"}, {"scale": 1.5}, {"scale": None}, {"label": "apparent"}],
)
def test_what_is_not_given_is_the_default(given):
    assert build_options(Options, given, "method 'm'") == Options(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rat": 1}, "method 'm': unknown option 'rat'; did you mean 'rate'?"),
        ({"rate": "high"}, "method 'm': rate is 'high'; it needs a number"),
        ({"rate": True}, "method 'm': rate is 'True'; it needs a number"),
        ({"rate": float("nan")}, "method 'm': rate is 'nan'; it needs a number"),
        ({"count": 2.5}, "method 'm': count is '2.5'; it needs a whole number"),
        ({"mirror": "no"}, "method 'm': mirror is 'no'; it needs true or false"),
        ({"decoder": 3}, "method 'm': decoder is '3'; it needs a text"),
        ({"scale": "big"}, "method 'm': scale is 'big'; it needs a number"),
        ({"label": ["real"]}, "method 'm': label is '['real']'; it needs 'real' or 'apparent'"),
        ({"rate": -1}, "method 'm': rate is -1; it needs 0 or more"),
    ],
)
def test_a_refused_option_is_named_with_what_it_needs(given, message):
    with pytest.raises(InputError) as refusal:
        build_options(Options, given, "method 'm'")
    assert str(refusal.value) == message


def test_where_there_are_no_options_the_message_says_so():
    with pytest.raises(InputError, match="unknown option 'rate'; there are none"):
        build_options(NoOptions, {"rate": 1}, "protocol 'lopo'")
