"""The forecast on the terminal: aligned tables, and what the reader must know to believe them no more than they deserve."""

import json
import textwrap
from collections import Counter
from statistics import mean

import pandas as pd
from tabulate import tabulate

from pml.forecast.jobs import Suite
from pml.forecast.timing import UNKNOWN, Rates, as_timed

BUSY = 0.9  # share of a core below which the machine counts as busy
HOUR, MINUTE = 3600, 60
WIDTH = 110


def forecast_text(suite: Suite, rates: Rates, cores: int, rows: pd.DataFrame, unknown: list[str]) -> str:
    """Return the forecast for the terminal; `unknown` names the data sets that have an archive of unknown size."""
    kinds = dict(iter(rows.groupby("kind")))
    datasets = suite.plan.config["datasets"]
    data = [[datasets[name]["label"], f"{count:,}", suite.sources[name]] for name, count in suite.images.items()]
    counts = Counter(job.task.rule for job in suite.jobs)
    unit, named = (HOUR, "hours") if kinds["work"]["middle"].sum() > 3 * HOUR else (MINUTE, "minutes")
    trained = f"{'CPU' if rates.device == 'cpu' else 'GPU'} {named}"
    parts = [
        f"Forecast of the suite {suite.plan.suite}: {len(suite.jobs):,} jobs, trained on {rates.device}",
        _table(["data", "images", "by"], data),
        _filled("Jobs: " + ", ".join(f"{rule} {count:,}" for rule, count in counts.most_common())),
    ]
    for kind, title in (("experiment", trained), ("table", trained), ("work", named)):
        if kind in kinds:
            columns = kinds[kind][["images", "middle", "low", "high"]].astype(float) / [1e6, unit, unit, unit]
            names = zip(kinds[kind]["name"], kinds[kind]["jobs"].map("{:,}".format), strict=True)
            cells = [[*name, *map(_significant, row)] for name, row in zip(names, columns.to_numpy(), strict=True)]
            parts.append(_table([kind, "jobs", "million images", title, "from", "to"], cells))
    wall, least = (row for _, row in kinds["wall"].iterrows())
    parts.append(f"Time with {wall['name']}: {_span(wall)}. With any number, since jobs wait for jobs: {_span(least)}")
    disk = kinds["disk"].set_index("name")["middle"]
    sizes = [[name, _significant(size / 1e9)] for name, size in [*disk.items(), ("all", disk.sum())]]
    parts.append(_table(["disk", "GB"], sizes))
    if "memory" in kinds:
        most = kinds["memory"].set_index("name")["middle"]
        memory = " and ".join(f"{megabytes / 1000:.1f} GB {name}" for name, megabytes in most.items())
        parts.append(f"Peak memory: {memory}, for each of {cores} at a time")
    notes = _notes(suite, rates, wall["middle"], unknown)
    return "\n\n".join([*parts, "\n".join(_filled(f"* {note}") for note in notes)])


def _notes(suite: Suite, rates: Rates, wall: float, unknown: list[str]) -> list[str]:
    notes = [
        f"From and to: by the fastest and the slowest of the steps that were timed, widened by a factor of {UNKNOWN:g} for "
        "what they do not show. A table's hours hold every run it needs; the rows of work count each job once."
    ]
    share = mean(rates.samples.get(("share", ""), [1]))
    if share < BUSY:
        alone = f"Left alone it would take about {_duration(wall * share)} in place of {_duration(wall)}."
        notes.append(f"This machine is busy: the calibration had {share:.0%} of its cores. {alone}")
    if rates.device == "cpu":
        notes.append("These are hours of a CPU. For a GPU's call this where there is one, or divide the images by its speed.")
    batches = {json.loads(workload)["batch_size"]: json.loads(as_timed(workload))["batch_size"] for workload in suite.workloads}
    largest = max(batches, default=0)
    if rates.device == "cpu" and batches.get(largest, 0) < largest:
        notes.append(f"Batches of {largest} were timed as batches of {batches[largest]}, so they will take more memory.")
    if unknown:
        notes.append(f"Not at hand and of unknown size: the archives of {', '.join(unknown)}, and their unpacked pictures.")
    for name, dataset in suite.plan.config["datasets"].items():
        if not suite.images[name]:
            notes.append(f"How many images {dataset['label']} has is not known before it is indexed. They count as none.")
        if suite.formats[name] != dataset["format"]:
            notes.append(f"Pictures of {dataset['label']} count as those of {suite.formats[name]}, since none can be drawn.")
    notes.append(
        "Not counted: downloads, a queue, Snakemake itself. Tables and figures count as those of a handful of images. Of a "
        "suite that has begun, what is finished is not taken off."
    )
    return notes + rates.notes


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")


def _table(headers: list[str], rows: list[list[str]]) -> str:
    alignment = ["left" if header in (headers[0], "by") else "right" for header in headers]
    return tabulate(rows, headers, tablefmt="plain", disable_numparse=True, colalign=alignment)


def _significant(value: float) -> str:
    """Return about two digits that count; "" of a number that is missing."""
    return "" if pd.isna(value) else f"{value:,.{sum(value < limit for limit in (10, 1, 0.1))}f}"


def _span(row: pd.Series) -> str:
    return f"{_duration(row['middle'])} ({_duration(row['low'])} to {_duration(row['high'])})"


def _duration(seconds: float) -> str:
    units = {"s": 1, "min": MINUTE, "h": HOUR, "days": 24 * HOUR}
    limits = {"s": 90, "min": 90 * MINUTE, "h": 72 * HOUR}
    unit = next((unit for unit, limit in limits.items() if seconds < limit), "days")
    return f"{seconds / units[unit]:,.0f} {unit}"
