import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from pml.errors import InputError
from pml.files import read_arrays, read_json, replacing, replacing_folder
from tests.damage import ANY, flipped


def test_replacing_shows_the_file_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists() and temporary.parent == path.parent and temporary.suffix == ".txt"
    assert path.read_text() == "half" and list(path.parent.iterdir()) == [path]


def test_failure_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_replacing_a_folder_shows_it_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "images"
    for content in "12":
        with replacing_folder(path) as folder:
            (folder / content).write_text("half")
            assert not (path / content).exists() and folder.name == "images"
        assert [file.name for file in path.iterdir()] == [content] and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [InputError("bad"), ValueError(), KeyboardInterrupt(), SystemExit()])
def test_failure_leaves_the_old_folder_and_no_temporary_one(tmp_path, error):
    (tmp_path / "images").mkdir()
    with pytest.raises(type(error)), replacing_folder(tmp_path / "images") as folder:
        (folder / "half").touch()
        raise error
    assert list(tmp_path.rglob("*")) == [tmp_path / "images"]


def test_the_folder_of_a_killed_process_goes_and_those_of_a_running_one_and_of_others_stay(tmp_path):
    program = """
        import sys
        from pml.files import replacing_folder
        with replacing_folder(sys.argv[1]) as folder:
            (folder / "birth dates").touch()
            print(folder.parent.name, flush=True)
            input()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "images")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    others = {".images.csv", ".images.12.csv", ".other.abcdefgh", "images.abcdefgh"}
    for name in others:
        (tmp_path / name).mkdir()

    def left():
        return {path.name for path in tmp_path.iterdir()} - others

    with subprocess.Popen(command, **pipes) as first, subprocess.Popen(command, **pipes) as second:
        killed, running = first.stdout.readline().strip(), second.stdout.readline().strip()
        first.kill()
        first.wait()
        assert left() == {killed, running}
        with replacing_folder(tmp_path / "images"):
            assert (tmp_path / running / "images" / "birth dates").exists()
        assert left() == {running, "images"}
        second.terminate()
    with replacing_folder(tmp_path / "images"):
        pass
    assert left() == {"images"} and len(list(tmp_path.iterdir())) == len(others) + 1


PAYLOAD = {"weights": torch.zeros(100_000)}
WRITERS = {
    "bytes": lambda file: file.write(b"0" * 100_000),
    "npz": lambda file: np.savez(file, weights=np.zeros(100_000)),
    "torch": lambda file: torch.save(PAYLOAD, file),
    "pdf": lambda file: Figure().savefig(file, format="pdf"),
    "png": lambda file: Figure().savefig(file, format="png"),
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_named_with_the_remedy_and_leaves_the_old_file(tmp_path, writer):
    path = tmp_path / "model.pt"
    path.write_text("old")
    message = r"model.pt: cannot be written, no space.*same command again"
    with pytest.raises(InputError, match=message), replacing(path), open("/dev/full", "wb") as file:
        WRITERS[writer](file)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), PermissionError(13, "Permission denied")])
def test_another_failure_stays_what_it_is(tmp_path, error):
    with pytest.raises(type(error), match=str(error.args[-1])), replacing(tmp_path / "model.pt"):
        raise error


REFUSED = {
    errno.EACCES: "no permission",
    errno.EROFS: "read-only",
    errno.EDQUOT: "your share of its disk",
    errno.EIO: "its disk fails",
    errno.EISDIR: "in its place|a folder where a file",
    errno.ESTALE: "Stale file handle; check the disk",
}


@pytest.mark.parametrize("number", REFUSED, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["replace", "fsync", "open"])
def test_what_the_disk_refuses_is_named_with_the_remedy_and_leaves_the_old_file(tmp_path, monkeypatch, number, call):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def refuse(*arguments, **options):
        raise OSError(number, os.strerror(number), *(() if call == "fsync" else (str(arguments[0]),)))

    named = call != "fsync" or number in (errno.EROFS, errno.EDQUOT, errno.EIO)  # what `write` itself can say
    expected = pytest.raises(InputError, match=f"table.csv: cannot be written, .*({REFUSED[number]})")
    with expected if named else pytest.raises(OSError), replacing(path) as temporary:
        temporary.write_text("new")
        monkeypatch.setattr(os, call, refuse)
    monkeypatch.undo()
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("writer", [replacing, replacing_folder])
@pytest.mark.parametrize("name", ["file/table", "file/deeper/table", "x" * 300, "x" * 300 + "/table"])
def test_a_place_where_nothing_can_be_written_is_named_with_the_remedy(tmp_path, writer, name):
    (tmp_path / "file").write_text("old")
    path = tmp_path / name
    message = "cannot be written, .*(a file is where a folder should be|name is too long)"
    with pytest.raises(InputError, match=message) as error, writer(path) as temporary:
        temporary.touch()
    assert str(error.value).startswith(str(path)) and [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("writer", [replacing, replacing_folder])
def test_an_error_of_another_file_stays_what_it_is(tmp_path, writer):
    with pytest.raises(FileNotFoundError), writer(tmp_path / "a"):
        (tmp_path / "b").read_text()


def test_a_file_gets_its_name_when_the_disk_has_it_and_the_folder_when_the_disk_has_its_files(tmp_path, monkeypatch):
    calls = []

    def watch(module, name, told):
        before = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: calls.append(told(*given)) or before(*given))

    watch(os, "fsync", lambda descriptor: ("fsync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name[:3]))
    watch(os, "sync", lambda: "sync")
    watch(os, "replace", lambda *paths: "replace")
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert calls == [("fsync", ".a."), "replace", ("fsync", tmp_path.name[:3])]
    calls.clear()
    with replacing_folder(tmp_path / "images") as folder:
        (folder / "1.jpg").touch()
    assert calls == ["sync", "replace", ("fsync", tmp_path.name[:3])]


@pytest.fixture
def arrays(tmp_path):
    np.savez(tmp_path / "a.npz", ages=np.arange(3), distribution=np.full((5, 3), 1 / 3, np.float32))
    return tmp_path / "a.npz"


@pytest.mark.parametrize("damage", ANY)
def test_arrays_are_nothing_else(arrays, damage):
    arrays.write_bytes(ANY[damage](arrays.read_bytes()))
    with pytest.raises(InputError, match="a.npz: not a file of arrays but .*; run again the stage that writes it"):
        read_arrays(arrays, ages=1, distribution=2)


def test_a_flipped_bit_of_arrays_is_refused_or_changes_nothing(arrays):
    content, whole = arrays.read_bytes(), read_arrays(arrays, ages=1, distribution=2)
    for position in range(len(content)):
        arrays.write_bytes(flipped(content, position, position % 8))
        try:
            found = read_arrays(arrays, ages=1, distribution=2)
        except InputError:
            continue
        assert all(np.array_equal(found[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"ages": np.zeros((3, 1))}, "'ages' has 2 dimensions; it needs 1"),
        ({"distribution": np.array([[1.0, np.nan]])}, "'distribution' holds what is no finite number"),
        ({"ages": np.array([None])}, "not a file of arrays"),
    ],
)
def test_arrays_of_another_kind_are_refused(arrays, changed, message):
    np.savez(arrays, **{"ages": np.arange(3), "distribution": np.ones((1, 3))} | changed)
    with pytest.raises(InputError, match=f"a.npz: {message}"):
        read_arrays(arrays, ages=1, distribution=2)


def test_a_missing_array_is_named(arrays):
    with pytest.raises(InputError, match="a.npz: has no array .*features"):
        read_arrays(arrays, features=2)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match="a.json: not JSON"):
        read_json(tmp_path / "a.json")


def test_what_a_killed_process_left_under_its_temporary_name_is_removed_and_what_a_running_one_writes_is_not(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    names = (f".a.{ended.pid}.txt", f".a.{os.getppid()}.txt", f".b.{ended.pid}.txt")
    killed, running, other = (tmp_path / name for name in names)
    for path in (killed, running, other):
        path.write_text("half")
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([running, other, tmp_path / "a.txt"])
