"""Downloads, from a server on this machine that can misbehave."""

import contextlib
import hashlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from pml.datasets import fetch as fetching
from pml.datasets.fetch import fetch, fetch_archive
from pml.errors import InputError
from pml.task import Task

CONTENT = bytes(range(256)) * 10_000  # 2.6 MB
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
HALF = 1_234_567  # bytes, no whole number of anything
PAGE = b"\n<!DOCTYPE html><title>Log in</title>"


class Handler(BaseHTTPRequestHandler):
    """Answers as the test says."""

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        with contextlib.suppress(ConnectionError):  # the other side may have heard enough
            self.server.answer(self)

    def send(self, content=CONTENT, status=200, length=None, **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(content) if length is None else length} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(content)

    def send_rest(self, content=CONTENT, until=None, **version):
        """Send what is asked for of this version, or break off at the byte `until`."""
        asked = self.headers.get("Range")
        if asked is None or self.headers.get("If-Range") not in (None, *version.values()):
            return self.send(content[:until], length=len(content), **version)
        start = int(asked[len("bytes=") : -1])
        if start >= len(content):
            return self.send(b"", 416, Content_Range=f"bytes */{len(content)}")
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.send(content[start:until], 206, len(content) - start, Content_Range=span, **version)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.ranges, server.answer = [], Handler.send_rest
        server.url = f"http://127.0.0.1:{server.server_port}/A"
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()  # polls every 10 ms
        yield server
        server.shutdown()


@pytest.fixture
def output(tmp_path):
    return tmp_path / "A.zip"


@pytest.fixture
def part(tmp_path):
    """What a killed transfer has left."""
    return tmp_path / ".A.zip.part"


def answers(server, *given):
    """Let the server give these answers in turn, the last one for ever."""
    turns = count()
    server.answer = lambda handler: given[min(next(turns), len(given) - 1)](handler)


def breaks_off(handler):
    handler.send_rest(until=HALF)


def refused(url, output, checksum=MD5):
    """Return the one line, which names the URL and where to put the file."""
    with pytest.raises(InputError) as error:
        fetch(url, output, checksum, pause=0)
    message = str(error.value)
    assert url in message and f"by hand as {output}" in message and "\n" not in message and not output.exists()
    return message


@pytest.mark.parametrize("checksum", [MD5, SHA256, MD5.upper(), None])
def test_the_file_arrives_whole(server, tmp_path, checksum):
    output = tmp_path / "resources" / "A.zip"
    fetch(server.url, output, checksum)
    assert output.read_bytes() == CONTENT
    assert list(output.parent.iterdir()) == [output]


def test_a_file_that_is_there_is_not_downloaded_again(server, output):
    for _ in range(2):
        fetch(server.url, output, MD5)
    assert len(server.ranges) == 1


def test_a_file_of_another_content_is_replaced_and_named(server, output, capsys):
    output.write_bytes(b"other")
    fetch(server.url, output, MD5)
    assert output.read_bytes() == CONTENT
    found = hashlib.md5(b"other").hexdigest()
    assert f"{output}: its md5 is {found}, expected {MD5[4:]}, with 5 bytes; it is downloaded again" in capsys.readouterr().err


@pytest.mark.parametrize("checksum", [MD5, None])
def test_a_broken_transfer_goes_on_from_its_last_byte(server, output, checksum):
    answers(server, breaks_off, Handler.send_rest)
    fetch(server.url, output, checksum, pause=0)
    assert server.ranges == [None, f"bytes={HALF}-"] and output.read_bytes() == CONTENT


def test_a_killed_transfer_goes_on_from_its_last_byte_when_asked_for_again(server, output, part, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):

        def kill(chunks, *arguments):
            next(chunks)
            raise KeyboardInterrupt

        patched.setattr(fetching, "progress", kill)
        fetch(server.url, output, MD5)
    size = part.stat().st_size
    assert list(output.parent.iterdir()) == [part] and size >= fetching.CHUNK
    fetch(server.url, output, MD5)
    assert server.ranges[-1] == f"bytes={size}-"
    assert output.read_bytes() == CONTENT and not part.exists()


