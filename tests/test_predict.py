import os
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pml.cli import main
from pml.datasets.synthetic.camera import neutral
from pml.datasets.synthetic.people import draw_person, look_at
from pml.evaluation.metrics import central_interval
from pml.faces.alignment import align_face
from pml.faces.detection import FaceDetector
from pml.faces.pictures import read_image
from pml.method import Method
from pml.predict import Estimate, draw, find_face
from pml.suite.settings import Settings
from pml.training import run_directory
from pml.training.augmentation import normalise
from pml.training.model import build_model, load_model

OWN = {"method": "dex", "options": {}, "backbone": "resnet18", "backbone_options": {}, "initialisation": "random", "courses": 1}
SETTINGS = Settings(**OWN, device="cpu")
FACE_SIZE = 48
FACTS = {"face_size": FACE_SIZE, "data": "noise", "train_images": 4}


class Regressor(Method):
    """A method without a distribution."""

    def loss(self, features, ages, age_stds):
        raise NotImplementedError

    def distribution(self, features):
        return None

    def predict(self, features):
        return torch.full((len(features),), 33.25)


def write_run(directory: Path, settings: Settings = SETTINGS, **facts) -> Path:
    directory.mkdir()
    torch.manual_seed(0)
    model = build_model(settings, torch.device("cpu"))
    with torch.no_grad():  # a head so steep that a face and its mirror image differ in age
        for weight in model.method.parameters():
            weight *= 30
    model.save(directory / "model.pt")
    run_directory.write_run(directory, "torch", settings=settings.as_dict(), **facts)
    return directory


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos of a synthetic face and of noise, and runs of untrained models."""
    folder = tmp_path_factory.mktemp("predict")
    picture, _ = neutral(look_at(draw_person(np.random.default_rng(3)), 30, np.random.default_rng(0)))
    Image.fromarray(picture).save(folder / "face.png")
    Image.fromarray(picture[:, ::-1]).save(folder / "mirrored.png")
    noise = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "cut.png").write_bytes((folder / "face.png").read_bytes()[:-100])
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    write_run(folder / "run", **FACTS)
    write_run(folder / "regressor", replace(SETTINGS, method=f"{__name__}:Regressor"), **FACTS)
    write_run(folder / "modelless", **FACTS)
    (folder / "modelless" / "model.pt").unlink()
    return folder


@pytest.fixture
def refused(folder, tmp_path, capsys):
    """Return a function that runs `pml predict`, which must end on code 2 with nothing written, and gives its message."""

    def refused(*photos: str, run: str = "run", output: Path = tmp_path) -> str:
        before = sorted(folder.rglob("*"))
        with pytest.raises(SystemExit) as stop:
            main(["predict", *(str(folder / photo) for photo in photos), "--model", str(folder / run), "--output", str(output)])
        assert stop.value.code == 2
        assert not list(tmp_path.iterdir()) and sorted(folder.rglob("*")) == before
        printed = capsys.readouterr()
        assert not printed.out
        return printed.err.splitlines()[-1]

    return refused


def test_the_face_is_that_of_the_face_store(folder):
    detector = FaceDetector()
    detection, face = find_face(folder / "face.png", detector, FACE_SIZE)
    image = read_image(folder / "face.png")
    np.testing.assert_array_equal(face, align_face(image, detector.detect(image).landmarks, FACE_SIZE))


def test_age_and_interval_are_those_of_the_mean_over_face_and_mirror_image(folder, tmp_path, capsys):
    main(["predict", str(folder / "face.png"), "--model", str(folder / "run"), "--output", str(tmp_path)])
    model, _ = load_model(folder / "run", torch.device("cpu"))
    model.backbone.eval()
    _, face = find_face(folder / "face.png", FaceDetector(), FACE_SIZE)
    with torch.inference_mode():
        views = normalise(torch.from_numpy(np.stack([face, face[:, ::-1]])))
        distribution = model.method.distribution(model.backbone(views)).mean(0).numpy()
    low, high = central_interval(np.arange(101), distribution, 0.8)
    expected = f"{distribution @ np.arange(101):.1f} years (80 % interval {low}-{high})"
    assert capsys.readouterr().out == f"{folder / 'face.png'}: {expected}\n"


def test_every_photo_gets_its_line_and_the_same_drawing_each_time(folder, tmp_path, capsys):
    for name in ("first", "second"):
        photos = [str(folder / "face.png"), str(folder / "mirrored.png")]
        main(["predict", *photos, "--model", str(folder / "run"), "--output", str(tmp_path / name)])
        assert len(capsys.readouterr().out.splitlines()) == 2
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["face_age.png", "mirrored_age.png"]
    for name in ("face_age.png", "mirrored_age.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
        assert np.ptp(read_image(tmp_path / "first" / name)) > 0


def test_a_method_without_a_distribution_gives_no_interval(folder, tmp_path, capsys):
    main(["predict", str(folder / "face.png"), "--model", str(folder / "regressor"), "--output", str(tmp_path)])
    assert ": 33.2 years (no interval: " in capsys.readouterr().out
    assert (tmp_path / "face_age.png").exists()


def test_the_drawing_shows_face_box_distribution_and_interval(folder):
    detection, face = find_face(folder / "face.png", FaceDetector(), FACE_SIZE)
    distribution = np.exp(-((np.arange(101) - 40) ** 2) / 50)
    estimate = Estimate(41.5, np.arange(101), distribution / distribution.sum())
    figure = draw(read_image(folder / "face.png"), detection, face, estimate)
    photo_axis, face_axis, age_axis = figure.axes
    (box,) = photo_axis.patches
    np.testing.assert_allclose([box.get_x(), box.get_y()], detection.box[:2])
    np.testing.assert_array_equal(face_axis.images[0].get_array(), face)
    bars = {round(bar.get_x() + 0.5): bar.get_height() for bar in age_axis.patches}
    np.testing.assert_allclose([bars[age] for age in range(101)], estimate.distribution)
    labels = [text.get_text() for text in age_axis.get_legend().get_texts()]
    assert any("34-46" in label for label in labels) and any("41.5" in label for label in labels)


def test_a_photo_without_a_face_is_refused_and_so_are_those_beside_it(refused):
    message = refused("face.png", "noise.png")
    assert "noise.png: no face found" in message and "give a photo" in message


UNREADABLE = {
    "text.jpg": "not a picture",
    "phone.heic": "not a picture",
    "absent.jpg": "no such file",
    "run": "it is a folder",
    "cut.png": "image file is truncated",
}


@pytest.mark.parametrize("photo", UNREADABLE)
def test_a_photo_that_cannot_be_read_is_refused(refused, photo):
    assert f"{photo}: cannot be read: {UNREADABLE[photo]}" in refused(photo)


def test_a_photo_of_too_many_pixels_is_refused(refused, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "face.png: cannot be read: more than 2,000 pixels; give" in refused("face.png")


@pytest.mark.parametrize("output", ["face.png", "face.png/below", "closed", "closed/below"])
def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(folder, refused, monkeypatch, output):
    def forbidden(dir):
        raise PermissionError(13, "Permission denied")

    if "closed" in output:  # not by its mode, since root may write anywhere
        monkeypatch.setattr(tempfile, "TemporaryFile", forbidden)
    reason = "Permission denied" if "closed" in output else "Not a directory"
    message = refused("absent.jpg", run="absent", output=folder / output)
    assert f"{folder / output}: cannot be written to ({reason}); name another" in message


def test_a_large_photo_is_shrunk_before_its_face_is_sought(folder, monkeypatch):
    small = Image.fromarray(read_image(folder / "face.png"))
    small.resize((800, 1000), Image.Resampling.NEAREST).save(folder / "large.png")
    whole, face = find_face(folder / "face.png", FaceDetector(), FACE_SIZE)
    monkeypatch.setattr("pml.predict.LONG_SIDE", 250)
    shrunk, same = find_face(folder / "large.png", FaceDetector(), FACE_SIZE)
    np.testing.assert_allclose(shrunk.box, whole.box, atol=1)
    assert np.abs(same.astype(float) - face).mean() < 2


def test_a_large_photo_is_drawn_small_with_the_box_in_its_own_pixels(folder):
    detection, face = find_face(folder / "face.png", FaceDetector(), FACE_SIZE)
    image = np.zeros((3000, 2000, 3), np.uint8)
    photo_axis, *_ = draw(image, detection, face, Estimate(30, np.arange(101), None)).axes
    [picture], [box] = photo_axis.images, photo_axis.patches
    assert max(picture.get_array().shape) <= 800
    assert picture.get_extent() == [-0.5, 1999.5, 2999.5, -0.5]
    np.testing.assert_allclose([box.get_x(), box.get_y()], detection.box[:2])


@pytest.mark.parametrize(("run", "missing"), [("absent", "run.json"), ("face.png", "run.json"), ("modelless", "model.pt")])
def test_a_run_that_cannot_predict_is_refused(refused, run, missing):
    message = refused("face.png", run=run)
    assert run in message and missing in message


def test_a_model_that_predicts_no_age_is_refused(refused, monkeypatch):
    monkeypatch.setattr("pml.predict.predict", lambda *given: (np.array([np.nan]), None))
    assert "model.pt: predicts no age but nan; run snakemake with --forcerun train_folds" in refused("face.png")


def test_two_drawings_of_one_name_are_refused(refused):
    assert "face_age.png: would be written twice" in refused("face.png", "face.png")


def test_a_drawing_never_replaces_a_photo(folder, capsys):
    photos = [str(folder / "noise.png"), str(folder / "noise_age.png")]
    with pytest.raises(SystemExit) as stop:
        main(["predict", *photos, "--model", str(folder / "run"), "--output", str(folder)])
    assert stop.value.code == 2 and "noise_age.png" in capsys.readouterr().err


def test_help_says_what_an_estimate_is_not_for(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "--help"])
    assert stop.value.code == 0
    assert "not for decisions about people" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif("PML_TEST_DATA" not in os.environ, reason="needs FGNET.zip in the folder PML_TEST_DATA")
def test_photos_of_fgnet_are_predicted(folder, tmp_path, capsys):
    with zipfile.ZipFile(Path(os.environ["PML_TEST_DATA"]) / "FGNET.zip") as archive:
        names = [name for name in archive.namelist() if name.upper().endswith(".JPG") and "__MACOSX" not in name][::250]
        photos = [archive.extract(name, tmp_path) for name in names]
    main(["predict", *photos, "--model", str(folder / "run"), "--output", str(tmp_path / "output")])
    assert len(capsys.readouterr().out.splitlines()) == len(photos) == len(list((tmp_path / "output").iterdir()))
