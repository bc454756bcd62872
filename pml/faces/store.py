"""The stores: one .npy file of aligned faces, written face by face, or of their embeddings; read through a memory map."""

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from pml.errors import InputError
from pml.files import AGAIN, kind_of, put_in_place, writing

AT_ONCE = 1000  # images that a kill can cost
Append = Callable[[Any, np.ndarray | None], None]


@contextmanager
def writing_faces(path: str | Path, size: int, key: str) -> Iterator[tuple[list, Append]]:
    """Yield what an earlier process has told of the images that it finished, and a function that appends one more image.

    The function takes what there is to tell of the image, in types of JSON, and its (size, size, 3) uint8 face, or None if it
    has none. The store appears when the block ends well. If it does not, what is done waits beside it, and the next process
    with the same `key` goes on from there. A kill costs `AT_ONCE` images.

    How many faces there will be is not known at the start, so the header is written twice; NumPy pads it for exactly this
    (`numpy.lib.format`: room to grow along the first axis).

    Raises:
        InputError: it cannot be written, as `pml.files.writing` says.
    """
    path = Path(path)
    part, journal = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.journal")
    done = _done(journal, part, key, size)
    count, lines = sum(has_face for has_face, _ in done), [key, *map(json.dumps, done)]
    with writing(path, part):
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("r+b" if done else "w+b") as faces, journal.open("w") as told:
            faces.write(_header(count, size))
            faces.truncate(faces.seek(count * size * size * 3, os.SEEK_CUR))

            def append(outcome: Any, face: np.ndarray | None) -> None:
                nonlocal count
                if face is not None:
                    if face.shape != (size, size, 3) or face.dtype != np.uint8:
                        raise ValueError(f"a face is uint8 ({size}, {size}, 3), not {face.dtype} {face.shape}")
                    faces.write(face.tobytes())
                    count += 1
                lines.append(json.dumps([face is not None, outcome]))
                if len(lines) >= AT_ONCE:
                    tell()

            def tell() -> None:  # only of faces that the disk has
                faces.flush()
                os.fsync(faces.fileno())
                told.write("".join(f"{line}\n" for line in lines))
                told.flush()
                lines.clear()

            tell()
            try:
                yield [outcome for _, outcome in done], append
            finally:
                tell()
            faces.seek(0)
            faces.write(_header(count, size))
        put_in_place(part, path)
    journal.unlink()


def _done(journal: Path, part: Path, key: str, size: int) -> list:
    """Return the lines of a journal whose faces the store has; none if it is of another `key`, or if no image had a face."""
    done: list = []
    try:
        first, *lines = journal.read_text().splitlines()
        with suppress(ValueError):  # the last line of a killed process may be cut short
            done.extend(map(json.loads, lines))
        count, room = sum(has_face for has_face, _ in done), part.stat().st_size
    except (OSError, TypeError, ValueError):  # there is none, or it is damaged
        return []
    return done if count and first == key and room >= len(_header(count, size)) + count * size * size * 3 else []


def _header(count: int, size: int) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)})
    return header.getvalue()


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
