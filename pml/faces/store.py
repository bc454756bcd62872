"""The stores: one .npy file of aligned faces, written face by face, or of their embeddings; read through a memory map."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pml.errors import InputError
from pml.files import AGAIN, kind_of, replacing


@contextmanager
def writing_faces(path: str | Path, size: int) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends one (size, size, 3) uint8 face to the store at `path`.

    How many faces there will be is not known at the start, so the header is written twice; NumPy pads it for exactly this
    (`numpy.lib.format`: room to grow along the first axis). The file appears when the block ends well.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        count = 0

        def append(face: np.ndarray) -> None:
            nonlocal count
            if face.shape != (size, size, 3) or face.dtype != np.uint8:
                raise ValueError(f"a face is uint8 ({size}, {size}, 3), not {face.dtype} {face.shape}")
            file.write(face.tobytes())
            count += 1

        _write_header(file, count, size)
        yield append
        file.seek(0)
        _write_header(file, count, size)


def _write_header(file: BinaryIO, count: int, size: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(file, header)


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
