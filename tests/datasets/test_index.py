"""From an archive to the three tables."""

import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from pml.datasets import fgnet
from pml.datasets.index import index_images
from pml.errors import InputError
from pml.tables import read_table
from pml.task import Task

DATA = os.environ.get("PML_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set PML_TEST_DATA to a folder that holds FGNET.zip")
TABLES = ("index", "landmarks", "rejected", "findings")


def run(archive, output, checksum=None, options=None, format="fgnet"):
    outputs = {name: str(output / f"{name}.csv") for name in TABLES} | {"images": str(output / "images")}
    settings = {"format": format, "options": options or {}, "archives": [str(archive)], "checksums": [checksum]}
    index_images(Task("index_images", {}, {}, outputs, settings))
    return [read_table(output / f"{name}.csv", name) for name in TABLES[:3]]


def pack(path, names):
    points = "{" + " 1.5" * 136 + "}"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, points)
    return path


def test_the_tables_are_sorted_and_account_for_every_file(tmp_path, capsys):
    names = ["F/images/002A30.JPG", "F/images/001A05b.JPG", "F/README.md", "F/points/002a30.pts", "F/images/1.JPG"]
    index, landmarks, rejected = run(pack(tmp_path / "A.zip", names), tmp_path)
    assert list(index["image"]) == ["F/images/001A05b.JPG", "F/images/002A30.JPG"]
    assert list(index["subject"]) == ["001", "002"]
    assert list(landmarks["image"]) == ["F/images/002A30.JPG"]
    assert list(rejected["image"]) == ["F/README.md", "F/images/1.JPG"]
    assert len(names) == len(index) + len(landmarks) + len(rejected)
    assert capsys.readouterr().err.endswith("fgnet: 2 images, 2 subjects, ages 5-30, 2 rejected\n")


@pytest.mark.parametrize("unpacked", [False, True])
def test_the_images_of_the_index_and_nothing_else_are_left_below_the_root(tmp_path, unpacked):
    names = ["deep/down/images/001A05.JPG", "deep/README.md", "deep/points/001a05.pts", "other/list.csv"]
    archive = pack(tmp_path / "A.zip", names)
    if unpacked:
        zipfile.ZipFile(archive).extractall(tmp_path / "A")
        archive = tmp_path / "A"
    index, _, _ = run(archive, tmp_path)
    left = [path.relative_to(tmp_path / "images").as_posix() for path in (tmp_path / "images").rglob("*") if not path.is_dir()]
    assert left == list(index["image"]) == names[:1]
    assert not (tmp_path / "images/other").exists()
    if unpacked:
        assert all((archive / name).is_file() for name in names)


def test_a_second_run_replaces_the_first_and_writes_the_same_bytes(tmp_path):
    run(pack(tmp_path / "old.zip", ["images/009A09.JPG"]), tmp_path)
    archive = pack(tmp_path / "A.zip", ["images/001A05.JPG", "images/002A05.JPG"])
    tables = []
    for _ in range(2):
        run(archive, tmp_path)
        tables.append([(tmp_path / f"{name}.csv").read_bytes() for name in TABLES])
    assert tables[0] == tables[1]
    assert not (tmp_path / "images" / "images" / "009A09.JPG").exists()


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        ([], {}, ["A.zip: no image and nothing else", "001A02.JPG", "points", "right archive"]),
        (["images/001A05.JPG"], {"format": "fg-net"}, ["did you mean 'fgnet'?"]),
        (["images/001A05.JPG"], {"checksum": "md5:" + "0" * 32}, ["A.zip", "0" * 32]),
        (["../images/001A05.JPG"], {}, ["A.zip", "../images/001A05.JPG"]),
        (["images/001A05.JPG"], {"options": {"x": 1}}, ["format 'fgnet'", "unknown option 'x'"]),
    ],
)
def test_a_bad_archive_is_named_and_no_table_written(names, given, words, tmp_path):
    with pytest.raises(InputError) as refused:
        run(pack(tmp_path / "A.zip", names), tmp_path, **given)
    assert all(word in str(refused.value) for word in words)
    assert not list(tmp_path.glob("*.csv"))
    assert not (tmp_path / "images").exists(), "label files may hold birth dates"


