"""Seconds and memory of `snakemake -n` on config/paper.yaml, and how they grow with the number of trainings.

    python -m benchmarks.graph        # about a minute

The config with one, five and ten seeds of leave-one-person-out, its largest experiment. Bars: 20 s and 1 GB with
five, and linear growth. On a busy machine look at the seconds of the processor.
"""

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import yaml

SECONDS, MEGABYTES = 20, 1000
SEEDS = (1, 5, 10)


def main() -> None:
    config = yaml.safe_load(Path("config/paper.yaml").read_text())
    points = []
    print("seeds of LOPO  trainings  seconds  of the processor  peak MB")
    for seeds in SEEDS:
        config["experiments"]["fgnet_lopo"]["seeds"] = list(range(seeds))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "paper.yaml"
            path.write_text(yaml.safe_dump(config))
            snakemake = [sys.executable, "-m", "snakemake", "--configfile", str(path), "--nolock"]
            start, busy = perf_counter(), _processor_seconds()
            plan = subprocess.run(
                [*snakemake, "-n"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ).stdout
            seconds, busy = perf_counter() - start, _processor_seconds() - busy
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        trainings = int(re.search(r"^train_folds +(\d+)$", plan, re.MULTILINE)[1])
        points.append((trainings, busy))
        print(f"{seeds:13} {trainings:10,} {seconds:8.1f} {busy:17.1f} {megabytes:8.0f}", flush=True)
    (few, short), (middle, between), (many, long) = points
    expected = short + (long - short) * (middle - few) / (many - few)
    print(f"in the middle {between:.1f} s of the processor, on the straight line {expected:.1f} s")
    met = between <= SECONDS and megabytes <= MEGABYTES
    print(f"bar {SECONDS} s and {MEGABYTES} MB: {'met' if met else 'missed'} at five seeds")


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
