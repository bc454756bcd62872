"""What becomes of files: each entry turns the content of one into what may lie there instead."""

import io
import pickle
from collections.abc import Callable
from pkgutil import resolve_name

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


class Code:
    """A pickle of it runs a command when it is loaded."""

    def __reduce__(self):
        return print, ("the code in the file was run",)


def saved(value: object) -> bytes:
    """Return what torch.save writes."""
    import torch  # here, since others damage files in processes that fork often, which is slow with it

    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


ANY: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "its last byte gone": lambda content: content[:-1],
    "web page": lambda content: b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
    "git-LFS pointer": lambda content: POINTER,
    "noise": lambda content: bytes(range(256)) * 8,
    "pickle with code": lambda content: pickle.dumps(Code()),
}
TENSORS = ANY | {
    "code in a zip": lambda content: saved(Code()),
    "whole module": lambda content: saved(resolve_name("torch.nn:Linear")(2, 2)),
    "flipped bit": lambda content: flipped(content, len(content) // 2),
}


def flipped(content: bytes, position: int, bit: int = 0) -> bytes:
    """Return the content with one bit of the byte at `position` turned."""
    return content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :]
