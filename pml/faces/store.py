"""The face store: one .npy file of aligned faces, written face by face and read through a memory map."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pml.files import replacing


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
