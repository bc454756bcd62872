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
TITLES = {"wall": "time with", "memory": "peak memory"}


def forecast_text(suite: Suite, rates: Rates, rows: pd.DataFrame, unknown: list[str]) -> str:
    """Return the forecast for the terminal; `unknown` names the data sets that have an archive of unknown size."""
    datasets = suite.plan.config["datasets"]
    data = [[datasets[name]["label"], f"{count:,}", suite.sources[name]] for name, count in suite.images.items()]
    counts = Counter(job.task.rule for job in suite.jobs)
    long = rows.loc[rows["kind"] == "work", "middle"].sum() > 3 * HOUR
    units = {"s": (HOUR, "hours") if long else (MINUTE, "minutes"), "bytes": (1e9, "GB"), "MB": (1e3, "GB")}
    parts = [
        f"Forecast of the suite {suite.plan.suite}: {len(suite.jobs):,} jobs, trained on {rates.device}",
        tabulate(data, ["data", "images", "by"], "plain", disable_numparse=True, colalign=("left", "right", "left")),
        _filled("Jobs: " + ", ".join(f"{rule} {count:,}" for rule, count in counts.most_common())),
    ]
    for kind, of_kind in rows.groupby("kind", sort=False):
        divisor, unit = units[of_kind["unit"].iloc[0]]
        if kind in ("experiment", "table"):
            unit = f"{'CPU' if rates.device == 'cpu' else 'GPU'} {unit}"
        shown = pd.DataFrame({TITLES.get(kind, kind): of_kind["name"], "jobs": of_kind["jobs"].map("{:,}".format, "ignore")})
        shown["million images"] = (of_kind["images"].astype(float) / 1e6).map(_significant, "ignore")
        exact = (of_kind["low"] == of_kind["high"]).all()
        for title, column in {unit: "middle"}.items() if exact else {unit: "middle", "from": "low", "to": "high"}.items():
            shown[title] = (of_kind[column] / divisor).map(_significant)
        shown = shown.dropna(axis="columns", how="all").fillna("")
        alignment = ["left"] + ["right"] * (shown.shape[1] - 1)
        parts.append(tabulate(shown, "keys", "plain", showindex=False, disable_numparse=True, colalign=alignment))
    return "\n\n".join([*parts, "\n".join(_filled(f"* {note}") for note in _notes(suite, rates, unknown))])


def _notes(suite: Suite, rates: Rates, unknown: list[str]) -> list[str]:
    notes = [
        f"From and to: the fastest and the slowest step that was timed, a factor of {UNKNOWN:g} wider. A table's hours hold "
        "all runs that it needs; the rows of work count each job once. Memory is that of each job at a time.",
        "Not counted: downloads, a queue, Snakemake itself, and how large the data of tables and figures is. What is finished "
        "is not taken off.",
    ]
    share = mean(rates.samples.get(("share", ""), [1]))
    if share < BUSY:
        alone = "Left alone, the suite would take that share of these times."
        notes.append(f"This machine is busy: the calibration had {share:.0%} of its cores. {alone}")
    if rates.device == "cpu":
        notes.append("These are hours of a CPU. For a GPU's call this where there is one, or divide the images by its speed.")
        batches = {json.loads(of)["batch_size"]: json.loads(as_timed(of))["batch_size"] for of in suite.workloads}
        largest = max(batches, default=0)
        if batches.get(largest, 0) < largest:
            notes.append(f"Batches of {largest} were timed as batches of {batches[largest]}, so they will take more memory.")
    if unknown:
        notes.append(f"Not at hand and of unknown size: the archives of {', '.join(unknown)}, and their unpacked pictures.")
    for name, dataset in suite.plan.config["datasets"].items():
        if not suite.images[name]:
            notes.append(f"How many images {dataset['label']} has is not known before it is indexed. They count as none.")
        if suite.formats[name] != dataset["format"]:
            notes.append(f"Pictures of {dataset['label']} count as those of {suite.formats[name]}, since none can be drawn.")
    return notes + rates.notes


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")


def _significant(value: float) -> str:
    """Return about two digits that count."""
    return f"{value:,.{sum(value < limit for limit in (10, 1, 0.1))}f}"
