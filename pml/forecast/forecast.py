"""The command `pml forecast`: what a suite will take, from its plan and the speed of a machine."""

import sys
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.files import write_text
from pml.forecast.jobs import RUNS, Job, Suite, runs_before
from pml.forecast.recorded import recorded_rates
from pml.forecast.sizes import nominal
from pml.forecast.text import forecast_text
from pml.forecast.timing import UNKNOWN, Rates, calibrate, embedding_bytes, model_bytes
from pml.suite import make_plan
from pml.suite.config import read_config
from pml.task import flat

CHECKPOINT = 3  # weights, and two moments of each


def forecast(configfiles: Sequence[Path], cores: int, runs: Path | None, csv: Path | None) -> None:
    """Print what the suite of a config will take, `cores` jobs at a time, and write it to `csv` if that is given.

    The speed of training is measured here, or taken from the finished runs below `runs`.

    Raises:
        InputError: the config is wrong, a fold, a run or a method is not there, a batch does not fit into the GPU, or `csv` is
            a config file or a file of the suite.
    """
    suite = Suite(make_plan(read_config(*configfiles)))
    if csv and csv.exists():
        files = (path for job in suite.jobs for path in flat([job.task.inputs, job.task.outputs]))
        if any(path.exists() and csv.samefile(path) for path in [*configfiles, *map(Path, files)]):
            raise InputError(f"{csv}: is the config file or one of its suite's, which the forecast would replace; name another")
    rates = recorded_rates(runs, suite.workloads) if runs else Rates()
    rates.add(calibrate([] if runs else suite.workloads, sorted(set(suite.formats.values())), cores, suite.networks))
    disk, unknown = disk_bytes(suite, rates, cores)
    rows = forecast_rows(suite, rates, cores, disk)
    print(forecast_text(suite, rates, rows, unknown))
    if csv:
        write_text(rows.to_csv(index=False, lineterminator="\n", float_format="%.1f"), csv)
        print(f"{csv}: {len(rows)} rows", file=sys.stderr)


def forecast_rows(suite: Suite, rates: Rates, cores: int, disk: dict[str, float]) -> pd.DataFrame:
    """Return every amount of the forecast of a suite, `cores` jobs at a time.

    A table's hours are those of all runs that it needs, so they do not add up: the rows of work count each job once.

    Returns:
        kind, name, jobs, images (that pass through a network forward and backward), low, middle, high, unit. Jobs and images
        are missing where there are none.
    """
    seconds = {job: _total(count * rates.rate(*of) for of, count in job.work.items()) for job in suite.jobs}
    runs = [job for job in suite.jobs if job.task.rule in RUNS]

    @cache
    def end(job: Job) -> np.ndarray:  # where there is a core for every job
        return seconds[job] + np.max([np.zeros(3), *map(end, job.earlier)], axis=0)

    def row(kind: str, name: str, amount: float | np.ndarray, unit: str = "s", jobs: Collection[Job] = ()) -> tuple:
        images = sum(job.trained for job in jobs)
        return kind, name, len(jobs) or None, images or None, *np.broadcast_to(amount, 3), unit

    def work(kind: str, name: str, jobs: Collection[Job]) -> tuple:
        return row(kind, name, _total(seconds[job] for job in jobs), "s", jobs)

    longest = np.max([end(job) for job in suite.jobs], axis=0)
    experiments = dict.fromkeys(job.task.wildcards["experiment"] for job in runs)
    memory = {of: max(most) for (name, of), most in rates.samples.items() if name == "memory_mb"}
    rows = [
        *(work("experiment", name, [job for job in runs if job.task.wildcards["experiment"] == name]) for name in experiments),
        *(work("table", name, runs_before(job)) for name, job in suite.tables.items()),
        work("work", "training, each run once", runs),
        work("work", "all other jobs", [job for job in suite.jobs if job.task.rule not in RUNS]),
        row("wall", f"--cores {cores}", np.maximum(_total(seconds.values()) / cores, longest)),
        row("wall", "any number", longest),
        *(row("disk", name, size, "bytes") for name, size in (disk | {"all": sum(disk.values())}).items()),
        *(row("memory", of, most * np.array([1, 1, UNKNOWN]), "MB") for of, most in memory.items() if most),
    ]
    columns = ["kind", "name", "jobs", "images", "low", "middle", "high", "unit"]
    return pd.DataFrame(rows, columns=columns).astype({"jobs": "Int64", "images": "Int64"})


def _total(amounts: Iterable[np.ndarray]) -> np.ndarray:
    return np.sum([np.zeros(3), *amounts], axis=0)


def disk_bytes(suite: Suite, rates: Rates, cores: int) -> tuple[dict[str, float], list[str]]:
    """Return the bytes of each kind of file, and the labels of the data sets that have an archive of unknown size.

    An archive that the user has takes nothing more, but its unpacked pictures take what it does; a folder in place of one is
    linked.
    """
    fetched = unpacked = 0.0
    unknown = {}
    for name, dataset in suite.plan.config["datasets"].items():
        known, paths = nominal(dataset["format"]), suite.plan.task("index_images", dataset=name).settings["archives"]
        for path, archive in zip(map(Path, paths), dataset["archives"], strict=True):
            size = 0.0
            if path.exists():
                size = 0 if path.is_dir() else path.stat().st_size
            elif "synthetic" in archive:
                size = suite.images[name] * mean(rates.samples["picture_bytes", suite.formats[name]])
            elif "url" in archive and known.megabytes:
                size = known.megabytes * 1e6 / len(paths)
            else:
                unknown[dataset["label"]] = True
            fetched += 0 if "path" in archive else size
            unpacked += size
    weights = {workload: model_bytes(workload) for workload in suite.workloads}
    work = [each for job in suite.jobs for each in job.work.items()]
    trained = [(job.workload, job.task.settings) for job in suite.jobs if job.workload]
    return {
        "archives": fetched,
        "unpacked pictures": unpacked,
        "face stores": sum(
            count * 3 * suite.plan.config["datasets"][name]["face_size"] ** 2 for name, count in suite.images.items()
        ),
        "embedding stores": sum(embedding_bytes(of) * count for (name, of), count in work if name == "embed"),
        "models kept": sum(weights[of] * len({*chosen["folds"]} & {*chosen["keep_models"]}) for of, chosen in trained),
        "predictions": sum(job.predicted for job in suite.jobs) * mean(rates.samples["prediction_bytes", ""]),
        "checkpoints, while training": cores * CHECKPOINT * max(weights.values(), default=0),
    }, list(unknown)
