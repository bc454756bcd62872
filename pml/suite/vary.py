"""The key `vary`: an experiment at all levels of some factors, written out as experiments, methods and the cells of a table."""

import copy
import json
import re
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

from pml.errors import InputError, suggest
from pml.json_schema import check_json

LONGEST_NAME = 100  # letters of an experiment or a method, as of those that a config has: files are called for both
METHOD = "method"  # the factor that the methods of the varied experiment are
SHARED = ("protocol", "protocol_options", "fold_seed", "folds", "method_folds", "seeds", "methods")
Levels = dict[str, dict[str, Any]]  # what each level of a factor sets, by the path of the key


def expand(config: dict, schema: dict) -> dict:
    """Return a config with all defaults whose `vary` is written out: into `experiments`, `methods` and `effects`.

    A cell that has the settings of the varied experiment, or of a method as it stands, is that one, and no copy of it.

    Args:
        schema: of a config.

    Raises:
        InputError: a study varies what is not there (the nearest known key is suggested) or what its cells must share, gives a
            key a refused value, or would give two things one name.
    """
    config = copy.deepcopy(config)
    studies, config["vary"] = config["vary"], {}
    for name, study in studies.items():
        where = f"config: vary.{name}"
        if study["experiment"] not in config["experiments"]:
            known = suggest(study["experiment"], config["experiments"])
            raise InputError(f"{where}.experiment: '{study['experiment']}' is not defined{known}")
        methods = config["experiments"][study["experiment"]]["methods"]
        if unknown := [method for method in methods if method not in config["methods"]]:
            remedy = suggest(unknown[0], config["methods"])
            raise InputError(f"config: experiments.{study['experiment']}.methods: '{unknown[0]}' is not defined{remedy}")
        factors = {factor: _levels(factor, given, where) for factor, given in study["factors"].items()}
        _check_paths(factors, methods, schema, where)
        _add(config["effects"], name, list(_cells(config, name, study["experiment"], factors, schema, where)), where)
    return config


def _levels(factor: str, given: list | dict[str, dict], where: str) -> Levels:
    """Return what the levels of a factor set: a list has values of the key that the factor is named by."""
    if isinstance(given, dict):
        return given
    levels = {value if value and isinstance(value, str) else json.dumps(value, default=str): {factor: value} for value in given}
    if len(levels) < len(given):
        raise InputError(f"{where}.factors.{factor}: two levels are written alike; keep one of them")
    return levels


def _check_paths(factors: dict[str, Levels], methods: list[str], schema: dict, where: str) -> None:
    """Check that the factors name keys that may be varied, each of them another one."""
    where = f"{where}.factors"
    known = [path for path in _paths(schema["$defs"]["experiment"], schema) if path.split(".")[0] not in SHARED]
    known += [f"methods.{method}.{path}" for method in methods for path in _paths(schema["$defs"]["method"], schema)]
    set_by = sorted({(path, factor) for factor, levels in factors.items() for settings in levels.values() for path in settings})
    for path, _ in set_by:
        if path.split(".")[0] in SHARED and path.count(".") < 2:
            raise InputError(
                f"{where}: '{path}' cannot be varied: all cells share the experiment's folds and seeds, and its methods are a "
                "factor by themselves; leave it out"
            )
        if path not in known and not any(one.endswith("*") and path.startswith(one[:-1]) for one in known):
            raise InputError(f"{where}: unknown key '{path}'{suggest(path, known)}")
    for (path, factor), (other, of_other) in combinations(set_by, 2):
        if factor != of_other and f"{other}.".startswith(f"{path}."):
            raise InputError(f"{where}: {factor} and {of_other} both set {path}; make them one factor with levels by name")
    if METHOD in factors:
        raise InputError(f"{where}: '{METHOD}' is the factor of the experiment's methods; take another name")


