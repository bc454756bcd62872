"""A suite's configuration: checked, with defaults filled in."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pml.errors import InputError, suggest
from pml.files import check_apart, load_schema
from pml.json_schema import check_json
from pml.registry import find, find_options
from pml.starts import STARTS, starts_of
from pml.suite.settings import Frozen, Training, schema_of

PRETRAINED_FOLD = 1  # of the experiment that another one starts from


def read_config(path: str | Path) -> dict:
    """Return what a config file holds, unchecked.

    Raises:
        InputError: it cannot be read as YAML, or holds no settings.
    """
    try:
        config = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read: {reason}; name a config file, such as config/paper.yaml") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: holds no settings; start from one of config/")
    return config


def check_config(config: dict) -> dict:
    """Return `config` with every default filled in, and with the home folder in the place of a `~` that begins a path.

    Raises:
        InputError: a key is unknown (the nearest known one is suggested), missing, or has a refused value; or an
            experiment, table, comparison or figure names something that the config does not define; or an archive would be
            deleted, or overwritten by another.
    """
    schema = config_schema()
    check_json(config, schema, "config")
    config = _filled(config, schema, schema)
    _expand_home(config)
    for name, dataset in config["datasets"].items():
        _check_archives(config["suite"], dataset["archives"], f"config: datasets.{name}.archives")
    for name in config["experiments"]:
        _check_experiment(config, name)
        _check_initialisation(config, name)
    for name, table in config["tables"].items():
        where = f"config: tables.{name}.experiments"
        (_check_curricula if name == "table6" else _check_one_dataset)(config, table["experiments"], where)
    for name, comparison in config["comparisons"].items():
        _check_one_dataset(config, comparison["experiments"], f"config: comparisons.{name}.experiments")
        experiment, method = comparison_reference(comparison)
        _known(experiment, comparison["experiments"], f"config: comparisons.{name}.reference")
        _known(method, config["experiments"][experiment]["methods"], f"config: comparisons.{name}.reference")
    for experiment, twin in config["leakage"].items():
        _check_one_dataset(config, [experiment, twin] if twin else [experiment], "config: leakage")
    for name, figure in config["figures"].items():
        _check_figure(config, figure, f"config: figures.{name}")
    return config


def check_options(config: dict) -> None:
    """Check the code that a config names: that it is there, and takes the options that the config gives it.

    The schema cannot: formats, protocols, backbones and methods may be a user's own. This imports them, and so PyTorch.

    Raises:
        InputError: a name is unknown, or an option is, or its value is refused; or a protocol needs what the data do not tell.
    """
    for name, dataset in config["datasets"].items():
        _check_entry(f"datasets.{name}.options", "format", dataset["format"], dataset["options"])
    for name, method in config["methods"].items():
        _check_entry(f"methods.{name}.options", "method", method["class"], method["options"])
        for number, candidate in enumerate(method["tuning"], 1):
            _check_entry(f"methods.{name}.tuning, {number}", "method", method["class"], method["options"] | candidate)
    for name, experiment in config["experiments"].items():
        for kind in ("protocol", "backbone"):
            _check_entry(f"experiments.{name}.{kind}_options", kind, experiment[kind], experiment[f"{kind}_options"])
        _check_columns(config, name)


def _check_entry(where: str, kind: str, name: str, options: dict) -> None:
    try:
        find_options(kind, name, options)
    except InputError as error:
        raise InputError(f"config: {where}: {error}") from None


def _check_columns(config: dict, name: str) -> None:
    """Check that the data of an experiment tell what its protocol needs, such as subjects, where that is known beforehand.

    A protocol says it by `needs`, a format by `TELLS` or, where that depends on the archives, by `tells`.
    """
    experiment = config["experiments"][name]
    dataset = config["datasets"][experiment["dataset"]]
    kind, options = find("format", dataset["format"]), find_options("format", dataset["format"], dataset["options"])
    paths = [Path(archive["path"]) for archive in dataset["archives"] if "path" in archive]
    told = kind.tells(paths, options) if hasattr(kind, "tells") else getattr(kind, "TELLS", None)
    needs = getattr(find("protocol", experiment["protocol"]), "needs", {})
    needed = [column for column, option in needs.items() if experiment["protocol_options"].get(option) is None]
    if lacking := [column for column in needed if told is not None and column not in told]:
        raise InputError(
            f"config: experiments.{name}.protocol: {experiment['protocol']} needs the column {', '.join(lacking)}, which the "
            f"dataset {experiment['dataset']} does not have; use another protocol, such as random or cross_validation"
        )


def config_schema() -> dict:
    """Return the JSON schema of a config."""
    schema = load_schema("config")
    schema["$defs"]["training"] = schema_of(Training)
    schema["$defs"]["frozen"] = schema_of(Frozen) | {"type": ["object", "null"]}
    return schema


def archive_name(url: str) -> str:
    """Return the file name of a download."""
    return Path(urlsplit(url).path).name


def _expand_home(config: dict) -> None:
    """Put the home folder in the place of the `~` that begins a path: no shell does it in a config."""
    archives = [archive for dataset in config["datasets"].values() for archive in dataset["archives"]]
    experiments = list(config["experiments"].values())
    places = [(archive, "path") for archive in archives] + [(experiment, "initialisation") for experiment in experiments]
    for holder, key in places + [(experiment["protocol_options"], "list") for experiment in experiments]:
        if isinstance(path := holder.get(key), str):
            holder[key] = os.path.expanduser(path)


def _check_archives(suite: str, archives: list[dict], where: str) -> None:
    """Check that no archive is another's, and that no file of the user lies where the suite deletes."""
    for archive in archives:
        if "path" in archive:
            _check_own_file(archive["path"], suite, where)
    for url in (archive["url"] for archive in archives if "url" in archive):
        try:
            name = archive_name(url)
        except ValueError as error:
            raise InputError(f"{where}: '{url}' is no URL: {error}") from None
        if name in ("", ".."):
            raise InputError(f"{where}: '{url}' ends in no file name; give the URL of the file")
    names = Counter("synthetic" if "synthetic" in one else archive_name(one["url"]) for one in archives if "path" not in one)
    name, count = max(names.items(), key=lambda item: item[1], default=("", 0))
    if count > 1:
        raise InputError(f"{where}: {count} archives would be '{name}', each over the other; keep one, or use two datasets")