def test_a_killed_transfer_without_a_checksum_begins_again(server, output, part):
    part.write_bytes(CONTENT[:HALF])
    fetch(server.url, output)
    assert server.ranges == [None] and output.read_bytes() == CONTENT


def test_a_server_that_cannot_resume_sends_it_all_again(server, output):
    answers(server, breaks_off, Handler.send)
    fetch(server.url, output, MD5, pause=0)
    assert output.read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["ETag", "Last_Modified"])
def test_a_file_that_has_changed_between_two_attempts_begins_again(server, output, name):
    answers(
        server,
        lambda handler: handler.send_rest(bytes(len(CONTENT)), HALF, **{name: "old"}),
        lambda handler: handler.send_rest(**{name: "new"}),
    )
    fetch(server.url, output, pause=0)
    assert output.read_bytes() == CONTENT


def test_what_is_left_of_another_version_is_not_kept(server, output, part):
    part.write_bytes(bytes(HALF))
    fetch(server.url, output, MD5)
    assert server.ranges == [f"bytes={HALF}-", None] and output.read_bytes() == CONTENT


def test_a_part_that_is_all_of_it_is_taken(server, output, part):
    part.write_bytes(CONTENT)
    fetch(server.url, output, MD5)
    assert server.ranges == [f"bytes={len(CONTENT)}-"] and output.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_not_kept(server, output, part):
    part.write_bytes(CONTENT + b"more")
    fetch(server.url, output, MD5, pause=0)
    assert output.read_bytes() == CONTENT


@pytest.mark.parametrize("span", ["bytes 0-9/10", "items 1-2/3", ""])
def test_another_part_than_was_asked_for_is_not_appended(server, output, part, span):
    part.write_bytes(CONTENT[:HALF])
    answers(server, lambda handler: handler.send(CONTENT[HALF:], 206, Content_Range=span), Handler.send_rest)
    fetch(server.url, output, MD5, pause=0)
    assert server.ranges == [f"bytes={HALF}-", None] and output.read_bytes() == CONTENT


def test_a_server_that_sends_less_than_it_says_is_told_from_a_wrong_checksum(server, output, part):
    answers(server, lambda handler: handler.send(CONTENT[:HALF], length=len(CONTENT)))
    assert "the server sent 1,234,567 of 2,560,000 bytes" in refused(server.url, output)
    assert len(server.ranges) == fetching.ATTEMPTS
    assert part.read_bytes() == CONTENT[:HALF], "the next start goes on from there"


def test_a_server_that_says_too_large_a_size_once_is_forgiven(server, output):
    answers(server, lambda handler: handler.send(length=len(CONTENT) + 1), Handler.send_rest)
    fetch(server.url, output, MD5, pause=0)
    assert output.read_bytes() == CONTENT


def drips(size, times):
    """An answer that comes in pieces of `size` bytes, 10 ms apart."""

    def drip(handler):
        handler.send(b"", length=size * times)
        for _ in range(times):
            handler.wfile.write(bytes(size))
            time.sleep(0.01)

    return drip


def test_a_server_that_hardly_sends_anything_is_given_up(server, output, monkeypatch):
    monkeypatch.setattr(fetching, "SLOWEST", 10_000)
    monkeypatch.setattr(fetching, "SPAN", 0.03)
    answers(server, drips(1, 1000))
    assert "of 1,000 bytes, the last" in refused(server.url, output)


def test_a_slow_line_is_let_through(server, output, monkeypatch):
    monkeypatch.setattr(fetching, "SLOWEST", 10)
    monkeypatch.setattr(fetching, "SPAN", 0.03)
    answers(server, drips(100, 10))
    fetch(server.url, output)
    assert output.stat().st_size == 1000


