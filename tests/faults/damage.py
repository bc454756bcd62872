"""Ways in which a file gets damaged."""

import random

from tests.damage import ANY

FOREIGN = [*(become(b"any") for become in ANY.values()), b"\n", b"null", b"[]", b"{}", bytes(600), b"PK\3\4"]
LONGEST = 512  # bytes that are lost, doubled or overwritten at once


def flip(content: bytearray, chance: random.Random) -> None:
    """Flip from one to eight bits."""
    for _ in range(chance.choice([1, 1, 2, 8])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def cut(content: bytearray, chance: random.Random) -> None:
    """Lose the end."""
    del content[chance.randrange(len(content)) :]


def lose(content: bytearray, chance: random.Random) -> None:
    """Lose some bytes in the middle."""
    del content[_some(content, chance)]


def double(content: bytearray, chance: random.Random) -> None:
    """Have some bytes twice."""
    part = _some(content, chance)
    content[part.stop : part.stop] = content[part]


def blank(content: bytearray, chance: random.Random) -> None:
    """Have zeros, or something else, in the place of some bytes."""
    part = _some(content, chance)
    length = len(content[part])
    content[part] = chance.choice([bytes(length), chance.randbytes(length)])


def append(content: bytearray, chance: random.Random) -> None:
    """Have something at the end."""
    content += chance.choice([b"\0", b"\n", b"x", bytes(512), chance.randbytes(64)])


def replace(content: bytearray, chance: random.Random) -> None:
    """Be another file."""
    content[:] = chance.choice(FOREIGN)


WAYS = [flip, flip, cut, lose, double, blank, append, replace]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return the content with a damage of any kind; it differs."""
    changed = bytearray(content)
    while bytes(changed) == content:
        chance.choice(WAYS if content else [append])(changed, chance)
    return bytes(changed)


def _some(content: bytearray, chance: random.Random) -> slice:
    start = chance.randrange(len(content))
    return slice(start, min(len(content), start + chance.randint(1, LONGEST)))