def _paths(part: dict, root: dict) -> Iterator[str]:
    """Yield the path of every key of a part of a schema; `path.*` stands for keys that it leaves open."""
    if "$ref" in part:
        part = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
    for key, inner in part.get("properties", {}).items():
        yield key
        if inner.get("type") == "object" and "properties" not in inner:
            yield f"{key}.*"
        yield from (f"{key}.{path}" for path in _paths(inner, root))


def _cells(config: dict, study: str, name: str, factors: dict[str, Levels], schema: dict, where: str) -> Iterator[dict]:
    """Yield the cells of the full factorial design, after their experiments and methods have been added to the config."""
    base = copy.deepcopy(config["experiments"][name])
    targets = {
        factor: {_split(path)[0] for settings in levels.values() for path in settings} for factor, levels in factors.items()
    }
    for shared in _points(factors, [factor for factor, of in targets.items() if "" in of]):
        experiment, folds, cells = _varied(base, factors, shared, ""), {}, []
        for method in base["methods"]:
            entry = config["methods"][method]
            for own in _points(factors, [factor for factor, of in targets.items() if method in of and "" not in of]):
                varied, key, levels = _varied(entry, factors, shared | own, method), method, shared | own
                if varied != entry:
                    of_method = {factor: level for factor, level in levels.items() if method in targets[factor]}
                    key = _name(method, of_method)
                    words = [f"{factor.split('.')[-1]} {level}" for factor, level in of_method.items()]
                    varied["label"] = ", ".join([entry["label"], *words])
                    check_json(varied, {"$ref": "#/$defs/method", "$defs": schema["$defs"]}, f"{where}: {key}")
                    _add(config["methods"], key, varied, where)
                if method in base["method_folds"]:
                    folds[key] = base["method_folds"][method]
                of_methods = {METHOD: entry["label"]} if len(base["methods"]) > 1 else {}
                cells.append({"method": key, "levels": of_methods | levels})
        experiment |= {"methods": [cell["method"] for cell in cells], "method_folds": folds}
        key = name if experiment == base else _name(name, shared) if shared else f"{name}__{study}"
        if key != name:
            check_json(experiment, {"$ref": "#/$defs/experiment", "$defs": schema["$defs"]}, f"{where}: {key}")
        _add(config["experiments"], key, experiment, where)
        yield from ({"experiment": key, **cell} for cell in cells)


def _points(factors: dict[str, Levels], names: list[str]) -> Iterator[dict[str, str]]:
    """Yield every combination of the levels of some factors."""
    for levels in product(*(factors[name] for name in names)):
        yield dict(zip(names, levels, strict=True))


def _varied(entry: dict, factors: dict[str, Levels], point: dict[str, str], target: str) -> dict:
    """Return an entry with what the levels of a point set in it; `target` is a method, or empty for the experiment."""
    entry = copy.deepcopy(entry)
    for factor, level in point.items():
        for path, value in factors[factor][level].items():
            of, (*outer, last) = _split(path)
            inner = entry
            for key in outer if of == target else []:
                if not isinstance(inner.get(key), dict):
                    inner[key] = {}
                inner = inner[key]
            if of == target:
                inner[last] = value
    return entry


def _split(path: str) -> tuple[str, list[str]]:
    """Return the method whose entry a path leads into, empty for the experiment's own, and the keys in there."""
    first, *keys = path.split(".")
    return (keys[0], keys[1:]) if first == "methods" else ("", [first, *keys])


def _name(name: str, point: dict[str, str]) -> str:
    """Return the key of a varied entry, such as fgnet__learning_rate_0_001."""
    words = [f"{factor.split('.')[-1]} {re.sub('^-', 'minus ', level)}" for factor, level in point.items()]
    return "__".join([name, *(re.sub("[^a-z0-9]+", "_", word.lower()).strip("_") for word in words)])


def _add(entries: dict, name: str, entry: Any, where: str) -> None:
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"{where}: '{name[:LONGEST_NAME]}...' would be a name of {len(name)} letters; give the levels short names"
        )
    if entries.setdefault(name, entry) != entry:
        raise InputError(f"{where}: there is another '{name}'; rename that, or give the levels other names")
