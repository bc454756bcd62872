"""What a protocol, a function that draws folds, says of itself: the columns that it needs, and what holds of its folds."""

from collections.abc import Callable

from pml.errors import InputError, suggest

FACTS = {
    "exclusive": "it keeps the subjects of training and test apart, where the data set tells them",
    "validates": "its folds have a validation part of their own",
    "stress": "it tests on ages that training lacks, and the table stress tells seen ages from unseen ones",
}


def needs(*columns: str, unless: str | None = None) -> Callable:
    """Declare that a protocol needs columns of the index, `unless` an option is given; a config is refused without them.

    The protocol gets an attribute `needs`: of each column, the option that makes up for it, or None.
    """

    def declared(protocol: Callable) -> Callable:
        protocol.needs = getattr(protocol, "needs", {}) | dict.fromkeys(columns, unless)  # type: ignore[attr-defined]
        return protocol

    return declared


def declare(*facts: str) -> Callable:
    """Declare which of the `FACTS` hold of a protocol; none holds of one that does not say so.

    Raises:
        InputError: there is no such fact.
    """
    if unknown := [fact for fact in facts if fact not in FACTS]:
        raise InputError(f"declare: '{unknown[0]}' is no fact about a protocol{suggest(unknown[0], FACTS)}")

    def declared(protocol: Callable) -> Callable:
        protocol.facts = facts  # type: ignore[attr-defined]
        return protocol

    return declared


def holds(fact: str, protocol: Callable) -> bool:
    """Return whether one of the `FACTS` holds of a protocol."""
    return fact in getattr(protocol, "facts", ())
