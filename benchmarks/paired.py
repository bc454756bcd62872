"""What the benchmarks share: several things timed in turn in one process, the ratio of every two of one round; and FG-NET."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np


def alternate(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, np.ndarray]:
    """Return (rounds,) seconds of each candidate. Each runs once in a round, after one round that does not count."""
    seconds = {name: [] for name in candidates}
    for _ in range(rounds + 1):
        for name, run in candidates.items():
            start = perf_counter()
            run()
            seconds[name].append(perf_counter() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def verdict(what: str, ratios: np.ndarray, bar: float, at_most: bool = True) -> str:
    """Return one line: the median of the ratios, its quartiles, and whether it keeps the bar."""
    low, median, high = np.percentile(ratios, [25, 50, 75])
    met = median <= bar if at_most else median >= bar
    return (
        f"{what}: {median:.3g} ({low:.3g} to {high:.3g}), bar {'at most' if at_most else 'at least'} {bar:g}: "
        f"{'met' if met else 'missed'}"
    )


def fgnet_archive() -> Path:
    """Return the archive of the real FG-NET; without one, say so and end the benchmark, so that `make bench` goes on."""
    if "PML_TEST_DATA" not in os.environ:
        print("skipped: set PML_TEST_DATA to the folder that holds FGNET.zip")
        sys.exit()
    return Path(os.environ["PML_TEST_DATA"]) / "FGNET.zip"
