"""What is wrong with a config: names that nothing defines, settings that do not go together, options that no code takes."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pml.errors import InputError, suggest
from pml.files import check_apart
from pml.protocol import holds
from pml.registry import find, find_options
from pml.starts import STARTS, faces_of, starts_of
from pml.suite.config import PRETRAINED_FOLD, archive_name, comparison_reference, fill_config, folds, method_folds

SHOWN = 100  # characters of a path in a message
LONGEST_NAME = 200  # bytes of a file name; what is written beside a file has a longer one


def check_config(config: dict) -> dict:
    """Return `config` with every default filled in, and its `vary` written out.

    Raises:
        InputError: as `fill_config`; or it has the `config_problems`.
    """
    config = fill_config(config)
    if problems := list(config_problems(config)):
        raise InputError(*problems)
    return config


def config_problems(config: dict) -> Iterator[str]:
    """Yield what is wrong with a filled config.

    That is an experiment, table, comparison or figure that names something that the config does not define, settings that do
    not go together, or an archive that would be deleted, or overwritten by another.
    """
    for name, dataset in config["datasets"].items():
        yield from _of_archives(config["suite"], dataset["archives"], f"config: datasets.{name}.archives")
    for name in config["experiments"]:
        yield from _of_experiment(config, name)
        yield from _of_initialisation(config, name)
    for name, table in config["tables"].items():
        where = f"config: tables.{name}.experiments"
        yield from (_of_curricula if name == "table6" else _of_one_dataset)(config, table["experiments"], where)
    for name, comparison in config["comparisons"].items():
        yield from _of_one_dataset(config, comparison["experiments"], f"config: comparisons.{name}.experiments")
        experiment, method = comparison_reference(comparison)
        where = f"config: comparisons.{name}.reference"
        yield from _unknown([experiment], comparison["experiments"], where)
        yield from _unknown([method], config["experiments"].get(experiment, {"methods": [method]})["methods"], where)
    for name, cells in config["effects"].items():
        yield from _of_cells(config, cells, f"config: effects.{name}")
    for experiment, twin in config["leakage"].items():
        yield from _of_one_dataset(config, [experiment, twin] if twin else [experiment], "config: leakage")
    for name, figure in config["figures"].items():
        yield from _of_figure(config, figure, f"config: figures.{name}")


def check_options(config: dict) -> None:
    """Check the code that a config names: that it is there, and takes the options that the config gives it.

    Raises:
        InputError: it has the `option_problems`.
    """
    if problems := list(option_problems(config)):
        raise InputError(*problems)


def option_problems(config: dict) -> Iterator[str]:
    """Yield what is wrong with the code that a filled config names, and with the options that it gives it.

    A name is unknown, or an option is, or its value is refused; or a protocol needs what the data do not tell. The schema
    cannot know, for formats, protocols, backbones and methods may be a user's own. This imports them, and so PyTorch.
    """
    for name, dataset in config["datasets"].items():
        yield from _of_entry(f"datasets.{name}.options", "format", dataset["format"], dataset["options"])
    for name, method in config["methods"].items():
        found = [*_of_entry(f"methods.{name}.options", "method", method["class"], method["options"])]
        for number, candidate in enumerate([] if found else method["tuning"], 1):
            tried = method["options"] | candidate
            found += _of_entry(f"methods.{name}.tuning, {number}", "method", method["class"], tried)
        yield from found
    for name, experiment in config["experiments"].items():
        found = []
        for kind in ("protocol", "backbone"):
            found += _of_entry(f"experiments.{name}.{kind}_options", kind, experiment[kind], experiment[f"{kind}_options"])
        yield from found or [*_of_columns(config, name), *_of_selection(experiment, f"config: experiments.{name}")]


def _of_entry(where: str, kind: str, name: str, options: dict) -> Iterator[str]:
    try:
        find_options(kind, name, options)
    except InputError as error:
        yield f"config: {where}: {error}"


def _of_columns(config: dict, name: str) -> Iterator[str]:
    """Yield which columns the protocol of an experiment needs, such as subjects, that its data are known not to have.

    A protocol says it by `needs`, a format by `TELLS` or, where that depends on the archives, by `tells`.
    """
    experiment = config["experiments"][name]
    dataset = config["datasets"].get(experiment["dataset"])
    if dataset is None or list(_of_entry("", "format", dataset["format"], dataset["options"])):
        return  # which is a problem of its own
    kind, options = find("format", dataset["format"]), find_options("format", dataset["format"], dataset["options"])
    paths = [Path(archive["path"]) for archive in dataset["archives"] if "path" in archive]
    told = kind.tells(paths, options) if hasattr(kind, "tells") else getattr(kind, "TELLS", None)
    needs = getattr(find("protocol", experiment["protocol"]), "needs", {})
    needed = [column for column, option in needs.items() if experiment["protocol_options"].get(option) is None]
    if lacking := [column for column in needed if told is not None and column not in told]:
        yield (
            f"config: experiments.{name}.protocol: {experiment['protocol']} needs the column {', '.join(lacking)}, which the "
            f"dataset {experiment['dataset']} does not have; use another protocol, such as random or cross_validation"
        )


def _of_selection(experiment: dict, where: str) -> Iterator[str]:
    validates = experiment["validation"] or holds("validates", find("protocol", experiment["protocol"]))
    if experiment["training"]["selection"] == "validation" and not validates:
        yield f"{where}.training.selection: no image is held out to choose by; set {where[8:]}.validation above 0"


def _of_archives(suite: str, archives: list[dict], where: str) -> Iterator[str]:
    """Yield which archives are another's, and which files of the user lie where the suite deletes."""
    names: Counter[str] = Counter()
    for archive in archives:
        if "path" in archive:
            yield from _of_own_file(archive["path"], suite, where)
        elif "synthetic" in archive:
            names["synthetic"] += 1
        else:
            try:
                name = archive_name(archive["url"])
            except ValueError as error:
                yield f"{where}: '{archive['url']}' is no URL: {error}; correct it"
                continue
            if name in ("", "..") or len(os.fsencode(name)) > LONGEST_NAME:
                yield f"{where}: '{archive['url'][:SHOWN]}' ends in no file name, or a long one; give the URL of the file"
            names[name] += 1
    for name, count in names.items():
        if count > 1:
            yield f"{where}: {count} archives would be '{name}', each over the other; keep one, or use two datasets"


