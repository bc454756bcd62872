import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pml import AgeModel
from pml.cli import main
from pml.data_name import DataName
from pml.evaluation.metrics import central_interval
from pml.faces.alignment import align_face
from pml.faces.detection import FaceDetector
from pml.faces.pictures import read_image
from pml.prediction.age_model import Face, Found
from pml.prediction.drawing import draw
from pml.prediction.formats import COLUMNS
from pml.suite.settings import Crop
from pml.training.augmentation import normalise
from pml.training.model import load_model
from tests.untrained import FACE_SIZE, SETTINGS, draw_photo, write_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos of synthetic faces and of noise, and runs of untrained models."""
    folder = tmp_path_factory.mktemp("predict")
    picture = draw_photo()
    Image.fromarray(picture).save(folder / "face.png")
    Image.fromarray(picture[:, ::-1]).save(folder / "mirrored.png")
    Image.fromarray(np.hstack([picture, picture[:, ::-1]])).save(folder / "two.png")
    noise = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "cut.png").write_bytes((folder / "face.png").read_bytes()[:-100])
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    write_run(folder / "run")
    write_run(folder / "drawn", data="Album (synthetic)")
    write_run(folder / "regressor", replace(SETTINGS, method="tests.untrained:Regressor"))
    write_run(folder / "lost", replace(SETTINGS, method="tests.untrained:Lost"))
    (write_run(folder / "modelless") / "model.pt").unlink()
    return folder


@pytest.fixture
def predicted(folder, tmp_path, capsys, monkeypatch):
    """Return a function that runs `pml predict` with photos and options, and gives its code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def predicted(*words: str, run: str = "run") -> tuple[int, str, str]:
        photos = [str(folder / word) if (folder / word).exists() or word == "absent.jpg" else word for word in words]
        code = 0
        try:
            main(["predict", *photos, "--model", str(folder / run)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return predicted


@pytest.fixture
def refused(folder, predicted, tmp_path):
    """Return a function that runs `pml predict`, which must end on code 2 with nothing written, and gives its message."""

    def refused(*words: str, run: str = "run") -> str:
        before = sorted([*folder.rglob("*"), *tmp_path.rglob("*")])
        code, out, err = predicted(*words, run=run)
        assert code == 2 and not out
        assert sorted([*folder.rglob("*"), *tmp_path.rglob("*")]) == before
        return err.splitlines()[-1]

    return refused


def rows_of(text: str) -> list[dict]:
    return list(csv.DictReader(text.splitlines()))


def test_the_face_is_that_of_the_face_store(folder):
    detector = FaceDetector()
    ((_, face),) = AgeModel.load(folder / "run").find(folder / "face.png", detector).faces
    image = read_image(folder / "face.png")
    np.testing.assert_array_equal(face, align_face(image, detector.detect(image).landmarks, FACE_SIZE))


@pytest.mark.parametrize("alignment", ["upright", "box"])
def test_a_model_of_faces_that_were_cut_otherwise_sees_those(folder, tmp_path, alignment):
    model = AgeModel.load(write_run(tmp_path / "run", crop={"alignment": alignment, "zoom": 0.6}))
    detector, image = FaceDetector(), read_image(folder / "face.png")
    found = detector.detect(image)
    points = found.box.reshape(2, 2) if alignment == "box" else found.landmarks
    ((_, face),) = model.find(folder / "face.png", detector).faces
    np.testing.assert_array_equal(face, align_face(image, points, FACE_SIZE, Crop(alignment=alignment, zoom=0.6)))
    usual = AgeModel.load(folder / "run")
    assert [one.age for one in model.predict([folder / "face.png"])] != [
        one.age for one in usual.predict([folder / "face.png"])
    ]


def test_age_and_interval_are_those_of_the_mean_over_face_and_mirror_image(folder, predicted):
    _, out, _ = predicted("face.png", "--no-figure")
    model, _ = load_model(folder / "run", torch.device("cpu"))
    model.backbone.eval()
    ((_, face),) = AgeModel.load(folder / "run").find(folder / "face.png", FaceDetector()).faces
    with torch.inference_mode():
        views = normalise(torch.from_numpy(np.stack([face, face[:, ::-1]])))
        distribution = model.method.distribution(model.backbone(views)).mean(0).numpy()
    low, high = central_interval(np.arange(101), distribution, 0.8)
    expected = f"{distribution @ np.arange(101):.1f} years (80 % interval {low}-{high})"
    assert out == f"{folder / 'face.png'}: {expected}\n"


def test_every_photo_gets_its_line_and_the_same_drawing_by_any_number_of_processes(predicted, tmp_path):
    said = {}
    for cores in ("1", "2"):
        photos = ["face.png", *["noise.png"] * 20, "mirrored.png"]
        code, said[cores], err = predicted(*photos, "--output", cores, "--cores", cores)
        assert code == 1 and len(said[cores].splitlines()) == 3
        assert sorted(path.name for path in (tmp_path / cores).iterdir()) == ["face_age.png", "mirrored_age.png"]
    assert said["1"] == said["2"]
    for name in ("face_age.png", "mirrored_age.png"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
        assert np.ptp(read_image(tmp_path / "1" / name)) > 0


def test_a_method_without_a_distribution_gives_no_interval(predicted, tmp_path):
    _, out, _ = predicted("face.png", run="regressor")
    assert ": 33.2 years (no interval: " in out
    assert (tmp_path / "face_age.png").exists()
    _, out, _ = predicted("face.png", "--format", "csv", "--no-figure", run="regressor")
    assert rows_of(out)[0]["age"] == "33.25" and rows_of(out)[0]["low"] == ""


def told(found: Found, synthetic: bool = False) -> tuple[np.ndarray, Face]:
    detection, aligned = found.faces[0]
    distribution = np.exp(-((np.arange(101) - 40) ** 2) / 50)
    distribution /= distribution.sum()
    return aligned, Face(found.photo, 1, detection, 41.5, np.arange(101), distribution, 0, DataName("Album", synthetic))


def test_the_drawing_shows_face_box_distribution_and_interval(folder):
    found = AgeModel.load(folder / "run").find(folder / "face.png", FaceDetector(), keep=True)
    aligned, face = told(found)
    photo_axis, face_axis, age_axis = draw(found, aligned, face).axes
    (box,) = photo_axis.patches
    np.testing.assert_allclose([box.get_x(), box.get_y()], face.detection.box[:2])
    np.testing.assert_array_equal(face_axis.images[0].get_array(), aligned)
    bars = {round(bar.get_x() + 0.5): bar.get_height() for bar in age_axis.patches}
    np.testing.assert_allclose([bars[age] for age in range(101)], face.distribution)
    labels = [text.get_text() for text in age_axis.get_legend().get_texts()]
    assert any("34-46" in label for label in labels) and any("41.5" in label for label in labels)


UNREADABLE = {
    "text.jpg": "not a picture",
    "phone.heic": "not a picture",
    "absent.jpg": "no such file",
    "cut.png": "image file is truncated",
    "noise.png": "no face found; give a photo",
}


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_a_bad_photo_is_a_line_with_its_problem_and_the_others_are_told(folder, predicted, form):
    code, out, err = predicted("face.png", *UNREADABLE, "mirrored.png", "--format", form, "--no-figure")
    assert code == 1
    assert "photos: 7, of which 5 have a problem; faces told: 2" in err
    if form == "text":
        lines = out.splitlines()
    else:
        rows = rows_of(out) if form == "csv" else json.loads(out)
        assert all(list(row) == list(COLUMNS) for row in rows)
        lines = [f"{row['photo']}: {row['problem'] or row['age']}" for row in rows]
    problems = dict(line.removeprefix(f"{folder}/").split(": ", 1) for line in lines)
    assert list(problems) == ["face.png", *UNREADABLE, "mirrored.png"]
    assert all(reason in problems[photo] for photo, reason in UNREADABLE.items())


def test_csv_and_json_say_the_same_and_a_file_has_it_by_its_suffix(predicted, tmp_path):
    _, as_csv, _ = predicted("face.png", "noise.png", "--format", "csv", "--no-figure")
    _, as_json, _ = predicted("face.png", "noise.png", "--format", "json", "--no-figure")
    blank = [{key: "" if value is None else str(value) for key, value in row.items()} for row in json.loads(as_json)]
    assert rows_of(as_csv) == blank
    face = blank[0]
    assert float(face["left"]) < float(face["right"]) and 0.7 <= float(face["score"]) <= 1
    assert int(face["low"]) <= int(face["high"]) and face["face"] == "1"
    for name, text in (("ages.csv", as_csv), ("ages.json", as_json)):
        code, out, _ = predicted("face.png", "noise.png", "--to", name, "--no-figure")
        assert code == 1 and not out and (tmp_path / name).read_text() == text


def test_the_remedy_of_a_photo_that_is_not_there_is_its_name(predicted):
    code, out, _ = predicted("none.png", "noise.png", "--no-figure")
    assert code == 1 and "none.png: cannot be read: no such file; correct the name" in out


def test_one_face_is_told_or_all_and_those_left_out_are_counted(predicted, tmp_path):
    _, out, err = predicted("two.png", "--format", "csv")
    (main_row,) = rows_of(out)
    assert main_row["left_out"] == "1" and "faces told: 1; faces left out: 1" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two_age.png"]
    _, out, err = predicted("two.png", "--format", "csv", "--faces", "all")
    first, second = rows_of(out)
    assert first == main_row | {"left_out": "0"} and second["face"] == "2" and second["left"] != first["left"]
    assert "faces told: 2; faces left out: 0" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two_age.png", "two_age_face2.png"]
    _, out, _ = predicted("two.png", "--faces", "all", "--no-figure")
    assert ", face 2: " in out.splitlines()[1]


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_a_model_of_drawn_faces_says_so_in_every_line(predicted, form):
    photos = ["face.png", "mirrored.png", "noise.png", "--format", form, "--no-figure"]
    _, out, _ = predicted(*photos, run="drawn")
    told = [line for line in out.splitlines() if ".png" in line]
    assert len(told) == 3
    assert all("Album (synthetic)" in line for line in told if form != "text" or "years" in line)
    assert "synthetic" not in predicted(*photos)[1]


def test_a_model_of_drawn_faces_says_so_on_every_drawing(folder):
    found = AgeModel.load(folder / "drawn").find(folder / "face.png", FaceDetector(), keep=True)
    assert "trained on Album (synthetic) faces" in draw(found, *told(found, synthetic=True))._suptitle.get_text()
    assert "synthetic" not in draw(found, *told(found))._suptitle.get_text()


def test_folders_and_patterns_stand_for_their_pictures_each_once(folder, predicted, tmp_path):
    for name in ("album/a.png", "album/deep/b.png", "album/deep/._b.png", "album/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((folder / "face.png").read_bytes())
    code, out, err = predicted("album", "album/deep/*.png", "album/a.png", "--format", "csv", "--output", "drawings")
    assert [row["photo"] for row in rows_of(out)] == ["album/a.png", "album/deep/b.png"] and code == 0
    assert "other files in the folders: 2" in err
    drawn = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "drawings").rglob("*.png"))
    assert drawn == ["drawings/a_age.png", "drawings/deep/b_age.png"]


def test_a_pattern_or_a_folder_without_a_picture_is_refused(folder, refused, tmp_path):
    assert "*.webp: matches no file" in refused("*.webp")
    assert "run: no picture below it" in refused("run")


def test_a_folder_that_cannot_be_listed_is_refused(folder, refused, tmp_path, monkeypatch):
    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "album").mkdir()
    monkeypatch.setattr(os, "scandir", forbidden)  # not by its mode, since root may read anything
    assert "album: no permission" in refused("album")


def test_names_that_are_no_text_get_their_line(folder, predicted, tmp_path):
    for name in (b"\xff.png", b"two\nlines.png"):
        (tmp_path / os.fsdecode(name)).write_bytes((folder / "face.png").read_bytes())
    _, out, _ = predicted("*.png", "--no-figure")
    assert [line.split(": ")[0] for line in out.splitlines()] == ["two\\nlines.png", "\\xff.png"]
    _, out, _ = predicted("*.png", "--no-figure", "--format", "csv", "--to", "ages.csv")
    assert [row["photo"] for row in csv.DictReader((tmp_path / "ages.csv").open(newline=""))] == ["two\nlines.png", "\\xff.png"]


def test_a_photo_of_too_many_pixels_is_a_line(predicted, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    code, out, _ = predicted("face.png")
    assert code == 1 and "face.png: cannot be read: more than 2,000 pixels; give" in out


@pytest.mark.parametrize("output", ["face.png", "face.png/below", "closed", "closed/below"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(folder, refused, monkeypatch, output):
    def forbidden(dir):
        raise PermissionError(13, "Permission denied")

    if "closed" in output:  # not by its mode, since root may write anywhere
        monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    reason = "Permission denied" if "closed" in output else "Not a directory"
    message = refused("absent.jpg", "--output", str(folder / output), run="absent")
    assert f"{folder / output}: cannot be written to ({reason}); name another" in message


def test_a_large_photo_is_shrunk_before_its_face_is_sought_and_its_box_is_in_its_own_pixels(folder, tmp_path, monkeypatch):
    small = Image.fromarray(read_image(folder / "face.png"))
    factor = 4
    small.resize([factor * side for side in small.size], Image.Resampling.NEAREST).save(tmp_path / "large.png")
    model, detector = AgeModel.load(folder / "run"), FaceDetector()
    ((whole, face),) = model.find(folder / "face.png", detector).faces
    monkeypatch.setattr("pml.prediction.age_model.LONG_SIDE", max(small.size))
    ((shrunk, same),) = model.find(tmp_path / "large.png", detector).faces
    np.testing.assert_allclose(shrunk.box / factor, whole.box, atol=1)
    np.testing.assert_allclose(shrunk.landmarks / factor, whole.landmarks, atol=1)
    assert np.abs(same.astype(float) - face).mean() < 2


def test_a_large_photo_is_drawn_small_with_the_box_in_its_own_pixels(folder, monkeypatch):
    monkeypatch.setattr("pml.prediction.age_model.SHOWN", 100)
    found = AgeModel.load(folder / "run").find(folder / "face.png", FaceDetector(), keep=True)
    aligned, face = told(found)
    photo_axis, *_ = draw(found, aligned, face).axes
    [picture], [box] = photo_axis.images, photo_axis.patches
    height, width = read_image(folder / "face.png").shape[:2]
    assert max(picture.get_array().shape) <= 100
    assert picture.get_extent() == [-0.5, width - 0.5, height - 0.5, -0.5]
    np.testing.assert_allclose([box.get_x(), box.get_y()], face.detection.box[:2])


@pytest.mark.parametrize(("run", "missing"), [("absent", "run.json"), ("face.png", "run.json"), ("modelless", "model.pt")])
def test_a_run_that_cannot_predict_is_refused(refused, run, missing):
    message = refused("face.png", run=run)
    assert run in message and missing in message


def test_a_model_that_predicts_no_number_is_refused_and_leaves_no_file(refused):
    assert "lost: its model predicts no age but nan" in refused("face.png", "--to", "ages.csv", run="lost")


def test_the_weights_may_stand_for_the_run(predicted):
    words = ("face.png", "--no-figure")
    assert predicted(*words, run="run/model.pt")[:2] == predicted(*words)[:2]


def test_nothing_is_written_over_a_photo_or_among_those_of_a_folder(folder, refused, tmp_path):
    for name in ("a.png", "a.jpg", "a_age.png", "a_age_face2.png"):
        (tmp_path / name).write_bytes((folder / "face.png").read_bytes())
    assert "a_age.png: would be written twice" in refused("a.png", "a.jpg")
    assert "a_age.png: would be written" in refused("a.png", "a_age.png")
    assert "a_age.png: would be written" in refused("a.png", "a_age_face2.png", "--faces", "all")
    assert "a.png: would be written" in refused("a.png", "--to", "a.png", "--no-figure")
    assert f"lies in {tmp_path}, among the photos; name another --output" in refused(str(tmp_path))


def test_help_says_what_an_estimate_is_not_for_and_what_the_exit_code_tells(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert "not for decisions about people" in said and "1 if some have" in said


@pytest.mark.parametrize("workers", [1, 2])
def test_the_ages_are_the_same_where_one_process_tells_them_all_as_on_a_gpu(folder, workers):
    photos = [folder / name for name in ("face.png", "noise.png", "two.png", "text.jpg", "mirrored.png")] * 3
    answers = []
    for in_forks in (True, False):
        model = AgeModel.load(folder / "run", "cpu")
        model.in_forks = in_forks
        answers.append([(face.photo, face.number, face.problem, face.age) for face in model.predict(photos, "all", workers)])
    for one, other in zip(*answers, strict=True):
        assert one[:3] == other[:3] and other[3] == pytest.approx(one[3], abs=1e-4)


def test_faces_come_while_photos_are_still_to_be_read(folder):
    drawn = []
    photos = (drawn.append(number) or folder / "noise.png" for number in range(1000))
    first = next(AgeModel.load(folder / "run").predict(photos))
    assert first.age is None and "no face found" in first.problem and len(drawn) < 20


def test_the_lines_of_python_in_the_docs_run_as_they_stand_there(folder, tmp_path, monkeypatch, capsys):
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/predicting.md").read_text(), re.DOTALL)
    (run,) = re.findall(r'load\("(.*?)"\)', lines)
    monkeypatch.chdir(tmp_path)
    Path(run).parent.mkdir(parents=True)
    Path(run).symlink_to(folder / "run")
    Path("photo.jpg").write_bytes((folder / "two.png").read_bytes())
    exec(lines, {})  # noqa: S102
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["photo.jpg", "1"], ["photo.jpg", "2"]]


def test_the_docs_tell_every_column_and_option(capsys):
    page = (ROOT / "docs/predicting.md").read_text()
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert [name for name in [*COLUMNS, *options] if f"`{name}" not in page and f" {name} " not in page] == []


def test_importing_the_package_is_cheap():
    code = "import pml, sys; print({'torch', 'numpy', 'pandas'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


@pytest.mark.slow
@pytest.mark.skipif("PML_TEST_DATA" not in os.environ, reason="needs FGNET.zip in the folder PML_TEST_DATA")
def test_photos_of_fgnet_are_predicted(folder, tmp_path, capsys):
    with zipfile.ZipFile(Path(os.environ["PML_TEST_DATA"]) / "FGNET.zip") as archive:
        names = [name for name in archive.namelist() if name.upper().endswith(".JPG") and "__MACOSX" not in name][::250]
        photos = [archive.extract(name, tmp_path) for name in names]
    main(["predict", *photos, "--model", str(folder / "run"), "--output", str(tmp_path / "output")])
    assert len(capsys.readouterr().out.splitlines()) == len(photos) == len(list((tmp_path / "output").iterdir()))
