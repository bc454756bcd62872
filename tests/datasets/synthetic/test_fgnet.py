"""The archive: FG-NET's names and layout, faces that the detector finds."""

import io
import re
import zipfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from pml.datasets.synthetic.draw import draw_synthetic_archive, write_archive
from pml.datasets.synthetic.fgnet import write_fgnet
from pml.errors import InputError
from pml.task import Task

IMAGE = re.compile(r"FGNET/images/(\d{3})A(\d{2})([a-z]?)\.JPG")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("synthetic") / "FGNET.zip"
    write_fgnet(path, subjects=4, images=28, seed=0)
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_images_are_named_by_subject_and_age_and_each_has_points(archive):
    names = archive.namelist()
    images = [IMAGE.fullmatch(name) for name in names if name.startswith("FGNET/images/")]
    assert len(images) == 28 and all(images)
    assert {match[1] for match in images} == {"001", "002", "003", "004"}
    points = {name for name in names if name.startswith("FGNET/points/")}
    assert points == {f"FGNET/points/{match[1]}a{match[2]}{match[3]}.pts" for match in images}


def test_a_letter_is_added_only_to_pictures_at_the_same_age(archive):
    images = [match for match in map(IMAGE.fullmatch, archive.namelist()) if match]
    at_age = Counter((match[1], match[2]) for match in images)
    for (subject, age), count in at_age.items():
        letters = sorted(match[3] for match in images if (match[1], match[2]) == (subject, age))
        assert letters == ([""] if count == 1 else [chr(ord("a") + k) for k in range(count)])


def test_the_real_archive_s_other_files_are_there(archive):
    names = archive.namelist()
    assert "FGNET/README.md" in names and b"ynthetic" in archive.read("FGNET/README.md")
    assert any(name.startswith("FGNET/Data_files/") for name in names)
    assert any(name.startswith("__MACOSX/FGNET/images/._") and name.endswith(".JPG") for name in names)


def test_pictures_are_jpegs_some_of_one_channel_and_points_lie_in_them(archive):
    modes = Counter()
    for name in archive.namelist():
        if match := IMAGE.fullmatch(name):
            image = Image.open(io.BytesIO(archive.read(name)))
            assert image.format == "JPEG"
            modes[image.mode] += 1
            text = archive.read(f"FGNET/points/{match[1]}a{match[2]}{match[3]}.pts").decode()
            header, body = text.split("{")
            assert header.split() == ["version:", "1", "n_points:", "68"]
            points = np.array(body.split("}")[0].split(), float).reshape(-1, 2)
            assert points.shape == (68, 2)
            assert np.all(points >= 0) and np.all(points < image.size)
    assert set(modes) == {"RGB", "L"} and modes["L"] < modes["RGB"]


def test_the_stage_writes_the_archive_of_its_settings(tmp_path):
    path = tmp_path / "FGNET.zip"
    settings = {"format": "fgnet", "subjects": 1, "images": 2, "seed": 3}
    draw_synthetic_archive(Task("draw_synthetic_archive", {}, {}, {"archive": str(path)}, settings))
    assert sum(bool(IMAGE.fullmatch(name)) for name in zipfile.ZipFile(path).namelist()) == 2


@pytest.mark.parametrize(
    "subjects, images, field",
    [(0, 10, "subjects"), (5, 3, "subjects"), (1000, 1000, "subjects"), (1, 27, "images")],
)
def test_counts_that_no_album_can_have_are_refused(tmp_path, subjects, images, field):
    path = tmp_path / "FGNET.zip"
    with pytest.raises(InputError, match=field):
        write_archive("fgnet", path, subjects, images, seed=0)
    assert not path.exists()


def test_a_format_that_names_no_writer_cannot_be_drawn(tmp_path, monkeypatch):
    monkeypatch.delattr("pml.datasets.fgnet.SYNTHETIC")
    with pytest.raises(InputError, match="format 'fgnet': it cannot be drawn.*give a path or a url"):
        write_archive("fgnet", tmp_path / "FGNET.zip", 1, 2, seed=0)


@pytest.mark.slow
def test_the_detector_finds_99_in_100_faces(tmp_path):
    MTCNN = pytest.importorskip("facenet_pytorch").MTCNN
    detector, found, total = MTCNN(), 0, 200
    write_fgnet(tmp_path / "FGNET.zip", subjects=15, images=total, seed=11)
    with zipfile.ZipFile(tmp_path / "FGNET.zip") as archive:
        for name in filter(IMAGE.fullmatch, archive.namelist()):
            boxes, _ = detector.detect(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            found += boxes is not None
    assert found >= 0.99 * total
