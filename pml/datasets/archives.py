"""Check an archive and unpack it: it is whole or an error, and nothing gets outside its folder.

A zip has a checksum of every file, and so has a compressed tar of all. A bare tar has them of its headers alone: only the
checksum in the config tells whether the content of its files, and names above 100 bytes, are as the owners packed them.
"""

import gzip
import lzma
import os
import posixpath
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import pooch

from pml.datasets.label_file import SUFFIXES
from pml.datasets.linked_folder import MAX_DEPTH, fault_of_name, leave_out, link_file, link_files, readable
from pml.datasets.tables import Row
from pml.errors import InputError
from pml.progress import progress

HEX_DIGITS = {"md5": 32, "sha256": 64}
# Pictures hardly compress and text rarely tenfold; what unpacks to more than this is made to fill the disk.
MAX_RATIO = 100
SMALL = 100 * 2**20  # bytes that no ratio is asked of
MAX_ENTRIES = 2_000_000  # IMDB-WIKI has 523,000 pictures, the most of all data sets here
MAX_HEADER = 2**18  # bytes of one header of a tar: a path has at most 4,096
METADATA = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
CHUNK = 2**20  # bytes
MAX_TEXT = 300  # characters of a name or a reason that a message shows: damaged, either can have thousands
ZIP = b"PK\3\4", b"PK\5\6"  # how a zip begins: with a file, or, if it has none, with its last record
ZIP_END = struct.Struct("<4s6xH8xH")  # of that record: signature, number of entries, length of the comment that follows it
# Of what precedes a file: flags, its size, lengths of its name and of its extra field.
ZIP_HEADER = struct.Struct("<6xH14xL2H")
ZIP_SIZE_FOLLOWS, ZIP_LARGE = 8, 0xFFFFFFFF  # a flag, and a size that the extra field has
ZIP_NOTHING = 40  # bytes that an empty file may take, compressed and with its size behind it
# What the readers raise on a file that is not as it should be.
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, ValueError, LookupError, ArithmeticError, RecursionError, MemoryError),
)
REMEDY = "download it again from the owners"


class Entry(NamedTuple):
    """One member of a zip or a tar."""

    name: str
    size: int
    kind: str  # "file", "folder" or "other": a link, a device
    encrypted: bool
    open: Callable[[], IO[bytes] | None]  # its content; None if it has none


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


class WholeTarInfo(tarfile.TarInfo):
    """A header of a tar. `tarfile` takes a damaged one for the end of the archive; here it is an error."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "WholeTarInfo":
        """Read the next header."""
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "WholeTarInfo":
        """Decode a header, and refuse one that announces too much more of itself."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in METADATA and header.size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


def unpack(archives: Sequence[str | Path], folder: str | Path) -> list[Row]:
    """Unpack zip or tar archives one over the other into `folder`, and return rows of rejected.csv.

    A folder in place of an archive is linked file by file, and so is a label file. A picture that cannot be reached or named is
    left out as a row.

    Raises:
        InputError: an archive is neither zip nor tar, is damaged or truncated, has too many entries, or would fill the disk;
            or an entry points outside the folder, is a link or a device, is encrypted, or has another's name or none; or what
            is no picture cannot be reached or named.
    """
    rejected = []
    for archive in map(Path, archives):
        if archive.suffix.lower() in SUFFIXES and archive.is_file():
            link_file(archive, Path(folder, archive.name))
        else:
            rejected += link_files(archive, Path(folder)) if archive.is_dir() else _extract_members(archive, Path(folder))
    return rejected


def _extract_members(archive: Path, folder: Path) -> list[Row]:
    name, rejected = None, []
    try:
        for entry in progress(_checked_entries(archive), f"unpack {archive.name}"):
            name = entry.name
            if not (fault := fault_of_name(name)):
                _extract(archive, entry, folder)
            elif entry.kind == "file":
                rejected.append(leave_out(name, fault, archive))
    except (OSError, NotImplementedError) as error:  # disk full, name too long, a file where a folder is, unknown compression
        raise InputError(f"{archive}: {_which(name)}cannot be unpacked ({error}); free the disk or pack it anew") from None
    return rejected


def _checked_entries(archive: Path) -> Iterator[Entry]:
    """Yield each member once it is known that it may be unpacked, given that those before it are."""
    size, files = 0, set[str]()
    for count, entry in enumerate(_entries(archive), 1):
        if count > MAX_ENTRIES:
            raise InputError(f"{archive}: has more than {MAX_ENTRIES:,} entries; {REMEDY}, or pack it anew as several archives")
        size += entry.size
        _check_size(archive, size)
        path = posixpath.normpath(entry.name)
        if problem := _problem(entry, path) or ("has the name of an earlier entry" if path in files else None):
            raise InputError(f"{archive}: {_which(entry.name)}{problem}; {REMEDY}, or pack it anew without that entry")
        if entry.kind == "file":
            files.add(path)
        yield entry


def _problem(entry: Entry, path: str) -> str | None:
    name = entry.name.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/"):
        return "points outside the archive's folder"
    if entry.kind == "other":
        return "is a link or a device, not a file"
    if entry.encrypted:
        return "is encrypted"
    if entry.kind == "file" and path == ".":
        return "has no name"
    if "\0" in name:
        return "has a zero byte in its name"
    if path.count("/") >= MAX_DEPTH:
        return f"lies in more than {MAX_DEPTH} folders"
    return None


def _entries(archive: Path) -> Iterator[Entry]:
    """Yield each member; its end tells that the archive is whole."""
    with _reading(archive), _open(archive) as opened:
        yield from _tar_entries(archive, opened) if isinstance(opened, tarfile.TarFile) else _zip_entries(archive, opened)


