"""Stage: download an archive, and keep the file only if its checksum is right."""

import sys
import time
from pathlib import Path

import pooch
import requests

from pml.datasets.archives import parse_checksum
from pml.errors import InputError
from pml.files import put_in_place, writing
from pml.progress import progress
from pml.task import Task

ATTEMPTS = 3
TIMEOUT = 60  # seconds without a byte
CHUNK = 2**20  # one step of the progress bar: 1 MB
TRANSIENT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
NAME_IT = "name the file in the config under datasets.<name>.archives"


def fetch_archive(task: Task) -> None:
    """Download an archive of a data set."""
    fetch(task.settings["url"], task.outputs["archive"], task.settings["checksum"])


def fetch(url: str, output: str | Path, checksum: str | None = None, pause: float = 2.0, by_hand: str = NAME_IT) -> None:
    """Download `url` to `output`, unless a file with that checksum is there already.

    A transfer that breaks off goes on from where it stopped, if the server can, up to `ATTEMPTS` times; one that is killed does
    so when it is asked for again. What has come so far waits beside `output` as `.<name>.part`.

    Args:
        checksum: `md5:HEX` or `sha256:HEX`; None takes the file as it comes, and one that is there as it is.
        pause: seconds before the second attempt; each further pause is twice as long.
        by_hand: what to do with the file once it was downloaded by hand, for the message of an error.

    Raises:
        InputError: the server cannot be reached, has no such file, or sends one with another checksum.
    """
    output, remedy = Path(output), f"download it by hand and {by_hand}"
    expected = None if checksum is None else ":".join(parse_checksum(checksum))
    if output.exists() and expected in (None, _checksum(output, expected)):
        return
    part = output.with_name(f".{output.name}.part")
    with writing(output, part):
        output.parent.mkdir(parents=True, exist_ok=True)
        if expected is None:
            part.unlink(missing_ok=True)  # nothing would tell whether the rest belongs to it
        try:
            _download(url, part, output.name, pause)
        except requests.HTTPError as error:
            raise InputError(f"{url}: the server answers '{error}'; correct the URL, or {remedy}") from None
        except requests.RequestException as error:
            raise InputError(f"{url}: cannot be downloaded ({_reason(error)}); check the network, or {remedy}") from None
        if expected not in (None, found := _checksum(part, expected)):
            part.unlink()
            problem = f"the file that came has {found}, expected {expected}"
            raise InputError(f"{url}: {problem}; try again; if the owners changed the file, correct its checksum, or {remedy}")
        put_in_place(part, output)


def _checksum(path: Path, like: str | None) -> str | None:
    """Return the checksum of a file by the algorithm of another checksum."""
    if like is None:
        return None
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _reason(error: requests.RequestException) -> object:
    """Return the cause inside requests' wrapping, if there is one, which is what a user can act on."""
    return getattr(error.args[0] if error.args else None, "reason", error)


def _download(url: str, part: Path, name: str, pause: float) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _download_rest(url, part, name)
        except TRANSIENT as error:
            if attempt == ATTEMPTS:
                raise
            print(f"{name}: attempt {attempt} of {ATTEMPTS} broke off ({_reason(error)})", file=sys.stderr, flush=True)
            time.sleep(pause * 2 ** (attempt - 1))


def _download_rest(url: str, part: Path, name: str) -> None:
    """Append to `part` what it lacks of `url`; begin again if the server cannot resume."""
    done = part.stat().st_size if part.exists() else 0
    # Compressed in transit, the bytes could neither be counted nor resumed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # all of it is here already; the checksum decides
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        size = response.headers.get("Content-Length")
        steps = -(-int(size) // CHUNK) if size else None
        with part.open("ab" if resumed else "wb") as file:
            for chunk in progress(response.iter_content(CHUNK), f"{name} (MB)", steps):
                file.write(chunk)
