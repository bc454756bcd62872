"""Does the demo give the same bytes again, and with another number of cores?

    python -m benchmarks.determinism                   # the demo, three times: half an hour on two cores
    python -m benchmarks.determinism --cores 2 1       # twice
    python -m benchmarks.determinism --demo results    # of a demo that was made here, and those with --cores

Each runs in a copy of the checkout of its own. What tells how long something took differs: run.json, the table of costs,
and the page that shows it.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import yaml

from tests.workflow.checkout import ROOT, copy_checkout, snakemake

TELLS_TIME = {"run.json", "report.html", "cost.csv", "cost.md", "cost.tex"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 2, 1])
    parser.add_argument("--demo", type=Path, help="the folder results/ of a demo that is there already")
    options = parser.parse_args()
    demo = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    made = {str(options.demo): files_of(options.demo)} if options.demo else {}
    for number, cores in enumerate(options.cores, 1):
        with tempfile.TemporaryDirectory() as folder:
            run = snakemake(copy_checkout(Path(folder)), config=demo, cores=cores)
            if run.returncode:
                sys.exit(run.stdout[-4000:])
            made[f"run {number}, --cores {cores}"] = files_of(Path(folder) / "results")
    first, *others = made
    print(f"{first}: {len(made[first])} files")
    for other in others:
        names = made[first].keys() | made[other].keys()
        differ = sorted(name for name in names if made[first].get(name) != made[other].get(name))
        print(f"{other}: {len(made[other])} files, {len(differ)} differ {differ[:10] or ''}")


def files_of(results: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below a folder, but for logs and what tells of time."""
    paths = (path for path in results.rglob("*") if path.is_file() and path.suffix != ".log" and path.name not in TELLS_TIME)
    return {path.relative_to(results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    main()
