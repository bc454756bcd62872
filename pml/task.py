"""One job of the graph, as a stage is handed it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """What a stage reads, what it writes, and what decides between the two.

    Attributes:
        rule: name of the rule, of the stage and of its function.
        wildcards: which of the rule's jobs this is.
        inputs: paths of the files that are read, by name; a name may stand for a list or a dict of them.
        outputs: paths of the files that are written, by name.
        settings: all else that the outputs depend on, in plain JSON types.
    """

    rule: str
    wildcards: dict[str, str]
    inputs: dict[str, Any]
    outputs: dict[str, str]
    settings: dict[str, Any]


def flat(paths: Any) -> Iterator[str]:
    """Yield every path of nested dicts and lists."""
    if isinstance(paths, str):
        yield paths
    else:
        for inner in paths.values() if isinstance(paths, dict) else paths:
            yield from flat(inner)
