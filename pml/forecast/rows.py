"""The lines of a forecast, each an amount with its interval; and all of them as CSV."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pml.files import replacing
from pml.forecast.estimate import TRAINING_RULES, UNKNOWN, Estimate, Interval, interval
from pml.forecast.rates import Rates
from pml.forecast.storage import disk_bytes
from pml.forecast.suite import Suite

UNITS = {"experiment": "s", "table": "s", "work": "s", "wall": "s", "disk": "bytes", "memory": "MB"}


@dataclass(frozen=True)
class Row:
    """One line of the forecast.

    Attributes:
        kind: a key of `UNITS`.
        name: of what.
        amount: in the unit of its kind.
        jobs: how many; None where there are none of its own.
        images: that pass through a network forward and backward, each as often as it does; None where none do.
    """

    kind: str
    name: str
    amount: Interval
    jobs: int | None = None
    images: int | None = None


def forecast_rows(suite: Suite, rates: Rates, cores: int) -> list[Row]:
    """Return every line of the forecast of a suite, `cores` jobs at a time.

    A table's hours are those of all experiments that it needs, so they do not add up: the rows of work count each job once.
    """

    def seconds(amount: Callable[[Estimate], float]) -> Interval:
        return interval(suite, rates, amount)

    def training(kind: str, name: str, wanted: list[str]) -> Row:
        jobs = [job for job in suite.jobs if job.experiment in wanted]
        images = sum(suite.work[job].trained for job in jobs)
        return Row(kind, name, seconds(lambda estimate: estimate.training(wanted)), len(jobs), images)

    experiments = list(suite.config["experiments"])
    others = sum(count for rule, count in suite.counts.items() if rule not in TRAINING_RULES)
    disk, _ = disk_bytes(suite, rates, cores)
    memory = {"of a process": max(rates.memory_mb, default=0), "of the GPU": max(rates.gpu_memory_mb, default=0)}
    return [
        *(training("experiment", name, [name]) for name in experiments),
        *(training("table", name, wanted) for name, wanted in suite.tables().items()),
        training("work", "training, each run once", experiments),
        Row("work", "all other jobs", seconds(lambda estimate: estimate.others()), others),
        Row("wall", f"--cores {cores}", seconds(lambda estimate: estimate.wall(cores))),
        Row("wall", "any number", seconds(lambda estimate: estimate.longest_chain())),
        *(Row("disk", name, Interval(size, size, size)) for name, size in disk.items()),
        *(Row("memory", name, Interval(most, most, most * UNKNOWN)) for name, most in memory.items() if most),
    ]


def write_rows(rows: list[Row], path: Path) -> None:
    """Write the forecast as CSV: kind, name, jobs, images, low, middle, high, unit."""
    lines = [
        {
            "kind": row.kind,
            "name": row.name,
            "jobs": row.jobs,
            "images": row.images,
            **vars(row.amount),
            "unit": UNITS[row.kind],
        }
        for row in rows
    ]
    frame = pd.DataFrame(lines).astype({"jobs": "Int64", "images": "Int64"})
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n", float_format="%.1f")