def _of_own_file(path: str, suite: str, where: str) -> Iterator[str]:
    if re.search(r"[{}<\x00-\x1f]", path):  # snakemake takes {name} for a wildcard and <name> for a variable
        yield f"{where}: {path!r} holds a brace, a < or a control character; rename it"
        return
    try:
        Path(path).exists()
        check_apart(path, Path("results", suite))
    except InputError as error:
        yield f"{where}: {error}"
    except OSError as error:  # what is not there is an error of the stage that reads it, which knows where to obtain it
        yield f"{where}: '{path[:SHOWN]}' cannot be looked at ({error.strerror}); correct the path"


def _of_experiment(config: dict, name: str) -> Iterator[str]:
    experiment, where = config["experiments"][name], f"config: experiments.{name}"
    yield from _unknown([experiment["dataset"]], config["datasets"], f"{where}.dataset")
    yield from _unknown(experiment["methods"], config["methods"], f"{where}.methods")
    labels = Counter(config["methods"][method]["label"] for method in experiment["methods"] if method in config["methods"])
    for label, count in labels.items():
        if count > 1:
            yield f"{where}.methods: {count} have the label '{label}'; give each one of its own"
    if isinstance(listed := experiment["protocol_options"].get("list"), str):
        yield from _of_own_file(listed, config["suite"], f"{where}.protocol_options.list")
    yield from _unknown(experiment["method_folds"], experiment["methods"], f"{where}.method_folds")
    if idle := [method for method in experiment["methods"] if not method_folds(experiment, method)]:
        yield f"{where}: {', '.join(idle)} has no folds; write a list, or first-last with first <= last"
    if experiment["curriculum"] != sorted(experiment["curriculum"]):
        yield f"{where}.curriculum: {experiment['curriculum']} do not ascend; write the smallest line first"
    training = experiment["training"]
    if training["optimiser"] == "sgd" and training["nesterov"] and not training["momentum"]:
        yield f"{where}.training.nesterov: needs a momentum; set momentum above 0, or nesterov to false"
    first_age, last_age = training["ages"]
    if first_age >= last_age:
        yield f"{where}.training.ages: {first_age} is not below {last_age}; write the first age, then the last"


def _of_initialisation(config: dict, name: str) -> Iterator[str]:
    """Yield why an experiment's initial weights will not be there, or have seen other faces than it says."""
    experiment, where = config["experiments"][name], f"config: experiments.{name}.initialisation"
    start = experiment["initialisation"]
    known = starts_of(experiment["backbone"])
    if (faces := faces_of(experiment["backbone"], start)) is not None:
        if experiment["pretraining"] != faces:
            yield f"config: experiments.{name}.pretraining: the start '{start}' has seen: {faces}; leave the key out"
        return
    if isinstance(start, str) and start in {name for _, name in STARTS}:
        remedy = f"give {', '.join(['random', *known])} or a checkpoint"
        yield f"{where}: no weights '{start}' of the backbone {experiment['backbone']} are known; {remedy}"
        return
    if isinstance(start, str) and not os.path.isfile(start):
        yield f"{where}: '{start[:SHOWN]}' is no checkpoint file{suggest(start, ['random', *known])}"
        return
    if "pretraining" not in experiment:
        place = f"config: experiments.{name}.pretraining"
        yield f"{place}: say what face data the initial weights have seen, such as none or IMDB-WIKI"
    if not isinstance(start, str):
        yield from _of_source(config, name, start["experiment"], where)


