"""Stage: download an archive, and keep the file only if its checksum is right."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pooch
import requests
import urllib3

from pml.datasets.archives import parse_checksum
from pml.errors import InputError
from pml.files import put_in_place, writing
from pml.progress import progress
from pml.task import Task

ATTEMPTS = 3
TIMEOUT = 60  # seconds without a byte
SLOWEST, SPAN = 1000, 60  # bytes a second on average over so many seconds: less is a server that hangs, not a slow line
CHUNK = 2**20  # one step of the progress bar: 1 MB
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
HTML = b"<!doctype html", b"<html"


class BrokenOff(requests.ConnectionError):
    """A transfer ended too early; the message says how."""


TRANSIENT = (requests.ConnectionError, requests.Timeout)


def fetch_archive(task: Task) -> None:
    """Download an archive of a data set."""
    fetch(task.settings["url"], task.outputs["archive"], task.settings["checksum"])


def fetch(url: str, output: str | Path, checksum: str | None = None, pause: float = 2.0) -> None:
    """Download `url` to `output`, unless a file with that checksum is there already.

    A transfer that breaks off goes on from the byte where it stopped, if the server can, up to `ATTEMPTS` times; one that is
    killed does so when it is asked for again. What has come so far waits beside `output` as `.<name>.part`.

    Args:
        checksum: `md5:HEX` or `sha256:HEX`; None takes the file as it comes, and one that is there as it is.
        pause: seconds before the second attempt; each further pause is twice as long.

    Raises:
        InputError: the server cannot be reached, has no such file, sends only a part of it, a web page in its place, or a file
            with another checksum; or the file cannot be written.
    """
    output = Path(output)
    part, remedy = output.with_name(f".{output.name}.part"), f"or download it by hand as {output}"
    if checksum is not None:
        parse_checksum(checksum)
    with writing(output, part):
        if output.exists():
            fault = _fault(output, checksum)
            if not fault:
                return
            print(f"{output}: {fault}; it is downloaded again", file=sys.stderr, flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        if checksum is None or not _size(part):
            part.unlink(missing_ok=True)  # without a checksum nothing would tell whether the rest belongs to it
        resumed = part.exists()
        try:
            _download(url, part, output.name, pause)
            if resumed and _fault(part, checksum):  # what was there may be of an earlier version
                part.unlink()
                _download(url, part, output.name, pause)
        except requests.HTTPError as error:
            raise InputError(f"{url}: the server answers '{error}'; correct the URL, {remedy}") from None
        except requests.RequestException as error:
            raise InputError(
                f"{url}: cannot be downloaded ({_reason(error)}); check the network and try again, {remedy}"
            ) from None
        if fault := _fault(part, checksum):
            part.unlink()
            raise InputError(f"{url}: {fault}; try again; if the owners moved or changed it, correct the config, {remedy}")
        put_in_place(part, output)


def _reason(error: requests.RequestException) -> object:
    """Return the cause inside requests' wrapping, if there is one, which is what a user can act on."""
    return getattr(error.args[0] if error.args else None, "reason", error)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _fault(path: Path, checksum: str | None) -> str | None:
    """Return what is wrong with a file that was downloaded."""
    difference = None
    if checksum is not None:
        algorithm, expected = parse_checksum(checksum)
        found = pooch.file_hash(str(path), alg=algorithm)
        if found == expected:
            return None
        difference = f"its {algorithm} is {found}, expected {expected}, with {_size(path):,} bytes"
    with path.open("rb") as file:
        is_page = file.read(1000).lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(HTML)
    return "the server sends a web page in its place, perhaps because one has to log in" if is_page else difference


def _download(url: str, part: Path, name: str, pause: float) -> None:
    version: dict[str, str] = {}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _download_rest(url, part, name, version)
        except TRANSIENT as error:
            if attempt == ATTEMPTS:
                raise
            print(f"{name}: attempt {attempt} of {ATTEMPTS} broke off ({_reason(error)})", file=sys.stderr, flush=True)
            time.sleep(pause * 2 ** (attempt - 1))


def _download_rest(url: str, part: Path, name: str, version: dict[str, str]) -> None:
    """Append to `part` what it lacks of `url`; begin again if the server cannot resume.

    Args:
        version: header that asks for the rest of the version of the file that has come so far; it is kept up to date.
    """
    done = _size(part)
    # Compressed in transit, the bytes could neither be counted nor resumed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} | version if done else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        given, size = response.headers, response.headers.get("Content-Length", "*")
        if done and response.status_code == requests.codes.requested_range_not_satisfiable:
            if given.get("Content-Range", f"bytes */{done}") == f"bytes */{done}":
                return  # all of it is here already; the checksum decides
            part.unlink()
            raise BrokenOff(f"the server has fewer than the {done:,} bytes that are here")
        response.raise_for_status()
        if response.status_code == requests.codes.partial_content:
            match = CONTENT_RANGE.fullmatch(given.get("Content-Range", ""))
            if match is None or int(match[1]) != done:
                part.unlink(missing_ok=True)
                raise BrokenOff("the server sends another part of the file than was asked for")
            size = match[2]
        else:
            done = 0
        strong = [value for value in (given.get("ETag"), given.get("Last-Modified")) if value and not value.startswith("W/")]
        version.update({"If-Range": strong[0]} if strong else {})
        total = int(size) if size.isdecimal() else None
        with part.open("ab" if done else "wb") as file:
            steps = None if total is None else -(-(total - done) // CHUNK)
            for _ in progress(_copy(response.raw, file, done, total), f"{name} (MB)", steps):
                pass


def _copy(source: urllib3.BaseHTTPResponse, file: IO[bytes], done: int, total: int | None) -> Iterator[None]:
    """Write what comes as it comes, and yield after each `CHUNK` bytes and at the end.

    Args:
        done: bytes that were there before.
        total: bytes that there should be at the end, if the server tells.
    """
    shown, start, began = done, done, time.monotonic()
    end = ""
    try:
        while block := source.read1(CHUNK):
            file.write(block)
            done += len(block)
            if done - shown >= CHUNK:
                shown += CHUNK
                yield
            if (seconds := time.monotonic() - began) >= SPAN:
                if done - start < SLOWEST * seconds:
                    end = f", the last {done - start:,} in {seconds:.0f} s"
                    break
                start, began = done, time.monotonic()
    except urllib3.exceptions.ReadTimeoutError:
        end = f", then none for {TIMEOUT} s"
    except urllib3.exceptions.HTTPError:
        pass  # fewer than it should be
    if end or done != (total or done):
        raise BrokenOff(f"the server sent {done:,} of {'?' if total is None else f'{total:,}'} bytes{end}")
    if done > shown:
        yield
