"""The weights of an export: the whole network, from pixels to ages, as safetensors beside the run.json of its run."""

import dataclasses
import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from pml.backbones.build import build_frozen
from pml.errors import InputError
from pml.suite.settings import Settings, build_settings
from pml.training.model import Model, build_model, load_trained
from pml.training.run_directory import read_run

WEIGHTS = "model.safetensors"
REMEDY = "write it again with pml export"


def model_folder(path: Path) -> Path:
    """Return the folder of a model that is named by its run directory, its export, or the file of weights in one of these.

    Raises:
        InputError: it is another file.
    """
    if path.is_file():
        if path.name not in ("model.pt", WEIGHTS):
            raise InputError(f"{path}: no model; name a folder that holds run.json, and model.pt or {WEIGHTS}")
        return path.parent
    return path


def save_weights(model: Model, path: Path) -> None:
    """Write the weights of a model of faces, without a pickle in it."""
    modules = {"backbone": model.backbone, "method": model.method}
    named = {f"{part}.{name}": value for part, module in modules.items() for name, value in module.state_dict().items()}
    path.write_bytes(save({name: value.detach().cpu().contiguous().clone() for name, value in named.items()}))


def load_export(folder: Path, device: torch.device) -> tuple[Model, Settings]:
    """Return the model of an export, which takes faces, and the settings of its run.

    Raises:
        InputError: the folder holds no export, or one of other settings than today's, or a damaged one.
    """
    facts, path = read_run(folder), folder / WEIGHTS
    settings = build_settings(facts["settings"], f"{folder / 'run.json'}: settings")
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != facts["files"][WEIGHTS]:
            raise InputError(f"{path}: not as it was written, by the checksum in run.json; {REMEDY}")
        weights = load(content)
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(f"{path}: not the weights of an export: {error}; {REMEDY}") from None
    model = build_model(dataclasses.replace(settings, initialisation="random"), device, facts.get("embedding_dim"))
    if settings.embedded is not None:
        frozen, _ = build_frozen(settings.backbone, settings.backbone_options, "random")
        model.backbone = nn.Sequential(frozen, model.backbone)
    parts: dict[str, dict] = {"backbone": {}, "method": {}}
    for name, value in weights.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    load_trained(model, parts, path, REMEDY)
    model.backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, settings
