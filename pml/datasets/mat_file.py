"""MATLAB 5 files that hold a table: a struct with a column per field."""

from collections.abc import Collection, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from pml.errors import InputError
from pml.workers import apart

READING_SECONDS = 600  # of IMDB's half a million rows, a reader takes half a minute


def read_struct(path: Path, struct: str, names: Sequence[str], cells: Collection[str]) -> dict[str, np.ndarray]:
    """Return the fields `names` of a struct, each (N,), numbers or cells, whatever their order in the file.

    A damaged file can crash SciPy's reader or hang it, so another process reads.

    Args:
        cells: those fields that are cell arrays, such as text.

    Raises:
        InputError: the file is damaged, or lacks the struct or one of the fields.
    """
    try:
        return apart(_read_struct, path, struct, names, cells, seconds=READING_SECONDS)
    except BrokenProcessPool as problem:
        raise InputError(f"{path}: not a whole MATLAB 5 file ({problem}); download its archive again") from None


def text_of(cell: np.ndarray) -> str:
    """Return the text in a cell, empty if there is none."""
    return str(cell.flat[0]) if cell.size else ""


def _read_struct(path: Path, name: str, names: Sequence[str], cells: Collection[str]) -> dict[str, np.ndarray]:
    try:
        structs = loadmat(path, variable_names=[name])
    except Exception as error:  # SciPy raises many kinds
        raise InputError(f"{path}: not a whole MATLAB 5 file ({error}); download its archive again") from None
    struct = structs.get(name)
    if struct is None or struct.dtype.names is None or struct.size != 1:
        raise InputError(f"{path}: holds no struct '{name}'; is it the owners' file?")
    if missing := [name for name in names if name not in struct.dtype.names]:
        raise InputError(f"{path}: fields missing: {missing}; is it the owners' file?")
    fields = {name: struct[name].item().ravel() for name in names}
    if len({len(field) for field in fields.values()}) > 1:
        lengths = {name: len(field) for name, field in fields.items()}
        raise InputError(f"{path}: fields differ in length: {lengths}; download its archive again")
    if wrong := [name for name in names if fields[name].dtype.kind not in ("O" if name in cells else "biuf")]:
        raise InputError(f"{path}: fields {wrong} are of another kind; is it the owners' file?")
    return fields
