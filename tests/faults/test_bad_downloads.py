"""Whatever a server does, the right file comes or there is one error; later it comes from a server that works."""

import contextlib
import hashlib
import random
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pml.datasets import fetch as stage
from pml.datasets.fetch import fetch
from pml.errors import InputError

COUNT = 500
CONTENT = random.Random(0).randbytes(50_000)
CHECKSUM = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
ERRORS = [400, 401, 403, 404, 416, 429, 500, 503]


class Server(ThreadingHTTPServer):
    """Answers each request as `chance` has it, or well if that is None."""

    chance: random.Random | None = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        chance = self.server.chance
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        way = chance.choice(WAYS) if chance else Handler.well
        with contextlib.suppress(ConnectionError):  # the other side has heard enough
            way(self, min(start, len(CONTENT)), chance)
        self.close_connection = True

    def answer(self, start: int, body: bytes, length: int | None = None, status: int | None = None) -> None:
        self.send_response(status or (206 if start else 200))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def well(self, start, chance):
        self.answer(start, CONTENT[start:])

    def without_resuming(self, start, chance):
        self.answer(0, CONTENT)

    def cut(self, start, chance):
        self.answer(start, CONTENT[start : chance.randint(start, len(CONTENT))], len(CONTENT) - start)

    def cut_with_a_wrong_length(self, start, chance):
        self.answer(start, CONTENT[start : chance.randint(start, len(CONTENT))])

    def without_a_length(self, start, chance):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT[: chance.choice([len(CONTENT), chance.randrange(len(CONTENT))])])

    def another_part(self, start, chance):
        other = chance.randrange(len(CONTENT))
        self.answer(other, CONTENT[other:])

    def changed(self, start, chance):
        self.answer(start, bytes([CONTENT[-1] ^ 1]) + CONTENT[start + 1 :] if start < len(CONTENT) else b"")

    def web_page(self, start, chance):
        self.answer(0, b"<!DOCTYPE html><html>Log in</html>")

    def error(self, start, chance):
        self.answer(0, b"no", status=chance.choice(ERRORS))

    def circle(self, start, chance):
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def garbage(self, start, chance):
        self.wfile.write(chance.randbytes(100))

    def hang(self, start, chance):
        self.connection.settimeout(0.3)
        with contextlib.suppress(TimeoutError, ConnectionError):
            self.connection.recv(1)

    def reset(self, start, chance):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


WAYS = [
    *(
        Handler.well,
        Handler.without_resuming,
        Handler.cut,
        Handler.cut,
        Handler.cut_with_a_wrong_length,
        Handler.without_a_length,
    ),
    *(Handler.another_part, Handler.changed, Handler.web_page, Handler.error, Handler.circle, Handler.garbage, Handler.hang),
    Handler.reset,
]


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_a_download_is_right_or_one_error(server, campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "TIMEOUT", 0.1)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    url, output, tried = f"http://127.0.0.1:{server.server_port}/A.zip", tmp_path / "A.zip", campaign("download")
    for chance in tried.trials(COUNT):
        server.chance = chance
        try:
            fetch(url, output, CHECKSUM, pause=0)
            tried.count("came")
        except InputError as error:
            assert url in str(error) and str(output) in str(error)
            assert {path.name for path in tmp_path.iterdir()} <= {".A.zip.part"}
            tried.count("refused")
        server.chance = None
        fetch(url, output, CHECKSUM, pause=0)
        assert output.read_bytes() == CONTENT and [path.name for path in tmp_path.iterdir()] == ["A.zip"]
        output.unlink()
