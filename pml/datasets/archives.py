"""Check an archive and unpack it, whole or not at all, and never outside its folder."""

import lzma
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pooch

from pml.errors import InputError
from pml.progress import progress

HEX_DIGITS = {"md5": 32, "sha256": 64}
# Pictures hardly compress and text rarely tenfold; what unpacks to more than this is made to fill the disk.
MAX_RATIO = 100
SMALL = 100 * 2**20  # bytes that no ratio is asked of
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, UnicodeDecodeError)
REMEDY = "download it again from the owners"


class Entry(NamedTuple):
    """One member of a zip or a tar: what is checked of it, and how it is unpacked."""

    name: str
    size: int
    kind: str  # "file", "folder" or "other": a link, a device
    encrypted: bool
    extract: Callable[..., object]  # to the folder `path`


def parse_checksum(checksum: str) -> tuple[str, str]:
    """Return the algorithm and the lower-case digits of `md5:HEX` or `sha256:HEX`.

    Raises:
        InputError: the checksum is written otherwise.
    """
    algorithm, _, digits = checksum.lower().partition(":")
    if algorithm not in HEX_DIGITS or not re.fullmatch(f"[0-9a-f]{{{HEX_DIGITS[algorithm]}}}", digits):
        raise InputError(f"checksum '{checksum}': write md5: and 32, or sha256: and 64 hexadecimal digits")
    return algorithm, digits


def verify(path: str | Path, checksum: str | None) -> None:
    """Check that the archive has that checksum, unless it is None.

    Raises:
        InputError: its checksum is another, or it is a folder, which has none.
    """
    if checksum is None:
        return
    if Path(path).is_dir():
        raise InputError(f"{path}: a folder has no checksum; leave its checksum out")
    algorithm, expected = parse_checksum(checksum)
    found = pooch.file_hash(str(path), alg=algorithm)
    if found != expected:
        raise InputError(
            f"{path}: its {algorithm} is {found}, expected {expected}; {REMEDY}, "
            "or, if this file is the one you mean, correct its checksum in the config"
        )


def unpack(archives: Sequence[str | Path], target: str | Path) -> None:
    """Unpack zip or tar archives one over the other as the folder `target`, in place of what is there.

    A folder in place of an archive is linked file by file. `target` is touched only once everything is unpacked.

    Raises:
        InputError: an archive is neither zip nor tar, is damaged or truncated, or would fill the disk; or an entry points
            outside the folder, is a link or a device, is encrypted, or has another's name.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        folder = Path(temporary) / "whole"
        folder.mkdir()
        for archive in map(Path, archives):
            if archive.is_dir():
                _link_files(archive, folder)
            else:
                _extract_members(archive, folder)
        if target.exists():
            shutil.rmtree(target)
        folder.rename(target)


def _link_files(source: Path, folder: Path) -> None:
    for path in sorted(path for path in source.resolve().rglob("*") if path.is_file()):
        link = folder / path.relative_to(source.resolve())
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be linked ({error}); give every file once, and free the disk") from None


def _extract_members(archive: Path, folder: Path) -> None:
    name = None
    try:
        with _open(archive) as opened:
            entries = _entries(opened)
            _check(archive, entries)
            for entry in progress(entries, f"unpack {archive.name}"):
                name = entry.name
                entry.extract(path=folder)
    except DAMAGED as error:
        raise InputError(f"{archive}: {_which(name)}is damaged or truncated ({error}); {REMEDY}") from None
    except (OSError, NotImplementedError) as error:  # disk full, name too long, a file where a folder is, unknown compression
        raise InputError(f"{archive}: {_which(name)}cannot be unpacked ({error}); free the disk or pack it anew") from None


def _open(archive: Path) -> zipfile.ZipFile | tarfile.TarFile:
    if zipfile.is_zipfile(archive):
        return zipfile.ZipFile(archive)
    try:
        return tarfile.open(archive)
    except tarfile.ReadError:
        raise InputError(f"{archive}: neither a whole zip nor a whole tar archive, perhaps truncated; {REMEDY}") from None


def _entries(opened: zipfile.ZipFile | tarfile.TarFile) -> list[Entry]:
    entries = []
    if isinstance(opened, tarfile.TarFile):
        for member in opened:
            kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
            entries.append(Entry(member.name, member.size, kind, False, partial(opened.extract, member, filter="data")))
        return entries
    for info in opened.infolist():
        unix = stat.S_IFMT(info.external_attr >> 16)  # 0 where the packer knows no Unix modes
        kind = "other" if unix not in (0, stat.S_IFREG, stat.S_IFDIR) else "folder" if info.is_dir() else "file"
        entries.append(Entry(info.filename, info.file_size, kind, bool(info.flag_bits & 1), partial(opened.extract, info)))
    return entries


def _check(archive: Path, entries: list[Entry]) -> None:
    size = sum(entry.size for entry in entries)
    if size > max(SMALL, MAX_RATIO * archive.stat().st_size):
        raise InputError(f"{archive}: unpacks to {size:,} bytes, over {MAX_RATIO} times its size; {REMEDY}")
    files: set[PurePosixPath] = set()
    for entry in entries:
        if problem := _problem(entry, files):
            raise InputError(f"{archive}: {_which(entry.name)}{problem}; {REMEDY}, or pack it anew without that entry")
        if entry.kind == "file":
            files.add(PurePosixPath(entry.name))


def _problem(entry: Entry, files: set[PurePosixPath]) -> str | None:
    name = entry.name.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
        return "points outside the archive's folder"
    if entry.kind == "other":
        return "is a link or a device, not a file"
    if entry.encrypted:
        return "is encrypted"
    if PurePosixPath(entry.name) in files:
        return "has the name of an earlier entry"
    return None


def _which(name: str | None) -> str:
    return "it " if name is None else f"entry '{name}' "