def test_an_error_names_a_label_file_by_its_place_in_the_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "A.zip", "w") as archive:
        archive.writestr("list.csv", "image_1.jpg;27;3.81")
    with pytest.raises(InputError, match=f"^{tmp_path}/A.zip/list.csv: cannot tell the part"):
        run(tmp_path / "A.zip", tmp_path, format="chalearn")


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt])
def test_no_label_file_outlives_an_error_of_any_kind(error, tmp_path, monkeypatch):
    archive = pack(tmp_path / "A.zip", ["images/001A05.JPG", "birth_dates.csv"])

    def fail(*_):
        raise error

    monkeypatch.setattr(fgnet, "load", fail)
    with pytest.raises(error):
        run(archive, tmp_path)
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_no_label_file_outlives_the_next_start_after_a_kill_even_if_that_fails(sign, tmp_path):
    archive = pack(tmp_path / "A.zip", ["images/001A05.JPG", "birth_dates.csv"])
    program = """
        import sys
        from pathlib import Path
        from pml.datasets import fgnet
        sys.path.append(sys.argv[1])
        import test_index

        def wait(*_):
            print("unpacked", flush=True)
            input()

        fgnet.load = wait
        test_index.run(Path(sys.argv[2], "A.zip"), Path(sys.argv[2]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "unpacked\n"
        process.send_signal(sign)
    assert list(tmp_path.rglob("birth_dates.csv")), "else there is nothing to remove"
    archive.unlink()
    with pytest.raises(InputError, match="no such archive"):
        run(archive, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_folder_holds_and_cannot_be_reached_is_in_the_table_of_the_rejected(tmp_path):
    (tmp_path / "A" / "images").mkdir(parents=True)
    (tmp_path / "A" / "images" / "001A05.JPG").touch()
    (tmp_path / "A" / "images" / "002A05.JPG").symlink_to("nowhere")
    (tmp_path / "A" / "images" / os.fsdecode(b"\xe9.JPG")).touch()
    index, _, rejected = run(tmp_path / "A", tmp_path)
    assert list(index["image"]) == ["images/001A05.JPG"]
    assert list(rejected["image"]) == ["images/002A05.JPG", r"images/\xe9.JPG"]


def test_where_all_is_rejected_the_error_tells_the_three_most_frequent_reasons_and_a_table_tells_all(tmp_path):
    names = [*(f"images/{k}.JPG" for k in range(3)), "a/1.txt", "a/2.txt", "points/001a02.pts", "__MACOSX/x"]
    with pytest.raises(InputError) as refused:
        run(pack(tmp_path / "A.zip", names), tmp_path)
    message = str(refused.value)
    assert "7 rejected: 3 times 'name is not of the form 001A02.JPG'; 2 times 'neither in a folder" in message
    assert message.count(" times ") == 3 and str(tmp_path / "all_rejected.csv") in message
    assert sorted(read_table(tmp_path / "all_rejected.csv", "rejected")["image"]) == sorted(names)
    assert [path.name for path in tmp_path.iterdir() if path.name != "A.zip"] == ["all_rejected.csv"]
    run(pack(tmp_path / "A.zip", ["images/001A05.JPG"]), tmp_path)
    assert not (tmp_path / "all_rejected.csv").exists()


@pytest.mark.parametrize("given", ["out/images", "out/images/deep", "out", ".", "out/../out/images/", "link"])
def test_pictures_that_lie_where_the_images_go_are_refused_and_left_alone(given, tmp_path):
    picture = tmp_path / "out/images/deep/images/001A05.JPG"
    picture.parent.mkdir(parents=True)
    picture.touch()
    (tmp_path / "link").symlink_to(tmp_path / "out/images")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="is, holds or lies in .*images, which is deleted and made anew; move it elsewhere"):
        run(f"{tmp_path}/{given}", tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_missing_archive_is_an_error_that_says_how_to_obtain_it(tmp_path):
    with pytest.raises(InputError, match="none.zip: no such archive or folder.*yanweifu.github.io.*datasets.<name>.archives"):
        run(tmp_path / "none.zip", tmp_path)


@needs_data
def test_fgnet_has_its_published_counts(tmp_path):
    index, landmarks, rejected = run(Path(DATA) / "FGNET.zip", tmp_path)
    assert (len(index), len(landmarks), len(rejected)) == (1002, 1002, 0)
    assert index["subject"].nunique() == 82
    assert (index["age"].min(), index["age"].max(), index["age"].nunique()) == (0, 69, 63)
    assert list((index["age"] // 10).value_counts().sort_index()) == [371, 339, 144, 79, 46, 15, 8]
    assert index["image"].str.fullmatch(r".*[0-9][ab]\.JPG").sum() == 28
    # Left is the viewer's; the nose is below the eyes, and above the mouth but for one tilted head and one wide smile.
    assert (landmarks["left_eye_x"] < landmarks["right_eye_x"]).all()
    assert (landmarks["left_mouth_x"] < landmarks["right_mouth_x"]).all()
    eyes, mouth = (landmarks[[f"left_{name}_y", f"right_{name}_y"]].mean(axis=1) for name in ("eye", "mouth"))
    assert (eyes < landmarks["nose_y"]).all()
    assert list(landmarks.loc[landmarks["nose_y"] >= mouth, "image"].str[-10:]) == ["067A23.JPG", "077A16.JPG"]
