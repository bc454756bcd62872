"""The command `pml check`: all that would stop a suite, found before anything runs."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch

from pml.backbones.build import read_weights
from pml.backbones.fetch import find_file
from pml.datasets import archives
from pml.datasets.index import missing_archive
from pml.errors import InputError
from pml.files import writing
from pml.forecast.forecast import disk_bytes
from pml.forecast.jobs import Suite
from pml.forecast.sizes import nominal
from pml.forecast.timing import Rates, model_bytes
from pml.registry import find, find_options
from pml.starts import starts_of
from pml.suite import Plan, make_plan
from pml.suite.check import config_problems, option_problems
from pml.suite.config import fill_config, read_config
from pml.suite.resources import training_megabytes
from pml.training.device import choose_device
from pml.training.live import LOGGER, open_logger

PICTURE_BYTES, PREDICTION_BYTES = 20_000, 60  # of a synthetic picture, and of a row of predictions: rounded up
BY_HAND = "without a network put it there by hand as"
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check(configfiles: Sequence[Path], gpus: int = 0) -> None:
    """Print what the suite of config files makes, and on stderr what may do harm or takes a download.

    Args:
        gpus: that a training will be given, as a profile says.

    Raises:
        InputError: something would stop the suite. Each problem is told, but for those that others hide: of a config whose
            values are wrong it is known which archives are missing, and of one that names unknown things all but what
            follows from its plan, such as folds and disk.
    """
    given = read_config(*configfiles)
    missing = list(missing_archives(given))
    try:
        config = fill_config(given)
    except InputError as error:
        raise InputError(*error.problems, *missing) from None
    problems = [*config_problems(config), *option_problems(config)]
    plan = None if problems else make_plan(given)
    problems += [*missing, *file_problems(config)]
    problems += machine_problems(config, _trainings(plan) if plan else config["experiments"], gpus)
    if plan:
        print(summary(plan))
        for warning in dict.fromkeys(warnings(plan, gpus)):
            print(f"warning: {warning}", file=sys.stderr)
        problems += plan_problems(plan)
    if problems:
        raise InputError(*dict.fromkeys(problems))


def summary(plan: Plan) -> str:
    """Return what a plan makes, and of what."""
    lines = [f"suite {plan.suite}: {sum(1 for _ in plan.tasks())} jobs, {len(plan.products())} tables and figures"]
    for name, experiment in plan.config["experiments"].items():
        methods = ", ".join(experiment["methods"])
        lines.append(f"  {name}: {experiment['protocol']} on {experiment['dataset']}, {experiment['backbone']}: {methods}")
    return "\n".join(lines)


def missing_archives(config: dict) -> Iterator[str]:
    """Yield which archives of the user are not there, of a config whose values may be of any kind."""
    for dataset in _mappings(config.get("datasets")):
        format = str(dataset.get("format"))
        unknown = list(_complaints(find, "format", format))
        for archive in (archive for archive in _mappings(dataset.get("archives")) if "path" in archive):
            path = Path(os.path.expanduser(str(archive["path"])))
            if not os.path.exists(path):  # which is false of a path that cannot be, too
                yield f"{path}: no such archive or folder; correct the path" if unknown else missing_archive(path, format)


def file_problems(config: dict) -> Iterator[str]:
    """Yield which archives of the user are others than their checksums say, hold no table, or which lists are not there."""
    for dataset in config["datasets"].values():
        paths = [Path(archive["path"]) for archive in dataset["archives"] if "path" in archive]
        for archive in dataset["archives"]:
            if "path" in archive and os.path.exists(archive["path"]):
                yield from _complaints(archives.verify, archive["path"], archive.get("checksum"))
        if len(paths) == len(dataset["archives"]) and all(map(os.path.exists, paths)):
            yield from _complaints(_check_table, dataset, paths)
    for name, experiment in config["experiments"].items():
        listed = experiment["protocol_options"].get("list")
        if isinstance(listed, str) and not os.path.isfile(listed):
            where = f"config: experiments.{name}.protocol_options.list"
            yield f"{where}: '{listed}' is no file; give the path of a list of images"


def machine_problems(config: dict, trained: Iterable[str], gpus: int) -> Iterator[str]:
    """Yield what this machine lacks: leave to write, the logger, a GPU for the experiments that are `trained`."""
    for folder in (f"results/{config['suite']}", "resources"):
        yield from _complaints(_check_writable, Path(folder))
    logger = os.environ.get(LOGGER, "")
    if ":" in logger:  # it is the user's own, and may tell a server when it is opened
        yield from (f"{LOGGER}: {complaint}" for complaint in _complaints(find, "logger", logger))
    else:
        yield from _complaints(_try_logger)
    for name in trained:
        yield from _complaints(choose_device, config["experiments"][name]["training"]["device"], gpus)


def plan_problems(plan: Plan) -> Iterator[str]:
    """Yield what would stop the suite when it runs: no weights, no such fold, a full disk."""
    for name in _trainings(plan):
        experiment = plan.config["experiments"][name]
        start = experiment["initialisation"]
        if isinstance(start, str) and start not in ("random", *starts_of(experiment["backbone"])):
            yield from _complaints(read_weights, start)
    for path, source, checksum in _published_weights(plan):
        if "://" not in source:
            yield from _complaints(find_file, source, checksum, path.parent)
    try:
        suite = Suite(plan)
    except InputError as error:
        yield from error.problems
        return
    unbuilt = [complaint for workload in suite.workloads for complaint in _complaints(model_bytes, workload)]
    yield from unbuilt or _of_disk(suite)


def warnings(plan: Plan, gpus: int) -> Iterator[str]:
    """Yield what may do harm, and what will be downloaded."""
    for task in plan.tasks("fetch_archive"):
        path, dataset = task.outputs["archive"], plan.config["datasets"][task.wildcards["dataset"]]
        size = nominal(dataset["format"]).megabytes
        if not Path(path).exists():
            told = f" ({size:,.0f} MB in all)" if size else ""
            yield f"{dataset['label']}: {task.settings['url']} will be downloaded{told}; {BY_HAND} {path}"
    for file, source, _ in _published_weights(plan):
        if "://" in source and not file.exists():
            yield f"weights: {source} will be downloaded; {BY_HAND} {file}"
    large: dict[int, list[str]] = {}
    for name, job in _trainings(plan).items():
        on_cpu = plan.config["experiments"][name]["training"]["device"] == "cpu"
        needed = training_megabytes(plan, job, 0 if on_cpu else max(gpus, torch.cuda.device_count()))
        large.setdefault(needed, []).append(name)
    there = _memory_mb()
    for needed, names in large.items():
        if needed > there:
            yield (
                f"memory: a training of {', '.join(names)} may take {needed / 1000:.0f} GB, and this machine has "
                f"{there / 1000:.0f} GB; lower training.batch_size or face_size, or train on a GPU"
            )


def _of_disk(suite: Suite) -> Iterator[str]:
    samples = {("picture_bytes", format): [float(PICTURE_BYTES)] for format in suite.formats.values()}
    sizes, _ = disk_bytes(suite, Rates(samples | {("prediction_bytes", ""): [float(PREDICTION_BYTES)]}), 1)
    folder = Path("results", suite.plan.suite)
    needed, free = sum(sizes.values()), shutil.disk_usage(_existing(folder)).free
    if needed > free:
        needed -= sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if needed > free:
        has = f"its disk has {free / 1e9:.1f} GB free"
        yield f"{folder}: takes about {needed / 1e9:.1f} GB more, and {has}; free some, or work in a folder on another disk"


def _complaints(work: Callable[..., object], *arguments: object) -> Iterator[str]:
    try:
        work(*arguments)
    except InputError as error:
        yield from error.problems


def _mappings(values: object) -> list[dict]:
    """Return the mappings in a list, or in another mapping."""
    inner = list(values.values()) if isinstance(values, dict) else values if isinstance(values, list) else []
    return [value for value in inner if isinstance(value, dict)]


def _check_table(dataset: dict, paths: list[Path]) -> None:
    """Check what a format can see of its archives before they are unpacked."""
    kind = find("format", dataset["format"])
    if hasattr(kind, "check_archives"):
        kind.check_archives(paths, find_options("format", dataset["format"], dataset["options"]))


def _trainings(plan: Plan) -> dict[str, dict[str, str]]:
    """Return the wildcards of a training job of each experiment that has one."""
    return {task.wildcards["experiment"]: task.wildcards for task in plan.tasks("train_folds")}


def _published_weights(plan: Plan) -> Iterator[tuple[Path, str, str]]:
    """Yield where each published file of weights is looked for, its source and its checksum; none of weights that are there."""
    for task in plan.tasks("fetch_weights"):
        output = Path(task.outputs["weights"])
        for source, checksum in {} if output.exists() else task.settings["files"].items():
            yield output if task.settings["read"] is None else output.with_name(source.rsplit("/", 1)[1]), source, checksum


def _try_logger() -> None:
    with tempfile.TemporaryDirectory() as folder, open_logger(Path(folder)):
        pass


def _check_writable(folder: Path) -> None:
    with writing(folder, _existing(folder)), tempfile.TemporaryFile(dir=_existing(folder)):
        pass


def _existing(folder: Path) -> Path:
    """Return the folder, or what there is of the folders above it."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _memory_mb() -> float:
    """Return the memory of this machine, or of the container that it is."""
    limit = CGROUP_LIMIT.read_text().strip() if CGROUP_LIMIT.exists() else "max"
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(physical, int(limit) if limit.isdecimal() else physical) / 1e6
