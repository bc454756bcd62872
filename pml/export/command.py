"""The command `pml export`."""

import hashlib
import json
from pathlib import Path

import torch

from pml.errors import InputError
from pml.export.card import model_card
from pml.export.graph import check_packages, save_graph
from pml.export.weights import WEIGHTS, model_folder, save_weights
from pml.faces.align import POINTS
from pml.faces.alignment import template
from pml.faces.detection import FRAME, LONG_SIDE, MIN_FACE_SIZE
from pml.files import replacing_folder
from pml.suite.settings import Crop
from pml.training.model import load_model_of_faces
from pml.training.run_directory import read_run


def export(run: Path, to: Path, onnx: bool = True) -> str:
    """Write the model of a run as a folder of its own, and return a line that says what it holds.

    The folder has model.safetensors, model.onnx, run.json, alignment.json and the model card README.md.

    Raises:
        InputError: the run has no model, `to` is there already, a package is missing, or the model has no graph.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to}: is there already; name a folder that is not")
    if onnx:
        check_packages()
    run = model_folder(run)
    facts = read_run(run)
    model, settings = load_model_of_faces(run, torch.device("cpu"))
    size, crop = facts["face_size"], Crop(**facts.get("crop", {}))
    with replacing_folder(to) as folder:
        save_weights(model, folder / WEIGHTS)
        graph = f"`{WEIGHTS}` has all weights, from pixels to ages. `run.json` has all settings."
        if onnx:
            worst = save_graph(model, settings, size, folder / "model.onnx")
            classes = len(settings.age_classes)
            graph += (
                f" `model.onnx` is the whole network in float32, from `faces` (N, {size}, {size}, 3) uint8 to `age` (N,) in "
                f"years and, if the method has one, `distribution` (N, {classes}). In onnxruntime it differed from "
                f"PyTorch by {worst:.1g} at most."
            )
        _write_json(folder / "alignment.json", _alignment(size, crop))
        (folder / "README.md").write_text(model_card(run, facts, crop, graph), encoding="utf-8")
        written = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
        _write_json(folder / "run.json", facts | {"files": written})
    return f"{to}: {', '.join([*written, 'run.json'])}"


def _alignment(size: int, crop: Crop) -> dict:
    """Return what makes the crop of a photo."""
    landmarks = {"points": list(POINTS), "template": template(size, crop.zoom).round(4).tolist()}
    return {
        "face_size": size,
        "alignment": crop.alignment,
        **({"box_side": crop.zoom * size} if crop.alignment == "box" else landmarks),
        "coordinates": "x and y in pixels of the face; (0, 0) is the centre of the first pixel; left is the viewer's",
        "border": "the last pixels of the photo are repeated",
        "detector": {
            "network": "MTCNN of facenet-pytorch 2.5.3",
            "long_side": LONG_SIDE,
            "frame": FRAME,
            "min_face_size": MIN_FACE_SIZE,
        },
    }


def _write_json(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
