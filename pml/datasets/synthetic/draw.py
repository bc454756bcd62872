"""Stage: an archive of synthetic faces in the layout of a data set's owners."""

from pathlib import Path
from pkgutil import resolve_name

from pml.errors import InputError
from pml.registry import find
from pml.task import Task


def draw_synthetic_archive(task: Task) -> None:
    """Write the archive; the same settings give the same bytes."""
    chosen = task.settings
    write_archive(chosen["format"], Path(task.outputs["archive"]), chosen["subjects"], chosen["images"], chosen["seed"])


def write_archive(format: str, path: Path, subjects: int, images: int, seed: int) -> None:
    """Write `images` pictures of `subjects` people to a zip at `path`, in the layout of a format.

    Raises:
        InputError: there are more people than pictures, or the format cannot be drawn.
    """
    if not 1 <= subjects <= images:
        raise InputError(f"synthetic.subjects {subjects}: give at least one, and no more than synthetic.images, {images}")
    writer = getattr(find("format", format), "SYNTHETIC", None)
    if writer is None:
        raise InputError(f"format '{format}': it cannot be drawn, since it names no SYNTHETIC writer; give a path or a url")
    resolve_name(writer)(path, subjects, images, seed)