@contextmanager
def _reading(archive: Path, name: str | None = None) -> Iterator[None]:
    """Report as damage what a reader raises in the block. In a generator that leaves out the code that takes the items."""
    try:
        yield
    except DAMAGED as error:
        reason = str(error)
        if isinstance(error, UnicodeDecodeError):  # a zip says of a name that it is UTF-8
            reason = f"a name that is not UTF-8: '{error.object.decode(errors='backslashreplace')}'"
        reason = readable(reason)[:MAX_TEXT]
        raise InputError(f"{archive}: {_which(name)}is damaged or truncated ({reason}); {REMEDY}") from None


def _open(archive: Path) -> zipfile.ZipFile | tarfile.TarFile:
    with archive.open("rb") as file:
        is_zip = file.read(4) in ZIP
    if is_zip:
        return zipfile.ZipFile(archive)
    try:
        return tarfile.open(archive, tarinfo=WholeTarInfo)
    except tarfile.ReadError:
        raise InputError(f"{archive}: neither a whole zip nor a whole tar archive, perhaps truncated; {REMEDY}") from None


def _tar_entries(archive: Path, opened: tarfile.TarFile) -> Iterator[Entry]:
    """Yield the members, then read the rest of the stream, so that its checksum, if it has one, is compared."""
    while member := opened.next():
        opened.members.clear()  # type: ignore[attr-defined]  # where `tarfile` keeps all that it has read
        _check_size(archive, member.offset_data)
        kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
        yield Entry(member.name, member.size, kind, False, partial(opened.extractfile, member))
    stream, length = opened.fileobj, 0
    while block := stream.read(CHUNK):  # what is left after the first of the two blocks of zeros that end a tar
        length += len(block)
        _check_size(archive, length)
        if block.strip(b"\0"):
            raise tarfile.ReadError("something follows its end")
    if length < tarfile.BLOCKSIZE or length % tarfile.BLOCKSIZE:
        raise tarfile.ReadError("its end is missing")


def _zip_entries(archive: Path, opened: zipfile.ZipFile) -> Iterator[Entry]:
    if min((info.header_offset for info in opened.infolist()), default=0):
        raise zipfile.BadZipFile("it does not begin with its first entry")  # but ends as one that lies in it
    _check_end(archive, opened.comment, len(opened.infolist()))
    _check_empty(archive, opened)
    for info in opened.infolist():
        unix = stat.S_IFMT(info.external_attr >> 16)  # 0 where the packer knows no Unix modes
        is_folder = info.filename.endswith("/")
        kind = "other" if unix not in (0, stat.S_IFREG, stat.S_IFDIR) else "folder" if is_folder else "file"
        yield Entry(info.filename, info.file_size, kind, bool(info.flag_bits & 1), partial(opened.open, info))


def _blocks(archive: Path, entry: Entry) -> Iterator[bytes]:
    """Yield the content. A member of a zip is opened even if it is a folder: that compares the two places of its name."""
    left = entry.size
    with _reading(archive, entry.name), entry.open() or nullcontext() as source:
        while source and (block := source.read(CHUNK)):
            left -= len(block)
            yield block
        if source and left:
            raise EOFError(f"its content has {entry.size - left:,} of {entry.size:,} bytes")


def _extract(archive: Path, entry: Entry, folder: Path) -> None:
    """Write a file or make a folder below `folder`; its name was checked before."""
    target, blocks = folder / entry.name, _blocks(archive, entry)
    if entry.kind == "folder":
        target.mkdir(parents=True, exist_ok=True)
        for _ in blocks:
            pass
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():  # to a file of the user's
        raise FileExistsError("a file of this name was linked before")
    with target.open("wb") as file:
        file.writelines(blocks)


def _check_end(archive: Path, comment: bytes, count: int) -> None:
    """Check that a zip ends where its last record says, and has as many entries; `zipfile` takes one with fewer.

    The record has two bytes for their number. Above that it says 65,535, or what is left after division by 65,536.
    """
    with archive.open("rb") as file:
        begin = file.seek(-ZIP_END.size - len(comment), os.SEEK_END)
        signature, announced, length = ZIP_END.unpack(file.read(ZIP_END.size))
    is_blank = begin > 0 and count == 0  # an empty zip is nothing but this record
    if signature != ZIP[1] or announced not in (count % 0x10000, 0xFFFF) or length != len(comment) or is_blank:
        raise zipfile.BadZipFile("its last record does not fit the rest")


def _check_empty(archive: Path, opened: zipfile.ZipFile) -> None:
    """Check that a file that is empty by a zip's list is so by its own header; what damage blanks looks empty, too."""
    starts = [*sorted(info.header_offset for info in opened.infolist()), opened.start_dir]
    with archive.open("rb") as file:
        for info in opened.infolist():
            if info.file_size:
                continue
            file.seek(info.header_offset)
            flags, size, *lengths = ZIP_HEADER.unpack(file.read(ZIP_HEADER.size))
            room = starts[bisect(starts, info.header_offset)] - info.header_offset - ZIP_HEADER.size - sum(lengths)
            if room > ZIP_NOTHING if flags & ZIP_SIZE_FOLLOWS else size not in (0, ZIP_LARGE):
                raise zipfile.BadZipFile(f"'{info.filename}' is not as empty as its list says")


def _check_size(archive: Path, size: int) -> None:
    if size > max(SMALL, MAX_RATIO * archive.stat().st_size):
        raise InputError(f"{archive}: unpacks to {size:,} bytes or more, over {MAX_RATIO} times its size; {REMEDY}")


def _which(name: str | None) -> str:
    return "it " if name is None else f"entry '{readable(name)[:MAX_TEXT]}' "
