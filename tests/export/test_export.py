import dataclasses
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from pml import AgeModel
from pml.cli import main
from pml.export.graph import PACKAGES, save_graph
from pml.faces.alignment import align_face, template
from pml.faces.detection import FaceDetector
from pml.faces.pictures import read_image
from pml.registry import REGISTRIES, find
from pml.suite import make_plan
from pml.suite.settings import Frozen
from pml.training.model import build_model, predict
from tests.untrained import FACE_SIZE, SETTINGS, draw_photo, write_run

FROZEN = dataclasses.replace(SETTINGS, frozen=Frozen(), embedded={"initialisation": "random", "face_size": FACE_SIZE})
ROOT = Path(__file__).parents[2]
FILES = ["README.md", "alignment.json", "model.safetensors", "run.json"]


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "face.png"
    Image.fromarray(draw_photo()).save(path)
    return path


def export(run: Path, to: Path, *words: str) -> Path:
    main(["export", str(run), "--to", str(to), "--without-onnx", *words])
    return to


@pytest.fixture
def refused(capsys):
    """Return a function that runs `pml export`, which must end on code 2, and gives its message."""

    def refused(*words: object) -> str:
        with pytest.raises(SystemExit) as stop:
            main(["export", *map(str, words)])
        assert stop.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return refused


def onnxruntime():
    for package in PACKAGES:
        pytest.importorskip(package, reason=f"needs {package}: pip install 'pml[export]'")
    return sys.modules["onnxruntime"]


def told(model: Path, photo: Path) -> list[tuple]:
    return [(face.age, face.interval, face.detection.score) for face in AgeModel.load(model).predict([photo])]


@pytest.mark.parametrize("settings", [SETTINGS, FROZEN], ids=["trained", "frozen"])
def test_an_export_predicts_as_its_run_does_wherever_it_lies(settings, tmp_path, photo, capsys):
    facts = {} if settings.frozen is None else {"embedding_dim": 8}
    run = write_run(tmp_path / "run", settings, **facts)
    folder = export(run, tmp_path / "export")
    assert capsys.readouterr().out == f"{folder}: {', '.join(FILES)}\n"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    before = told(run, photo)
    (run / "model.pt").unlink()
    moved = folder.rename(tmp_path / "moved")
    assert told(moved, photo) == told(moved / "model.safetensors", photo) == before


def test_a_frozen_network_is_in_the_export_and_need_not_be_where_it_was(tmp_path, photo):
    network, _ = find("backbone", SETTINGS.backbone)()
    torch.save(network.state_dict(), tmp_path / "start.pth")
    embedded = {"initialisation": str(tmp_path / "start.pth"), "face_size": FACE_SIZE}
    run = write_run(tmp_path / "run", dataclasses.replace(FROZEN, embedded=embedded), embedding_dim=8)
    before, folder = told(run, photo), export(run, tmp_path / "export")
    (tmp_path / "start.pth").unlink()
    assert told(folder, photo) == before


def test_the_constants_make_the_crop_of_a_photo(tmp_path, photo):
    """By another solution of the least squares than the suite's."""
    alignment = json.loads((export(write_run(tmp_path / "run"), tmp_path / "export") / "alignment.json").read_text())
    image = read_image(photo)
    points, size = FaceDetector().detect(image).landmarks, alignment["face_size"]
    shrinkage = 1 / cv2.estimateAffinePartial2D(points, np.array(alignment["template"]), method=cv2.LMEDS)[0][0, 0]
    x, y = points.T
    zeros, ones = np.zeros(5), np.ones(5)
    rows = np.vstack([np.column_stack([x, -y, ones, zeros]), np.column_stack([y, x, zeros, ones])])
    (a, b, c, d), *_ = np.linalg.lstsq(rows, np.array(alignment["template"]).T.ravel(), rcond=None)
    assert alignment["points"][0] == "left_eye" and shrinkage > 1
    fine = cv2.GaussianBlur(image, (0, 0), shrinkage / 2)
    crop = cv2.warpAffine(fine, np.array([[a, -b, c], [b, a, d]]), (size, size), borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(crop.astype(float) - align_face(image, points, size)).mean() < 4


@pytest.mark.parametrize(
    ("alignment", "said", "keys"),
    [
        ("similarity", "moved to the places in `template`", {"points", "template"}),
        ("upright", "its scale, but no rotation", {"points", "template"}),
        ("box", "centre of the detector's box", {"box_side"}),
    ],
)
def test_an_export_tells_the_crop_of_its_run_and_makes_it(tmp_path, photo, alignment, said, keys):
    run = write_run(tmp_path / "run", crop={"alignment": alignment, "zoom": 0.6})
    folder = export(run, tmp_path / "export")
    crop = json.loads((folder / "alignment.json").read_text())
    assert crop["alignment"] == alignment and {"points", "template", "box_side"} & set(crop) == keys
    if alignment == "box":
        assert crop["box_side"] == pytest.approx(0.6 * FACE_SIZE)
    else:
        np.testing.assert_allclose(crop["template"], template(FACE_SIZE, 0.6), atol=1e-4)
    assert said in " ".join((folder / "README.md").read_text().split())
    assert told(folder, photo) == told(run, photo)


def test_the_card_tells_data_errors_by_age_and_what_the_model_is_not_for(tmp_path, monkeypatch):
    plan = make_plan(yaml.safe_load((ROOT / "config/fgnet.yaml").read_text()))
    monkeypatch.chdir(tmp_path)
    plan.save()
    run = write_run(tmp_path / "results/fgnet/runs/fgnet_lopo/pml/seed0/fold001", data="My album")
    card = (export(run, tmp_path / "export") / "README.md").read_text()
    assert card.startswith("# dex, trained on My album\n\n|") and "synthetic" not in card
    assert find("format", "fgnet").TERMS in card and "`lopo`, fold 1, seed 0" in card and "4 images of My album" in card
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in card.splitlines() if line.startswith("|")]
    assert ["0-9", "2", "1.00", "+1.00", "100%"] in rows and ["10-19", "1", "6.00", "-6.00", "0%"] in rows
    assert ["all", "3", "2.67", "-1.33", "67%"] in rows
    assert "not for decisions about people" in card and "random weights" in card


