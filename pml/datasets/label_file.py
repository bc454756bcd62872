"""Label files as their owners, or a spreadsheet, write them: with one of a few encodings and one of a few separators."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pml.errors import InputError

SEPARATORS = {";": "semicolon", "\t": "tab", "|": "pipe", ",": "comma"}  # a decimal comma must not win over the others
SUFFIXES = (".csv", ".tsv", ".txt")
BEGINNING = 4096  # bytes that tell whether a file is a label file at all
PLAIN = ["utf-8", "cp1252", "latin-1"]
SHOWN = 200  # characters of a message
SAVE_ANEW = "save it as a UTF-8 CSV with these, or leave it out of the archives"


@dataclass(frozen=True)
class LabelFile:
    """A label file and how it was read.

    Attributes:
        encoding: name of it, as Python has it.
        separator: of the fields; one for the whole file.
        lines: {number from 1: fields} of the lines that are not blank.
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
        return InputError(
            f"{self.path}: {problem}; it was read as {self.encoding} with the separator {SEPARATORS[self.separator]}; "
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
        InputError: it is UTF-16 and damaged.
    """
    return _split(path, *_decode(path, path.read_bytes(), "strict"))


def read_beginning(path: Path) -> LabelFile:
    """Return the first lines of any file, binary ones, too, as if it were a label file."""
    with path.open("rb") as file:
        content = file.read(BEGINNING)
    whole_lines = content[: content.rfind(b"\n") + 1]  # a character may be cut behind them
    return _split(path, *_decode(path, whole_lines or content, "ignore"))


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
