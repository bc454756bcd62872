import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pandas.testing import assert_frame_equal

from pml.errors import InputError
from pml.files import SCHEMAS, load_schema, read_table, replacing, replacing_folder, write_table

INDEX = "image,subject,age,age_std,gender,race,part,picture,left,top,right,bottom\n"


def write_text(folder, text):
    path = folder / "index.csv"
    path.write_text(text)
    return path


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


text = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
number = st.floats(0, 120)
rows = st.fixed_dictionaries(
    {
        "image": text,
        "subject": st.none() | text | st.sampled_from(["NA", "001", "nan", "None", "1e5"]),
        "age": number,
        "age_std": st.none() | number,
        "gender": st.sampled_from([None, "female", "male"]),
        "race": st.none() | text,
        "part": st.sampled_from([None, "train", "test"]),
    }
)


NUMBERS = ("picture", "age", "age_std", "left", "top", "right", "bottom")


@settings(max_examples=15)
@given(st.lists(rows, max_size=4))
def test_table_survives_the_file(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "index.csv"
    frame = pd.DataFrame(rows, columns=list(load_schema("index")["properties"]))
    for name in frame:
        frame[name] = frame[name].astype("float64" if name in NUMBERS else "str")
    write_table(frame, path, "index")
    before = path.read_bytes()
    found = read_table(path, "index")
    assert_frame_equal(found, frame, check_exact=True)
    write_table(found, path, "index")
    assert path.read_bytes() == before


def test_columns_are_written_in_the_schema_s_order(tmp_path):
    frame = pd.DataFrame({"part": ["test"], "image": ["a"], "fold": [1]})
    write_table(frame, tmp_path / "folds.csv", "folds")
    assert (tmp_path / "folds.csv").read_text() == "fold,image,part\n1,a,test\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not a index table"),
        ("image,age\na,3\n", "columns missing: \\['subject'.*"),
        (INDEX.replace("bottom", "bottom,shoe") + "a,s,3,,,,,,,,,,42\n", ".*unknown: \\['shoe'\\]"),
        (INDEX + "a,s,old,,,,\n", "not a index table.*old"),
        (INDEX + "a,s,,,,,\n", "column 'age' is empty in row 1"),
        (INDEX + "a,s,3,,,,\n,s,3,,,,\n", "column 'image' is empty in row 2"),
        (INDEX + "a,s,121,,,,\n", "column 'age' holds .*121.*'maximum': 120"),
        (INDEX + "a,s,3,-1,,,\n", "column 'age_std' holds .*-1.*'minimum': 0"),
        (INDEX + "a,s,3,,woman,,\n", "column 'gender' holds 'woman'.*female"),
    ],
)
def test_bad_table_is_refused_by_file_and_column(tmp_path, text, message):
    path = write_text(tmp_path, text)
    with pytest.raises(InputError, match=f"index.csv: {message}"):
        read_table(path, "index")


def test_whole_numbers_are_asked_for(tmp_path):
    (tmp_path / "folds.csv").write_text("fold,image,part\n1.5,a,test\n")
    with pytest.raises(InputError, match="column 'fold' holds .*1.5.*whole numbers"):
        read_table(tmp_path / "folds.csv", "folds")


def test_missing_table_names_the_file_and_the_remedy(tmp_path):
    with pytest.raises(InputError, match="absent.csv: no such file; run the stage that writes it"):
        read_table(tmp_path / "absent.csv", "index")


def test_bad_table_is_not_written(tmp_path):
    with pytest.raises(InputError, match="predicted_age' is empty"):
        frame = pd.DataFrame({"image": ["a"], "age": [3.0], "predicted_age": [np.nan]})
        write_table(frame, tmp_path / "predictions.csv", "predictions")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_schema_names_its_columns(path):
    schema = load_schema(path.name.removesuffix(".schema.yaml"))
    assert schema["description"] and schema["properties"].keys() >= set(schema.get("optional", []))
    # A comma in a text without quotes begins a key of no value.
    assert all(column and None not in column.values() for column in schema["properties"].values())


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