def _of_source(config: dict, name: str, source_name: str, where: str) -> Iterator[str]:
    """Yield why an experiment cannot start from another one."""
    experiments = config["experiments"]
    earlier, steps = source_name, {name}
    while earlier in experiments and not isinstance(experiments[earlier]["initialisation"], str):
        if earlier in steps:
            yield f"{where}: {earlier} starts from itself in the end; let one start from random or imagenet"
            return
        steps.add(earlier)
        earlier = experiments[earlier]["initialisation"]["experiment"]
    if source_name not in experiments:
        yield from _unknown([source_name], experiments, f"{where}.experiment")
        return
    experiment, source = experiments[name], experiments[source_name]
    if any(source[key] != experiment[key] for key in ("backbone", "backbone_options")):
        yield f"{where}: {source_name} has the backbone {source['backbone']}; take the same for both"
    if source["frozen"] != experiment["frozen"]:
        yield f"{where}: {source_name} has another 'frozen' than {name}; take the same for both"
    yield from _unknown(experiment["methods"], source["methods"], f"{where}: methods of {source_name}")
    ran = [method for method in experiment["methods"] if method in source["methods"]]
    kept = PRETRAINED_FOLD in folds(source["keep_models"])
    if not kept or not all(PRETRAINED_FOLD in method_folds(source, method) for method in ran):
        yield f"{where}: add {PRETRAINED_FOLD} to folds and keep_models of experiment {source_name}"


def _of_one_dataset(config: dict, experiments: list[str], where: str) -> Iterator[str]:
    yield from _unknown(experiments, config["experiments"], where)
    known = [config["experiments"][name]["dataset"] for name in experiments if name in config["experiments"]]
    if len(set(known)) > 1:
        yield f"{where}: {experiments} are on several data sets; take one"


def _of_curricula(config: dict, experiments: list[str], where: str) -> Iterator[str]:
    yield from _unknown(experiments, config["experiments"], where)
    for experiment in experiments:
        if experiment in config["experiments"] and not config["experiments"][experiment]["curriculum"]:
            yield f"{where}: {experiment} has no curriculum; give it one, such as [0.2, 0.4, 0.6, 0.8]"


def _of_cells(config: dict, cells: list[dict], where: str) -> Iterator[str]:
    tested, sources = [], []
    for cell in cells:
        missing = list(_unknown([cell["experiment"]], config["experiments"], where))
        experiment = config["experiments"].get(cell["experiment"], {"methods": [cell["method"]]})
        missing += _unknown([cell["method"]], experiment["methods"], where)
        if missing or experiment["dataset"] not in config["datasets"]:
            yield from missing
            return
        tested.append(set(method_folds(experiment, cell["method"])))
        dataset = config["datasets"][experiment["dataset"]]
        sources.append([dataset[key] for key in ("format", "options", "archives")])
    if any(source != sources[0] for source in sources):
        yield f"{where}: the data sets of the cells have other archives; compare cells of the same pictures"
    if not set.intersection(*tested):
        yield f"{where}: no fold is common to all cells; see folds and method_folds of their experiments"


def _of_figure(config: dict, figure: dict, where: str) -> Iterator[str]:
    if figure["experiment"] not in config["experiments"]:
        yield from _unknown([figure["experiment"]], config["experiments"], f"{where}.experiment")
        return
    experiment = config["experiments"][figure["experiment"]]
    for key in ("method", "baseline"):
        yield from _unknown([figure[key]], experiment["methods"], f"{where}.{key}")
    if "fold" not in figure:
        return
    if figure["fold"] not in folds(experiment["keep_models"]):
        yield f"{where}.fold: add {figure['fold']} to keep_models of experiment {figure['experiment']}"
    for method in {figure["method"], figure["baseline"]} & {*experiment["methods"]}:
        if figure["fold"] not in method_folds(experiment, method):
            yield f"{where}.fold: method '{method}' does not run fold {figure['fold']}; choose one it runs"


def _unknown(names: Iterable[str], known: Collection[str], where: str) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f"{where}: '{name}' is not defined{suggest(name, known)}"
