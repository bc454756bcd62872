"""The forecast as a reader sees it: aligned tables on the terminal, and one table as CSV."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from pml.files import replacing
from pml.forecast.calibration import most_timed
from pml.forecast.estimate import UNKNOWN, Interval, interval
from pml.forecast.rates import Rates
from pml.forecast.storage import disk_bytes
from pml.forecast.suite import Suite

BUSY = 0.9  # share of a core below which the machine counts as busy
HOUR, MINUTE = 3600, 60
WIDTH = 110


@dataclass(frozen=True)
class Row:
    """One line of the forecast.

    Attributes:
        kind: experiment, table, work, wall, disk or memory.
        name: of what.
        jobs: how many; None where there are none of its own.
        images: that pass through a network forward and backward, each as often as it does; None where none do.
        amount: in seconds, bytes or MB.
    """

    kind: str
    name: str
    jobs: int | None
    images: int | None
    amount: Interval


def forecast_rows(suite: Suite, rates: Rates, cores: int) -> list[Row]:
    """Return every line of the forecast of a suite, `cores` jobs at a time.

    A table's hours are those of all experiments that it needs, so they do not add up: the rows of work count each job once.
    """
    experiments, tables = list(suite.config["experiments"]), suite.tables()

    def training(kind: str, name: str, wanted: list[str]) -> Row:
        jobs = [job for job in suite.jobs if job.experiment in wanted]
        images = sum(suite.work[job].trained for job in jobs)
        return Row(kind, name, len(jobs), images, interval(suite, rates, lambda estimate: estimate.training(wanted)))

    rows = [training("experiment", name, [name]) for name in experiments]
    rows += [training("table", name, wanted) for name, wanted in tables.items()]
    rows += [training("work", "training, each run once", experiments)]
    others = sum(count for rule, count in suite.counts.items() if rule != "train_folds")
    rows += [Row("work", "all other jobs", others, None, interval(suite, rates, lambda estimate: estimate.others()))]
    rows += [Row("wall", f"--cores {cores}", None, None, interval(suite, rates, lambda estimate: estimate.wall(cores)))]
    rows += [Row("wall", "any number", None, None, interval(suite, rates, lambda estimate: estimate.longest_chain()))]
    disk, _ = disk_bytes(suite, rates, cores)
    rows += [Row("disk", name, None, None, Interval(size, size, size)) for name, size in disk.items()]
    for name, samples in (("of a process", rates.memory_mb), ("of the GPU", rates.gpu_memory_mb)):
        if samples:
            rows.append(Row("memory", name, None, None, Interval(max(samples), max(samples), max(samples) * UNKNOWN)))
    return rows


def forecast_text(suite: Suite, rates: Rates, cores: int, rows: list[Row], stand_ins: list[str]) -> str:
    """Return the forecast for the terminal."""
    of_kind = {
        kind: [row for row in rows if row.kind == kind] for kind in ("experiment", "table", "work", "wall", "disk", "memory")
    }
    labels = {name: dataset["label"] for name, dataset in suite.config["datasets"].items()}
    jobs = ", ".join(f"{rule} {count:,}" for rule, count in suite.counts.most_common())
    parts = [
        f"Forecast of the suite {suite.config['suite']}: {sum(suite.counts.values()):,} jobs, trained on {rates.device}",
        _table(
            ["data", "images", "by"],
            [[labels[name], f"{count:,}", suite.sources[name]] for name, count in suite.images.items()],
        ),
        textwrap.fill(f"Jobs: {jobs}", WIDTH, subsequent_indent="      "),
    ]
    unit = HOUR if sum(row.amount.middle for row in of_kind["work"]) > 3 * HOUR else MINUTE
    named = f"{'CPU' if rates.device == 'cpu' else 'GPU'} {'hours' if unit == HOUR else 'minutes'}"
    for kind, title in (("experiment", named), ("table", named), ("work", named.split()[1])):
        if of_kind[kind]:
            parts.append(
                _table([kind, "jobs", "million images", title, "from", "to"], [_cells(row, unit) for row in of_kind[kind]])
            )
    wall, least = of_kind["wall"]
    parts.append(
        f"Time with {wall.name}: {_span(wall.amount)}. With any number, since jobs wait for jobs: {_span(least.amount)}"
    )
    disk = [
        *((row.name, row.amount.middle) for row in of_kind["disk"]),
        ("all", sum(row.amount.middle for row in of_kind["disk"])),
    ]
    parts.append(_table(["disk", "GB"], [[name, _significant(size / 1e9)] for name, size in disk]))
    memory = " and ".join(f"{row.amount.middle / 1000:.1f} GB {row.name}" for row in of_kind["memory"])
    parts.append(f"Peak memory: {memory}, for each of {cores} at a time")
    notes = _notes(suite, rates, wall.amount, stand_ins)
    return "\n\n".join([*parts, "\n".join(textwrap.fill(f"* {note}", WIDTH, subsequent_indent="  ") for note in notes)])


def write_rows(rows: list[Row], path: Path) -> None:
    """Write the forecast as CSV: kind, name, jobs, images, expected, low, high, unit."""
    units = {"disk": "bytes", "memory": "MB"}
    frame = pd.DataFrame(
        [
            (
                row.kind,
                row.name,
                row.jobs,
                row.images,
                row.amount.middle,
                row.amount.low,
                row.amount.high,
                units.get(row.kind, "s"),
            )
            for row in rows
        ],
        columns=["kind", "name", "jobs", "images", "expected", "low", "high", "unit"],
    ).astype({"jobs": "Int64", "images": "Int64"})
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n", float_format="%.1f")


def _notes(suite: Suite, rates: Rates, wall: Interval, stand_ins: list[str]) -> list[str]:
    """Return what the reader must know to believe the numbers no more than they deserve."""
    notes = [
        f"From and to: by the fastest and the slowest of the steps that were timed, widened by a factor of {UNKNOWN:g} for "
        "what they do not show. A table's hours hold every experiment it needs; the rows of work count each job once."
    ]
    share = sum(rates.share) / len(rates.share) if rates.share else 1
    if share < BUSY:
        notes.append(
            f"This machine is busy: the calibration had {share:.0%} of its cores. Left alone it would take about "
            f"{_duration(wall.middle * share)} in place of {_duration(wall.middle)}."
        )
    if rates.device == "cpu":
        notes.append(
            "These are hours of a CPU. For those of a GPU call this where there is one, or divide the images by its speed."
        )
    largest = max((workload.values["batch_size"] for workload in suite.workloads), default=0)
    timed = most_timed(suite.config["face_size"])
    if rates.device == "cpu" and largest > timed:
        notes.append(f"Batches of {largest} were timed as batches of {timed}, so they will take more memory.")
    _, unknown = disk_bytes(suite, rates, 1)
    if unknown:
        notes.append(f"Not at hand and of unknown size: the archives of {', '.join(unknown)}, and their unpacked pictures.")
    notes += stand_ins
    notes.append(
        "Not counted: downloads, a queue, Snakemake itself. Tables and figures count as those of a handful of images. Of a "
        "suite that has begun, what is finished is not taken off."
    )
    return notes


def _table(headers: list[str], rows: list[list[str]]) -> str:
    alignment = ["left", *["left" if header == "by" else "right" for header in headers[1:]]]
    return tabulate(rows, headers, tablefmt="plain", disable_numparse=True, colalign=alignment)


def _cells(row: Row, unit: int) -> list[str]:
    images = "" if row.images is None else _significant(row.images / 1e6)
    seconds = (row.amount.middle, row.amount.low, row.amount.high)
    return [row.name, f"{row.jobs:,}", images, *(_significant(value / unit) for value in seconds)]


def _significant(value: float) -> str:
    """Return about two digits that count."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _span(amount: Interval) -> str:
    return f"{_duration(amount.middle)} ({_duration(amount.low)} to {_duration(amount.high)})"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.0f} h" if seconds < 72 * HOUR else f"{seconds / (24 * HOUR):,.0f} days"
