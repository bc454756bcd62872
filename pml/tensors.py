"""Files of tensors: checkpoints and weights, of the suite's own making or somebody else's."""

import hashlib
import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from pml.errors import InputError
from pml.files import kind_of, replacing

# PyTorch writes a zip archive, which ends in this record, and notices no flipped bit in it. The suite writes the SHA-256 of
# the archive behind it, in hexadecimal digits, which every reader of PyTorch's passes over.
END, END_LENGTH = b"PK\5\6", 22


def save_tensors(value: Any, path: Path) -> None:
    """Write tensors in nested dicts and lists, and a checksum. The same value gives the same bytes."""
    # To a file, for PyTorch then tells of a full disk, and writes no path into it: the temporary one is another every time.
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            torch.save(value, file)
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        with temporary.open("ab") as file:
            file.write(digest.encode())


def load_tensors(path: str | Path, remedy: str, device: str | torch.device = "cpu") -> Any:
    """Return what a file of tensors holds, whatever wrote it; code that it may hold is not run.

    Args:
        remedy: what ends an error.

    Raises:
        InputError: the file is missing, is none of tensors, holds code or whole objects, or was changed since it was written.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if _is_changed(content):
            raise InputError(f"{path}: damaged: it is not what was written, by its checksum; {remedy}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {remedy}") from None
    except InputError:
        raise
    except Exception as error:  # torch raises a different type for every kind of damage, and gives advice that is unsafe
        holds_code = isinstance(error, (pickle.UnpicklingError, RuntimeError)) and _names_code(str(error))
        what = "one with code or whole objects in it, where only weights may be" if holds_code else kind_of(path)
        raise InputError(f"{path}: not a file of weights but {what}; {remedy}") from None


def _is_changed(content: bytes) -> bool:
    """Whether a file is another than was written, by the suite's checksum or, without it, by those of its zip archive."""
    if not content.startswith(b"PK"):
        return False
    end = content.rfind(END) + END_LENGTH
    if content[end:]:
        return content[end:] != hashlib.sha256(content[:end]).hexdigest().encode()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.testzip() is not None


def _names_code(message: str) -> bool:
    return "GLOBAL" in message or "TorchScript" in message
