"""A suite's configuration: read, merged, and with defaults filled in."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pml.errors import InputError
from pml.json_schema import check_json
from pml.starts import faces_of
from pml.suite.settings import Crop, Frozen, Training, schema_of
from pml.suite.vary import expand
from pml.tables import load_schema

PRETRAINED_FOLD = 1  # of the experiment that another one starts from


def read_config(*paths: str | Path) -> dict:
    """Return what config files hold, unchecked; what a later one says replaces what an earlier one does, key by key.

    They are merged as snakemake merges those of `--configfile`: mappings at every depth, lists as a whole.

    Raises:
        InputError: a file cannot be read as YAML, or holds no settings.
    """
    config: dict = {}
    for path in paths:
        try:
            with Path(path).open() as file:
                over = yaml.safe_load(file)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{path}: cannot be read: {reason}; name a config file, such as config/paper.yaml") from None
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: no YAML: {reason}; correct it there, or name a config file") from None
        if not isinstance(over, dict):
            raise InputError(f"{path}: holds no settings; start from one of config/")
        config = _merged(config, over)
    return config


def _merged(config: Any, over: Any) -> Any:
    """Return what snakemake.utils.update_config makes of `config`; an empty mapping changes nothing there."""
    if not (isinstance(over, dict) and over):
        return config if over == {} else over
    config = config if isinstance(config, dict) else {}
    return config | {key: _merged(config.get(key, {}), value) for key, value in over.items()}


def fill_config(config: dict) -> dict:
    """Return `config` with every default filled in, each value of its kind, and its `vary` written out.

    The home folder is in the place of a `~` that begins a path.

    Raises:
        InputError: keys are unknown (the nearest known one is suggested), missing, or have a refused value; or a study of
            `vary` names something that the config does not define.
    """
    schema = config_schema()
    check_json(config, schema, "config")
    config = _filled(expand(_filled(config, schema, schema), schema), schema, schema)
    for dataset in config["datasets"].values():
        dataset.setdefault("face_size", config["face_size"])
    for experiment in config["experiments"].values():
        if (faces := faces_of(experiment["backbone"], experiment["initialisation"])) is not None:
            experiment.setdefault("pretraining", faces)
    _expand_home(config)
    return config


def config_schema() -> dict:
    """Return the JSON schema of a config."""
    schema = load_schema("config")
    schema["$defs"]["dataset"]["properties"] |= schema_of(Crop)["properties"]
    schema["$defs"]["training"] = schema_of(Training)
    schema["$defs"]["frozen"] = schema_of(Frozen) | {"type": ["object", "null"]}
    return schema


def archive_name(url: str) -> str:
    """Return the file name of a download."""
    return Path(urlsplit(url).path).name


def comparison_reference(comparison: dict) -> tuple[str, str]:
    """Return the experiment and the method that a comparison compares with; a method alone is the first experiment's."""
    reference = comparison["reference"]
    if isinstance(reference, str):
        return comparison["experiments"][0], reference
    return reference["experiment"], reference["method"]


def folds(value: str | list[int]) -> list[int]:
    """Return the fold numbers that a list, "first-last" or "first-last/step" stands for."""
    if isinstance(value, list):
        return value
    span, _, step = value.partition("/")
    first, last = map(int, span.split("-"))
    return list(range(first, last + 1, int(step or 1)))


def method_folds(experiment: dict, method: str) -> list[int]:
    """Return the folds that `method` runs in `experiment`."""
    return folds(experiment["method_folds"].get(method, experiment["folds"]))


def fold_jobs(experiment: dict, method: str) -> Iterator[list[int]]:
    """Yield, for each training job of `method`, the folds that its process trains one after the other."""
    numbers, size = method_folds(experiment, method), experiment["folds_per_job"]
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _expand_home(config: dict) -> None:
    """Put the home folder in the place of the `~` that begins a path: no shell does it in a config."""
    archives = [archive for dataset in config["datasets"].values() for archive in dataset["archives"]]
    experiments = list(config["experiments"].values())
    places = [(archive, "path") for archive in archives] + [(experiment, "initialisation") for experiment in experiments]
    for holder, key in places + [(experiment["protocol_options"], "list") for experiment in experiments]:
        if isinstance(path := holder.get(key), str):
            holder[key] = os.path.expanduser(path)


def _filled(value: Any, schema: dict, root: dict) -> Any:
    """Return `value` with the defaults of its schema, at every depth; the schema was checked before."""
    if "$ref" in schema:
        target = root
        for key in schema["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        return _filled(value, target, root)
    if isinstance(value, list):
        return [_filled(item, schema.get("items", {}), root) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    other = schema.get("additionalProperties")
    filled = {key: part["default"] for key, part in properties.items() if "default" in part} | value
    return {
        key: _filled(inner, properties[key] if key in properties else other if isinstance(other, dict) else {}, root)
        for key, inner in filled.items()
    }
