"""The stores: one .npy file of aligned faces, or of their embeddings, written piece by piece and read through a memory map."""

import io
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from pml.errors import InputError
from pml.files import AGAIN, kind_of, put_in_place, writing

Append = Callable[..., None]


@contextmanager
def writing_store(
    path: str | Path, shape: tuple[int, ...], dtype: type[np.generic], key: str, at_once: int
) -> Iterator[tuple[list, Append]]:
    """Yield what an earlier process has told of the items that it finished, and a function that appends one more item.

    The function takes what there is to tell of the item, in types of JSON, and its rows, none or more. The store appears when
    the block ends well. If it does not, what is done waits beside it, and the next process with the same `key` goes on from
    there.

    How many rows there will be is not known at the start, so the header is written twice; NumPy pads it for exactly this
    (`numpy.lib.format`: room to grow along the first axis).

    Args:
        shape, dtype: of a row.
        at_once: items that a kill can cost.

    Raises:
        InputError: it cannot be written, as `pml.files.writing` says.
    """
    path = Path(path)
    part, journal = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.journal")
    row_bytes = np.dtype(dtype).itemsize * math.prod(shape)

    def header(count: int) -> bytes:
        written = io.BytesIO()
        facts = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (count, *shape)}
        np.lib.format.write_array_header_1_0(written, facts)
        return written.getvalue()

    done = _done(journal, part, key, len(header(0)), row_bytes)
    count, lines = sum(rows for rows, _ in done), [key, *map(json.dumps, done)]
    with writing(path, part):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("r+b" if done else "w+b") as store, journal.open("w") as told:
            store.write(header(count))
            store.truncate(store.seek(count * row_bytes, os.SEEK_CUR))

            def append(outcome: Any, *rows: np.ndarray) -> None:
                nonlocal count
                for row in rows:
                    if row.shape != shape or row.dtype != dtype:
                        raise ValueError(f"a row is {np.dtype(dtype)} {shape}, not {row.dtype} {row.shape}")
                    store.write(row.tobytes())
                count += len(rows)
                lines.append(json.dumps([len(rows), outcome]))
                if len(lines) >= at_once:
                    tell()

            def tell() -> None:  # only of rows that the disk has
                store.flush()
                os.fsync(store.fileno())
                told.write("".join(f"{line}\n" for line in lines))
                told.flush()
                lines.clear()

            tell()
            try:
                yield [outcome for _, outcome in done], append
            finally:
                tell()
            store.seek(0)
            store.write(header(count))
        put_in_place(part, path)
    journal.unlink()


def _done(journal: Path, part: Path, key: str, header_bytes: int, row_bytes: int) -> list:
    """Return the lines of a journal whose rows the store has; none if it is of another `key`, or if no item had a row."""
    done: list = []
    try:
        first, *lines = journal.read_text().splitlines()
        with suppress(ValueError):  # the last line of a killed process may be cut short
            done.extend(map(json.loads, lines))
        count, room = sum(rows for rows, _ in done), part.stat().st_size
    except (OSError, TypeError, ValueError):  # there is none, or it is damaged
        return []
    return done if count and first == key and room >= header_bytes + count * row_bytes else []


def read_store(path: str | Path) -> np.ndarray:
    """Return a store, read through the page cache: (M, S, S, 3) uint8 faces or (M, V, D) float16 embeddings.

    Raises:
        InputError: the file is missing, damaged or no store.
    """
    path = Path(path)
    try:
        store = np.load(path, mmap_mode="r")
        whole = path.stat().st_size == store.offset + store.nbytes
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage that writes it") from None
    except Exception:  # numpy raises a different type for every kind of damage
        raise InputError(f"{path}: not a store of faces or embeddings but {kind_of(path)}; {AGAIN}") from None
    faces = store.dtype == np.uint8 and store.ndim == 4 and store.shape[1:] == (store.shape[1], store.shape[1], 3)
    embeddings = store.dtype == np.float16 and store.ndim == 3
    if not (whole and (faces or embeddings) and store.size and store.flags.c_contiguous):
        shape = " x ".join(map(str, store.shape))
        raise InputError(
            f"{path}: {path.stat().st_size} bytes of {store.dtype} {shape}, no store of faces or embeddings; {AGAIN}"
        )
    return store
