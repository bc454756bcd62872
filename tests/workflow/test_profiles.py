"""What the profiles change, and what they leave to the rules."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, snakemake

PROFILES = sorted(path.parent.name for path in (ROOT / "profiles").glob("*/config.yaml"))
SHARED = ("rerun-incomplete", "printshellcmds", "show-failed-logs", "keep-going", "scheduler")


def read(profile: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_what_the_default_one_says(profile):
    assert {key: read(profile).get(key) for key in SHARED} == {key: read("default")[key] for key in SHARED}


@pytest.mark.parametrize("profile", sorted({*PROFILES} - {"default"}))
def test_wherever_there_are_gpus_the_rules_that_use_them_ask_for_one(profile):
    assert read(profile)["set-resources"] == {"train_folds": {"gpu": 1}, "extract_features": {"gpu": 1}}


def submissions(output: str) -> int:
    """Return how many jobs a dry run would send to a queue: groups, and jobs of the rules that are not local."""
    groups = re.findall(r"Group job \w+ ", output)
    alone = re.findall(r"^rule (index_images|align_faces|train_folds|extract_features):$", output, re.MULTILINE)
    return len(groups) + len(alone)


@pytest.mark.slow
def test_all_of_the_paper_is_hundreds_of_jobs_for_a_queue_not_thousands(tmp_path):
    config = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    checkout = copy_checkout(tmp_path / "checkout")
    run = snakemake(checkout, "--dry-run", "--workflow-profile", "profiles/slurm", config=config, cores=None)
    assert run.returncode == 0, run.stdout[-3000:]
    assert f"sends {submissions(run.stdout)} jobs" in (ROOT / "docs/cluster.md").read_text()


# Grid Engine's commands, as far as profiles/generic uses them: a job is a process, and its record a folder.
STAND_INS = {
    "qsub": """for script; do :; done
number=$(($(ls "$QUEUE" | wc -l) + 1))
mkdir "$QUEUE/$number"
echo "$@" > "$QUEUE/$number/options"
cd "$QUEUE/$number"
setsid sh -c 'echo $$ > pid; sh "$0" > log 2>&1; echo $? > code' "$script" > /dev/null 2>&1 &
echo "$number"
""",
    "qstat": """test ! -e "$QUEUE/$2/code" && { test ! -e "$QUEUE/$2/pid" || kill -0 "$(cat "$QUEUE/$2/pid")"; }
""",
    "qacct": """test -e "$QUEUE/$2/code" && echo "failed       0" && echo "exit_status  $(cat "$QUEUE/$2/code")"
""",
}


@pytest.fixture
def queue(tmp_path, monkeypatch) -> Path:
    """The folder of the stand-in's jobs."""
    for name, script in STAND_INS.items():
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(f"#!/bin/sh\nQUEUE={tmp_path}/queue\n{script}")
        command.chmod(0o755)
    (tmp_path / "queue").mkdir()
    return tmp_path / "queue"


@pytest.mark.slow
def test_the_generic_profile_submits_by_the_queue_s_own_command_and_tries_a_killed_job_again(tmp_path, queue):
    config = fgnet_config("generic")
    config["experiments"]["fgnet_lopo"] |= {"methods": ["kl", "constant_median"], "method_folds": {}, "folds": [1]}
    checkout = copy_checkout(tmp_path / "checkout")
    arguments = ("results/tables/metrics_fgnet_lopo.csv", "--workflow-profile", "profiles/generic", "--latency-wait", "10")
    with ThreadPoolExecutor(1) as pool:
        gpus = ("--set-resources", "train_folds:gpu=0")
        run = pool.submit(snakemake, checkout, *arguments, *gpus, config=config, cores=None, path=str(queue.parent / "bin"))
        while not run.done() and not (queue / "1/pid").exists():
            time.sleep(0.1)
        os.killpg(int((queue / "1/pid").read_text()), signal.SIGKILL)
        finished = run.result()
    assert finished.returncode == 0, finished.stdout[-3000:]
    assert "Trying to restart job" in finished.stdout
    options = [(job / "options").read_text() for job in sorted(queue.iterdir())]
    assert len(options) == 5 and all(" -pe smp 1 " in line and "gpu=0 " in line for line in options)
    asked = [re.search(r"mem_free=(\d+)M,h_rt=0:(\d+):0", line).groups() for line in options]
    assert asked == [("2000", "60"), ("4000", "120"), ("4000", "240"), ("4000", "480"), ("4000", "30")]
