"""What is lost when a run is interrupted? A small suite is killed at random points and started again until it has ended.

    python -m benchmarks.interruptions --seed 0            # on this machine, about ten minutes on two cores
    python -m benchmarks.interruptions --seed 0 --slurm    # through a Slurm of one node, as root; see tests/slurm/one_node.py

Every interruption is a kill -9: of one of the programs that work at that moment (the job), of snakemake, whose programs go on
without it, or of both at once; with --slurm of the job, of snakemake, or of slurmd, which is started again. What ended with an
error is started again as docs/cluster.md says. If the suite ends before it was interrupted often enough, the next round begins
from nothing. Nothing is lost if every round ends with the bytes of a run that was left alone, and no run that was finished at
an interruption was trained again. Checkpoints are of every epoch, not of every minute, since the trainings take seconds.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from tests.slurm.one_node import OneNodeSlurm, why_not
from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, snakemake, start_snakemake

TARGET = "results/tables/table4.csv"
SITE = ("--profile", "site", "--workflow-profile", "profiles/slurm")
NO_GPU = ("--set-resources", "train_folds:gpu=0", "extract_features:gpu=0")
TRAINED = ["pml", "kl"]
VICTIMS = {False: ("job", "snakemake", "both"), True: ("job", "snakemake", "slurmd")}
SECONDS = {False: (2, 40), True: (10, 75)}  # from a start to the next kill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interruptions", type=int, default=12)
    parser.add_argument("--slurm", action="store_true", help="through a Slurm of one node instead of on this machine alone")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.slurm and why_not():
        sys.exit(why_not())
    chance = random.Random(options.seed)
    count, rounds, wrong, redone = 0, 0, [], []
    with tempfile.TemporaryDirectory() as folder, OneNodeSlurm() if options.slurm else nullcontext() as slurm:
        expected = results(left_alone(Path(folder) / "left_alone"))
        while count < options.interruptions:
            rounds += 1
            suite = Suite(Path(folder) / f"round{rounds}", slurm)
            finished: dict[Path, int] = {}
            while not suite.ended_within(chance.uniform(*SECONDS[options.slurm]) if count < options.interruptions else None):
                finished = suite.finished_runs() | finished
                victim = chance.choice(VICTIMS[options.slurm])
                if suite.interrupt(victim, chance):
                    count += 1
                    print(f"{count:3d}  round {rounds}: kill -9 of {victim:9s} while {suite.worked} worked", flush=True)
            made = results(suite.directory)
            wrong += [f"round {rounds}: {name}" for name in sorted(expected | made) if made.get(name) != expected.get(name)]
            redone += [run for run, written in finished.items() if suite.finished_runs().get(run) != written]
    files = f"{len(wrong)} of {rounds * len(expected)} files differ"
    print(f"{count} interruptions in {rounds} rounds: {files}, {len(redone)} finished runs were trained again")
    sys.exit("\n".join(["lost:", *wrong, *map(str, redone)]) if wrong or redone else None)


class Suite:
    """A checkout whose snakemake is started again whenever it has ended without success."""

    def __init__(self, directory: Path, slurm: OneNodeSlurm | None):
        self.directory, self.slurm, self.process, self.worked = copy_checkout(directory), slurm, None, ""
        shutil.copytree(ROOT / "tests/slurm/site", directory / "site")
        loop = directory / "pml/training/loop.py"
        loop.write_text(loop.read_text().replace("CHECKPOINT_SECONDS = 60", "CHECKPOINT_SECONDS = 0"))

    def ended_within(self, seconds: float | None) -> bool:
        """Let it work so long, or as long as it takes; return whether all is made."""
        end = time.monotonic() + (seconds or 900)
        while time.monotonic() < end:
            if self.process is None:
                arguments = (TARGET, *SITE, *NO_GPU) if self.slurm else (TARGET,)
                log = (self.directory / "snakemake.log").open("a")
                cores = None if self.slurm else 2
                self.process = start_snakemake(self.directory, *arguments, config=config(), cores=cores, stdout=log)
            if self.process.poll() is not None:
                ended, self.process = self.process.returncode, None
                if ended == 0:
                    return True
            time.sleep(0.05)
        if seconds is None:
            sys.exit(f"lost: it never ends\n{(self.directory / 'snakemake.log').read_text()[-4000:]}")
        return False

    def interrupt(self, victim: str, chance: random.Random) -> bool:
        """Kill a victim; return whether there was one."""
        working = programs(self.directory)
        self.worked = ", ".join(sorted(working.values())) or "nothing"
        if self.process is None or victim in ("job", "both") and not working:
            return False
        if victim in ("job", "both"):
            os.kill(chance.choice(sorted(working)), signal.SIGKILL)
        if victim in ("snakemake", "both"):
            self.process.kill()
            self.process.wait()
            self.process = None
            unlocked = snakemake(self.directory, "--unlock", config=config())
            assert unlocked.returncode == 0, unlocked.stdout
        if victim == "slurmd":
            self.slurm.stop("slurmd", kill=True)
            time.sleep(5)
            self.slurm.start("slurmd", "-D")
            self.slurm.wait_for_node()
        return True

    def finished_runs(self) -> dict[Path, int]:
        """Return when each training was finished, in nanoseconds."""
        runs = (path for name in TRAINED for path in self.directory.glob(f"results/*/runs/*/{name}/*/*/run.json"))
        return {path: path.stat().st_mtime_ns for path in runs}


def config() -> dict:
    """Two trained methods and one that looks at no pixels, on two people each of synthetic FG-NET."""
    small = fgnet_config("small")
    lopo = small["experiments"]["fgnet_lopo"]
    lopo |= {"methods": [*TRAINED, "constant_median"], "folds": "1-2", "method_folds": {}, "folds_per_job": 1}
    lopo["training"] |= {"epochs": 20, "warmup_epochs": 1}
    return small


def left_alone(directory: Path) -> Path:
    """Run the suite without interruption."""
    run = snakemake(copy_checkout(directory), TARGET, config=config())
    assert run.returncode == 0, run.stdout[-4000:]
    return directory


def programs(directory: Path) -> dict[int, str]:
    """Return the module of every program of the suite that works in `directory`, by process."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_text().split("\0")
            if (entry / "cwd").resolve() == directory and "-m" in words[:3] and words[words.index("-m") + 1].startswith("pml."):
                found[int(entry.name)] = words[words.index("-m") + 1]
        except OSError:  # it has ended
            continue
    return found


def results(directory: Path) -> dict[str, bytes]:
    """Return the content of all that the suite made but logs and run.json, which tell of time."""
    files = (path for path in directory.glob("results/**/*.*") if path.suffix in (".csv", ".md", ".tex", ".npy", ".npz"))
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


if __name__ == "__main__":
    main()
