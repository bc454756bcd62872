"""Downloads, from a server on this machine."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pml.datasets import fetch as fetching
from pml.datasets.fetch import fetch, fetch_archive
from pml.errors import InputError
from pml.task import Task

CONTENT = bytes(range(256)) * 10_000  # 2.6 MB
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT at /whole; /broken and /stubborn break off halfway the first time, only /broken can resume."""

    def do_GET(self):
        requested = self.headers.get("Range")
        self.server.ranges.append(requested)
        if self.path == "/missing":
            return self.send_error(404)
        start = int(requested[len("bytes=") : -1]) if requested and self.path == "/broken" else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        breaks_off = self.path != "/whole" and len(self.server.ranges) == 1
        self.wfile.write(CONTENT[start : len(CONTENT) // 2 if breaks_off else None])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.ranges = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()  # polls every 10 ms
        yield server
        server.shutdown()


@pytest.mark.parametrize("checksum", [MD5, SHA256, MD5.upper(), None])
def test_the_file_arrives_whole(server, tmp_path, checksum):
    output = tmp_path / "resources" / "A.zip"
    fetch(server.url + "/whole", output, checksum)
    assert output.read_bytes() == CONTENT
    assert list(output.parent.iterdir()) == [output]


def test_a_file_that_is_there_is_not_downloaded_again(server, tmp_path):
    for _ in range(2):
        fetch(server.url + "/whole", tmp_path / "A.zip", MD5)
    assert len(server.ranges) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(server, tmp_path):
    fetch(server.url + "/broken", tmp_path / "A.zip", MD5, pause=0)
    assert server.ranges[0] is None
    assert 0 < int(server.ranges[1][len("bytes=") : -1]) <= len(CONTENT) // 2
    assert (tmp_path / "A.zip").read_bytes() == CONTENT


def test_a_killed_transfer_goes_on_where_it_stopped_when_asked_for_again(server, tmp_path, monkeypatch):
    write, killed = fetching.progress, []

    def kill_once(chunks, *arguments):
        for chunk in write(chunks, *arguments):
            yield chunk
            if not killed:
                killed.append(True)
                raise KeyboardInterrupt

    monkeypatch.setattr(fetching, "progress", kill_once)
    server.ranges.append("no break")  # /broken serves all it is asked for
    with pytest.raises(KeyboardInterrupt):
        fetch(server.url + "/broken", tmp_path / "A.zip", MD5)
    assert [path.name for path in tmp_path.iterdir()] == [".A.zip.part"]
    fetch(server.url + "/broken", tmp_path / "A.zip", MD5)
    assert server.ranges[-1] == f"bytes={fetching.CHUNK}-"
    assert (tmp_path / "A.zip").read_bytes() == CONTENT and len(list(tmp_path.iterdir())) == 1


def test_a_server_that_cannot_resume_sends_it_all_again(server, tmp_path):
    fetch(server.url + "/stubborn", tmp_path / "A.zip", MD5, pause=0)
    assert (tmp_path / "A.zip").read_bytes() == CONTENT


def test_a_wrong_checksum_is_an_error_with_both_values_and_leaves_nothing(server, tmp_path):
    wrong = "md5:" + "0" * 32
    with pytest.raises(InputError) as error:
        fetch(server.url + "/whole", tmp_path / "A.zip", wrong)
    assert wrong in str(error.value) and MD5[4:] in str(error.value) and "by hand" in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_missing_file_is_an_error_that_names_the_url(server, tmp_path):
    with pytest.raises(InputError, match="/missing.*404.*by hand"):
        fetch(server.url + "/missing", tmp_path / "A.zip", MD5)
    assert not list(tmp_path.iterdir())


def test_no_network_is_an_error_that_says_how_to_do_without(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(InputError, match=r"by hand and name the file .* datasets\.<name>\.archives"):
        fetch(server.url + "/whole", tmp_path / "A.zip", MD5, pause=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["FGNET.zip", "gopher://127.0.0.1/FGNET.zip"])
def test_what_is_no_web_address_is_an_error(url, tmp_path):
    with pytest.raises(InputError, match="by hand"):
        fetch(url, tmp_path / "A.zip")


def test_a_stage_fetches_what_its_settings_name_and_shows_progress_as_plain_lines(server, tmp_path, capsys):
    outputs = {"archive": str(tmp_path / "A.zip")}
    fetch_archive(Task("fetch_archive", {}, {}, outputs, {"url": server.url + "/whole", "checksum": MD5}))
    assert (tmp_path / "A.zip").read_bytes() == CONTENT and "A.zip (MB): 3 done" in capsys.readouterr().err


def test_a_checksum_of_another_kind_is_refused_before_anything_is_fetched(server, tmp_path):
    with pytest.raises(InputError, match="checksum 'crc32:00': write md5: and 32, or sha256: and 64 hexadecimal digits"):
        fetch(server.url + "/whole", tmp_path / "A.zip", "crc32:00")