def test_the_card_of_a_run_that_was_moved_says_what_it_cannot_tell(tmp_path):
    settings = dataclasses.replace(SETTINGS, selection="oracle")
    card = (export(write_run(tmp_path / "run", settings), tmp_path / "export") / "README.md").read_text()
    assert "not told: the run no longer lies in the folder of its suite" in card and "ask the owners of the data" in card
    assert "the errors are too low" in card


def test_the_card_and_the_answers_of_a_model_of_drawn_faces_are_marked(tmp_path, photo):
    folder = export(write_run(tmp_path / "run", data="Album (synthetic)"), tmp_path / "export")
    card = (folder / "README.md").read_text()
    assert card.startswith("# dex, trained on Album (synthetic)\n\n**The faces that it was trained on are drawn.")
    assert all("Album (synthetic)" in str(face) for face in AgeModel.load(folder).predict([photo]))


def test_every_format_has_the_terms_of_its_owners():
    assert all(find("format", name).TERMS for name in REGISTRIES["format"])


METHODS = [name for name in REGISTRIES["method"] if find("method", name).reads_pixels]


@pytest.mark.parametrize("method", METHODS)
def test_the_graph_of_every_method_tells_what_the_model_tells(method, tmp_path):
    onnxruntime()
    settings = dataclasses.replace(SETTINGS, method=method)
    torch.manual_seed(0)
    assert save_graph(build_model(settings, torch.device("cpu")), settings, 64, tmp_path / "model.onnx") <= 1e-4


def test_the_graph_takes_any_number_of_faces_from_pixels_to_ages(tmp_path, photo, capsys):
    runtime = onnxruntime()
    run = write_run(tmp_path / "run", FROZEN, embedding_dim=8)
    main(["export", str(run), "--to", str(tmp_path / "export")])
    session = runtime.InferenceSession(tmp_path / "export/model.onnx")
    model = AgeModel.load(run)
    faces = np.random.default_rng(1).integers(0, 256, (7, FACE_SIZE, FACE_SIZE, 3), dtype=np.uint8)
    for count in (1, 7):
        ages, distribution = session.run(None, {"faces": faces[:count]})
        expected = predict(model.model, faces[:count], np.arange(count), model.settings)
        np.testing.assert_allclose(ages, expected[0], atol=1e-4)
        np.testing.assert_allclose(distribution, expected[1], atol=1e-4)
    assert "In onnxruntime it differed from" in (tmp_path / "export/README.md").read_text()


def test_a_method_without_a_graph_is_refused_and_nothing_is_left(tmp_path, refused):
    onnxruntime()
    run = write_run(tmp_path / "run", dataclasses.replace(SETTINGS, method="tests.untrained:Unknown"))
    message = refused(run, "--to", tmp_path / "export")
    assert "method 'tests.untrained:Unknown' on" in message and "give --without-onnx" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_onnx_is_asked_for_only_where_it_is_wanted(tmp_path, refused, monkeypatch):
    run = write_run(tmp_path / "run")
    monkeypatch.setitem(sys.modules, PACKAGES[0], None)
    message = refused(run, "--to", tmp_path / "export")
    assert "pip install 'pml[export]', or give --without-onnx" in message and not (tmp_path / "export").exists()
    export(run, tmp_path / "export")


def test_a_folder_that_is_there_is_not_replaced(tmp_path, refused):
    run = write_run(tmp_path / "run")
    assert "is there already" in refused(run, "--to", run, "--without-onnx")
    assert "not a finished run" in refused(tmp_path / "absent", "--to", tmp_path / "export", "--without-onnx").lower()


@pytest.mark.parametrize("cut", [slice(0, 100), slice(0, 0), slice(0, -1), slice(1, None)])
def test_weights_that_were_changed_are_refused(tmp_path, cut, photo, capsys):
    folder = export(write_run(tmp_path / "run"), tmp_path / "export")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[cut])
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(photo), "--model", str(folder), "--no-figure"])
    assert stop.value.code == 2 and "not as it was written, by the checksum" in capsys.readouterr().err


def test_weights_of_another_model_than_run_json_tells_of_are_refused(tmp_path, photo, capsys):
    folder = export(write_run(tmp_path / "run"), tmp_path / "export")
    facts = json.loads((folder / "run.json").read_text())
    facts["settings"]["ages"] = [0, 90]
    (folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(photo), "--model", str(folder), "--no-figure"])
    assert stop.value.code == 2
    assert "model.safetensors: weights of another model than run.json tells of; write it again" in capsys.readouterr().err
