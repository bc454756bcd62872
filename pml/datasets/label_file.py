"""Label files as their owners, or a spreadsheet, write them: with one of a few encodings and separators, or as Parquet."""

import codecs
import csv
import importlib.util
import io
import re
from collections.abc import Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from pml.errors import InputError
from pml.workers import apart

SEPARATORS = {";": "semicolon", "\t": "tab", "|": "pipe", ",": "comma"}  # a decimal comma must not win over the others
PARQUET = ".parquet"
SUFFIXES = (".csv", ".tsv", ".txt", PARQUET)
BEGINNING = 4096  # bytes that tell whether a file is a label file at all
PLAIN = ["utf-8", "cp1252", "latin-1"]
SHOWN = 200  # characters of a message
PARQUET_SECONDS = 600  # that a reader may take
SAVE_ANEW = "save it as a UTF-8 CSV with these, or leave it out of the archives"


@dataclass(frozen=True)
class LabelFile:
    """A label file and how it was read.

    Attributes:
        encoding: name of it, as Python has it.
        separator: of the fields; one for the whole file. Parquet has neither.
        lines: {number from 1: fields} of the lines that are not blank; line 1 of a Parquet file has the names of its columns.
    """

    path: Path
    encoding: str
    separator: str
    lines: dict[int, list[str]]

    @property
    def header(self) -> list[str]:
        """The fields of the first line, in lower case."""
        return [field.lower() for field in next(iter(self.lines.values()), [])]

    @property
    def rows(self) -> dict[int, list[str]]:
        """The lines behind the header."""
        return dict(list(self.lines.items())[1:])

    def check_header(self, wanted: Iterable[str], remedy: str = SAVE_ANEW) -> None:
        """Check that the header has each of the wanted columns once.

        Raises:
            InputError: it does not; the message says how the file was read.
        """
        wanted = list(wanted)
        if wrong := [column for column in wanted if self.header.count(column) != 1]:
            raise self.misunderstood(f"column {', '.join(wrong)} is missing or there twice", wanted, remedy)

    def misunderstood(self, problem: str, wanted: Iterable[str], remedy: str = SAVE_ANEW) -> InputError:
        """Return the error that tells of a problem how the file was read, and what was wanted of it."""
        found, needed = (", ".join(names) or "none" for names in (self.header, wanted))
        found = re.sub(r"\d", "#", found)  # without a header these are a person's own
        separated = f" with the separator {SEPARATORS[self.separator]}" if self.separator else ""
        return InputError(
            f"{self.path}: {problem}; it was read as {self.encoding}{separated}; "
            f"columns found: {found[:SHOWN]}; columns wanted: {needed}; {remedy}"
        )


def read_text(path: Path) -> str:
    """Return a text file of any known encoding, its lines ended by a newline.

    Raises:
        InputError: it is UTF-16 and damaged.
    """
    return _decode(path, path.read_bytes(), "strict")[1]


def read_label_file(path: Path) -> LabelFile:
    """Return the fields of a label file.

    It is UTF-8 or UTF-16, or else taken for Windows-1252. Its separator is the one that most of its lines hold.

    Raises:
        InputError: it is UTF-16 or Parquet and damaged, or Parquet that this Python cannot read.
    """
    if path.suffix.lower() == PARQUET:
        return _read_parquet(path, beginning=False)
    return _split(path, *_decode(path, path.read_bytes(), "strict"))


def read_beginning(path: Path) -> LabelFile:
    """Return the first lines of any file, binary ones, too, as if it were a label file; of Parquet the first of all.

    Raises:
        InputError: it is Parquet and damaged, or this Python cannot read Parquet.
    """
    if path.suffix.lower() == PARQUET:
        return _read_parquet(path, beginning=True)
    with path.open("rb") as file:
        content = file.read(BEGINNING)
    whole_lines = content[: content.rfind(b"\n") + 1]  # a character may be cut behind them
    return _split(path, *_decode(path, whole_lines or content, "ignore"))


def _read_parquet(path: Path, beginning: bool) -> LabelFile:
    """Read a Parquet file in another process, since a damaged one can crash its reader."""
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(f"{path}: to read Parquet give pip install 'pml[parquet]'; or save it as a CSV, or move it away")
    try:
        lines = apart(_parquet_lines, path, path.read_bytes(), beginning, seconds=PARQUET_SECONDS)
    except BrokenProcessPool as problem:
        raise _no_parquet(path, str(problem)) from None
    return LabelFile(path, "Parquet", "", lines)


def _parquet_lines(path: Path, content: bytes, beginning: bool) -> dict[int, list[str]]:
    """Return the names of the columns and, unless only the beginning is asked for, the rows; an empty value is empty text."""
    from pyarrow import BufferReader, parquet

    try:
        file = parquet.ParquetFile(BufferReader(content))
        lines = [list(map(str, file.schema_arrow.names))]
        if not beginning:
            columns = [column.to_pylist() for column in file.read(use_threads=False).columns]
            lines += [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
    except Exception as error:  # Arrow raises many kinds
        raise _no_parquet(path, str(error)) from None
    return dict(enumerate(lines, 1))


def _no_parquet(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: not a whole Parquet file ({reason[:SHOWN]}); save it anew, or as a CSV")


def _decode(path: Path, content: bytes, errors: str) -> tuple[str, str]:
    """Return the encoding and the text."""
    for encoding in _encodings(content):
        try:
            text = content.decode(encoding, errors if encoding.startswith("utf-16") else "strict")
            return encoding, io.StringIO(text.removeprefix("\ufeff"), newline=None).read()
        except UnicodeDecodeError as error:
            if encoding == "utf-16":
                raise InputError(f"{path}: its {encoding} is damaged ({error.reason}); save it anew, as UTF-8") from None
    raise AssertionError("every byte is a character of latin-1")


def _encodings(content: bytes) -> Sequence[str]:
    """Return the encodings to try: UTF-16 is told by its mark, or by the zero in the first character."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    if 0 in content[:2]:
        return ["utf-16-le" if content[0] else "utf-16-be", *PLAIN]
    return PLAIN


def _split(path: Path, encoding: str, text: str) -> LabelFile:
    lines = {number: line for number, line in enumerate(text.split("\n"), 1) if line.strip()}
    separator = _separator(list(lines.values()))
    return LabelFile(path, encoding, separator, {number: _fields(line, separator) for number, line in lines.items()})


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that most lines hold; of several, one of the first line; a comma where there is none."""
    held = {separator: (sum(separator in line for line in lines), separator in lines[0]) for separator in SEPARATORS if lines}
    most = max(held, key=lambda separator: held[separator], default=",")
    return most if any(most in line for line in lines) else ","


def _fields(line: str, separator: str) -> list[str]:
    """Return the fields of a line. A field never goes on in the next line, so an open quote ends with its own."""
    try:
        fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:  # longer than any field is
        fields = line.split(separator)
    return [field.strip() for field in fields]