def test_a_server_that_falls_silent_is_given_up(server, output, monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT", 0.1)
    silence = threading.Event()
    answers(server, lambda handler: handler.send(b"first", length=9) or handler.wfile.flush() or silence.wait(5))
    assert "sent 5 of 9 bytes, then none for 0.1 s" in refused(server.url, output)
    silence.set()


def test_a_wrong_checksum_is_an_error_with_both_values_and_leaves_nothing(server, output):
    wrong = "md5:" + "0" * 32
    message = refused(server.url, output, wrong)
    assert f"its md5 is {MD5[4:]}, expected {wrong[4:]}, with 2,560,000 bytes" in message
    assert not list(output.parent.iterdir())


@pytest.mark.parametrize("checksum", [MD5, None])
def test_a_web_page_in_place_of_the_file_is_refused(server, output, checksum):
    answers(server, lambda handler: handler.send(PAGE, Content_Type="text/html"))
    assert "a web page in its place, perhaps because one has to log in" in refused(server.url, output, checksum)
    assert not list(output.parent.iterdir())


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_answer_without_the_file_is_an_error(server, output, part, status):
    part.touch()  # of a process that was killed before the first byte
    answers(server, lambda handler: handler.send_error(status))
    assert f"the server answers '{status} " in refused(server.url, output)
    assert not list(output.parent.iterdir())


def test_redirects_in_a_circle_are_an_error(server, output):
    answers(server, lambda handler: handler.send(b"", 302, Location=server.url))
    assert "Exceeded 30 redirects" in refused(server.url, output)


def test_a_server_that_is_not_there_is_an_error(server, output):
    server.shutdown()
    server.server_close()
    assert "Connection refused" in refused(server.url, output)
    assert not list(output.parent.iterdir())


def test_a_download_goes_through_the_proxy_of_the_environment(server, output, monkeypatch):
    asked = []
    server.answer = lambda handler: asked.append(handler.path) or handler.send()
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):  # the name in small letters is read first
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/A"))
    fetch("http://archive.invalid/A.zip", output, MD5)
    assert asked == ["http://archive.invalid/A.zip"] and output.read_bytes() == CONTENT


def test_a_proxy_that_refuses_is_named(server, output, monkeypatch):
    server.answer = lambda handler: None
    for name in ("NO_PROXY", "no_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", server.url.removesuffix("/A"))  # which answers no CONNECT
    assert "proxy" in refused("https://archive.invalid/A.zip", output)


def test_a_server_that_cannot_be_trusted_is_an_error(server, output):
    assert "SSL" in refused(server.url.replace("http:", "https:"), output)


def test_a_host_that_has_no_address_is_an_error(output, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert "Failed to resolve 'example.org'" in refused("http://example.org/A.zip", output)


@pytest.mark.parametrize("url", ["FGNET.zip", "gopher://127.0.0.1/FGNET.zip"])
def test_what_is_no_web_address_is_an_error(url, output):
    assert "cannot be downloaded" in refused(url, output)


def test_a_folder_that_cannot_be_written_is_an_error(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/A.zip: cannot be written, a file is where a folder should be"):
        fetch(server.url, tmp_path / "file" / "A.zip", MD5)


def test_a_stage_fetches_what_its_settings_name_and_shows_progress_as_plain_lines(server, output, capsys):
    outputs = {"archive": str(output)}
    fetch_archive(Task("fetch_archive", {}, {}, outputs, {"url": server.url, "checksum": MD5}))
    assert output.read_bytes() == CONTENT and "A.zip (MB): 3 done" in capsys.readouterr().err


def test_a_checksum_of_another_kind_is_refused_before_anything_is_fetched(server, output):
    with pytest.raises(InputError, match="checksum 'crc32:00': write md5: and 32, or sha256: and 64 hexadecimal digits"):
        fetch(server.url, output, "crc32:00")
