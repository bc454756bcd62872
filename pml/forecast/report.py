"""The forecast on the terminal: aligned tables, and what the reader must know to believe them no more than they deserve."""

import textwrap

from tabulate import tabulate

from pml.forecast.calibration import most_timed
from pml.forecast.estimate import UNKNOWN, Interval
from pml.forecast.rates import Rates
from pml.forecast.rows import UNITS, Row
from pml.forecast.storage import disk_bytes
from pml.forecast.suite import Suite

BUSY = 0.9  # share of a core below which the machine counts as busy
HOUR, MINUTE = 3600, 60
WIDTH = 110


def forecast_text(suite: Suite, rates: Rates, cores: int, rows: list[Row], stand_ins: list[str]) -> str:
    """Return the forecast for the terminal; `stand_ins` are further notes."""
    kinds = {kind: [row for row in rows if row.kind == kind] for kind in UNITS}
    labels = {name: dataset["label"] for name, dataset in suite.config["datasets"].items()}
    data = [[labels[name], f"{count:,}", suite.sources[name]] for name, count in suite.images.items()]
    jobs = ", ".join(f"{rule} {count:,}" for rule, count in suite.counts.most_common())
    hours = sum(row.amount.middle for row in kinds["work"]) > 3 * HOUR
    unit, named = (HOUR, "hours") if hours else (MINUTE, "minutes")
    trained = f"{'CPU' if rates.device == 'cpu' else 'GPU'} {named}"
    parts = [
        f"Forecast of the suite {suite.config['suite']}: {sum(suite.counts.values()):,} jobs, trained on {rates.device}",
        _table(["data", "images", "by"], data),
        textwrap.fill(f"Jobs: {jobs}", WIDTH, subsequent_indent="      "),
    ]
    for kind, title in (("experiment", trained), ("table", trained), ("work", named)):
        if kinds[kind]:
            headers = [kind, "jobs", "million images", title, "from", "to"]
            parts.append(_table(headers, [_cells(row, unit) for row in kinds[kind]]))
    wall, least = kinds["wall"]
    parts.append(
        f"Time with {wall.name}: {_span(wall.amount)}. With any number, since jobs wait for jobs: {_span(least.amount)}"
    )
    disk = {row.name: row.amount.middle for row in kinds["disk"]}
    disk["all"] = sum(disk.values())
    parts.append(_table(["disk", "GB"], [[name, _significant(size / 1e9)] for name, size in disk.items()]))
    memory = " and ".join(f"{row.amount.middle / 1000:.1f} GB {row.name}" for row in kinds["memory"])
    parts.append(f"Peak memory: {memory}, for each of {cores} at a time")
    notes = [*_notes(suite, rates, wall.amount), *stand_ins]
    return "\n\n".join([*parts, "\n".join(textwrap.fill(f"* {note}", WIDTH, subsequent_indent="  ") for note in notes)])


def _notes(suite: Suite, rates: Rates, wall: Interval) -> list[str]:
    """Return what stands below the tables."""
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