def _check_own_file(path: str, suite: str, where: str) -> None:
    if re.search(r"[{}<\x00-\x1f]", path):  # snakemake takes {name} for a wildcard and <name> for a variable
        raise InputError(f"{where}: {path!r} holds a brace, a < or a control character; rename it")
    try:
        check_apart(path, Path("results", suite))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _check_experiment(config: dict, name: str) -> None:
    experiment, where = config["experiments"][name], f"config: experiments.{name}"
    _known(experiment["dataset"], config["datasets"], f"{where}.dataset")
    for method in experiment["methods"]:
        _known(method, config["methods"], f"{where}.methods")
    label, count = Counter(config["methods"][method]["label"] for method in experiment["methods"]).most_common(1)[0]
    if count > 1:
        raise InputError(f"{where}.methods: {count} have the label '{label}'; give each one of its own")
    if isinstance(listed := experiment["protocol_options"].get("list"), str):
        _check_own_file(listed, config["suite"], f"{where}.protocol_options.list")
    for method in experiment["method_folds"]:
        _known(method, experiment["methods"], f"{where}.method_folds")
    for method in experiment["methods"]:
        if not method_folds(experiment, method):
            raise InputError(f"{where}: method '{method}' has no folds; write a list, or first-last with first <= last")
    if experiment["curriculum"] != sorted(experiment["curriculum"]):
        raise InputError(f"{where}.curriculum: {experiment['curriculum']} do not ascend; write the smallest line first")
    training = experiment["training"]
    if training["optimiser"] == "sgd" and training["nesterov"] and not training["momentum"]:
        raise InputError(f"{where}.training.nesterov: needs a momentum; set momentum above 0, or nesterov to false")
    if training["selection"] == "validation" and not experiment["validation"] and experiment["protocol"] != "official_train":
        raise InputError(f"{where}.training.selection: no image is held out to choose by; set {where[8:]}.validation above 0")
    first_age, last_age = training["ages"]
    if first_age >= last_age:
        raise InputError(f"{where}.training.ages: {first_age} is not below {last_age}; write the first age, then the last")


