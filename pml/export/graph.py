"""The graph of an export: the whole network, from the pixels of aligned faces to ages, as ONNX."""

import contextlib
import dataclasses
import importlib
import io
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pml.errors import InputError
from pml.suite.settings import Settings
from pml.training.augmentation import normalise
from pml.training.model import Model, predict

OPSET = 17
TOLERANCE = 1e-4  # years of an age, and of a probability
PACKAGES = ("onnx", "onnxruntime")
REMEDY = "give --without-onnx"


class AgesOfFaces(nn.Module):
    """From (N, size, size, 3) uint8 aligned RGB faces to (N,) ages in years and (N, K) probabilities, if there are any.

    Args:
        mirror: average over the face and its mirror image.
    """

    def __init__(self, model: Model, mirror: bool):
        super().__init__()
        self.backbone, self.method, self.mirror = model.backbone, model.method, mirror

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        """Return what `pml.training.model.predict` returns, as tensors."""
        inputs = normalise(faces)
        features = [self.backbone(view) for view in ([inputs, inputs.flip(3)] if self.mirror else [inputs])]
        distributions = [each for view in features if (each := self.method.distribution(view)) is not None]
        if not distributions:
            return (torch.stack([self.method.predict(view) for view in features]).mean(0),)
        distribution = torch.stack(distributions).mean(0)
        return self.method.decode(distribution), distribution


def check_packages() -> None:
    """Check that what writes and runs ONNX is installed.

    Raises:
        InputError: it is not.
    """
    for package in PACKAGES:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise InputError(f"ONNX: {error}; pip install 'pml[export]', or {REMEDY}") from None


def save_graph(model: Model, settings: Settings, size: int, path: Path) -> float:
    """Write the graph of a model of faces on the CPU, for any number of faces; return how far its ages are from the model's.

    Raises:
        InputError: a part of the network has no counterpart in ONNX, or the graph differs by more than `TOLERANCE`.
    """
    import onnxruntime

    network = AgesOfFaces(model, settings.mirror_test).eval()
    faces = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    # The exporter that is PyTorch's default needs the package onnxscript, too; this one writes every method here without it. It
    # prints its whole graph when it fails.
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            outputs = ["age", "distribution"][: len(network(torch.from_numpy(faces[:2])))]
            torch.onnx.export(
                network,
                (torch.from_numpy(faces[:2]),),
                str(path),
                input_names=["faces"],
                output_names=outputs,
                dynamic_axes={name: {0: "faces"} for name in ("faces", *outputs)},
                opset_version=OPSET,
                dynamo=False,
            )
    except Exception as error:  # torch raises a different type for every kind of thing that ONNX lacks
        problem = str(error).strip().partition("\n")[0]
        raise InputError(f"ONNX: method '{settings.method}' on {settings.backbone} has no graph: {problem}; {REMEDY}") from None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    exact = dataclasses.replace(settings, precision="float32")
    worst = 0.0
    for count in (1, len(faces)):
        expected = [one for one in predict(model, faces[:count], np.arange(count), exact) if one is not None]
        given = session.run(None, {"faces": faces[:count]})
        worst = max([worst, *(float(np.abs(one - other).max()) for one, other in zip(given, expected, strict=True))])
    if not worst <= TOLERANCE:
        raise InputError(f"ONNX: its ages differ from the model's by {worst:.2g} years, over {TOLERANCE:g}; {REMEDY}")
    return worst