def _check_initialisation(config: dict, name: str) -> None:
    """Check that an experiment's initial weights are there, or will be, and fill in what faces a known start has seen."""
    experiment, where = config["experiments"][name], f"config: experiments.{name}.initialisation"
    start = experiment["initialisation"]
    known = starts_of(experiment["backbone"])
    if start in ("random", *known):
        faces = "none" if start == "random" else STARTS[experiment["backbone"], start].faces
        if experiment.setdefault("pretraining", faces) != faces:
            raise InputError(
                f"config: experiments.{name}.pretraining: the start '{start}' has seen: {faces}; leave the key out"
            )
        return
    if isinstance(start, str) and start in {name for _, name in STARTS}:
        remedy = f"give {', '.join(['random', *known])} or a checkpoint"
        raise InputError(f"{where}: no weights '{start}' of the backbone {experiment['backbone']} are known; {remedy}")
    if isinstance(start, str) and not Path(start).is_file():
        raise InputError(f"{where}: '{start}' is no checkpoint file{suggest(start, ['random', *known])}")
    if "pretraining" not in experiment:
        place = f"config: experiments.{name}.pretraining"
        raise InputError(f"{place}: say what face data the initial weights have seen, such as none or IMDB-WIKI")
    if isinstance(start, str):
        return
    _known(start["experiment"], config["experiments"], f"{where}.experiment")
    earlier, steps = start["experiment"], {name}
    while not isinstance(config["experiments"][earlier]["initialisation"], str):
        if earlier in steps:
            raise InputError(f"{where}: {earlier} starts from itself in the end; let one start from random or imagenet")
        steps.add(earlier)
        earlier = config["experiments"][earlier]["initialisation"]["experiment"]
    source = config["experiments"][start["experiment"]]
    if any(source[key] != experiment[key] for key in ("backbone", "backbone_options")):
        raise InputError(f"{where}: {start['experiment']} has the backbone {source['backbone']}; take the same for both")
    if source["frozen"] != experiment["frozen"]:
        raise InputError(f"{where}: {start['experiment']} has another 'frozen' than {name}; take the same for both")
    for method in experiment["methods"]:
        _known(method, source["methods"], f"{where}: methods of {start['experiment']}")
        if PRETRAINED_FOLD not in method_folds(source, method) or PRETRAINED_FOLD not in folds(source["keep_models"]):
            raise InputError(f"{where}: add {PRETRAINED_FOLD} to folds and keep_models of experiment {start['experiment']}")


def _check_one_dataset(config: dict, experiments: list[str], where: str) -> None:
    for experiment in experiments:
        _known(experiment, config["experiments"], where)
    if len({config["experiments"][experiment]["dataset"] for experiment in experiments}) > 1:
        raise InputError(f"{where}: {experiments} are on several data sets; take one")


def _check_curricula(config: dict, experiments: list[str], where: str) -> None:
    for experiment in experiments:
        _known(experiment, config["experiments"], where)
        if not config["experiments"][experiment]["curriculum"]:
            raise InputError(f"{where}: {experiment} has no curriculum; give it one, such as [0.2, 0.4, 0.6, 0.8]")


def _check_figure(config: dict, figure: dict, where: str) -> None:
    _known(figure["experiment"], config["experiments"], f"{where}.experiment")
    experiment = config["experiments"][figure["experiment"]]
    for key in ("method", "baseline"):
        _known(figure[key], experiment["methods"], f"{where}.{key}")
    if "fold" not in figure:
        return
    if figure["fold"] not in folds(experiment["keep_models"]):
        raise InputError(f"{where}.fold: add {figure['fold']} to keep_models of experiment {figure['experiment']}")
    for method in (figure["method"], figure["baseline"]):
        if figure["fold"] not in method_folds(experiment, method):
            raise InputError(f"{where}.fold: method '{method}' does not run fold {figure['fold']}; choose one it runs")


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


def _known(name: str, known: Collection[str], where: str) -> None:
    if name not in known:
        raise InputError(f"{where}: '{name}' is not defined{suggest(name, known)}")
