"""What the profiles change, and what they leave to the rules."""

import math
import os
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from pml.suite import make_plan
from pml.suite.plan import RULES
from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, jobs_of, snakemake

PROFILES = sorted(path.parent.name for path in (ROOT / "profiles").glob("*/config.yaml"))


def read(profile: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_keeps_what_the_default_one_says(profile):
    assert read("default").items() <= read(profile).items()


@pytest.mark.parametrize("profile", sorted({*PROFILES} - {"default"}))
def test_wherever_there_are_gpus_the_rules_that_use_them_ask_for_one(profile):
    assert all(
        read(profile)["set-resources"][rule] == {"gpu": 1} for rule in ("train_folds", "embed_faces", "extract_features")
    )


@pytest.mark.parametrize("profile", ["slurm", "generic"])
def test_detection_gets_the_cores_that_its_rule_can_use_though_a_group_has_one(profile):
    (threads,) = re.findall(r"threads: (8)", (ROOT / "workflow/rules/data.smk").read_text())
    assert read(profile)["set-resources"]["align_faces"] == {"cpus_per_task": int(threads)}


def submissions(output: str) -> int:
    """Return how many jobs a dry run would send to a queue: groups, and jobs of the rules that are not local."""
    groups = re.findall(r"Group job \w+ ", output)
    alone = re.findall(r"^rule (index_images|align_faces|train_folds|extract_features):$", output, re.MULTILINE)
    return len(groups) + len(alone)


@pytest.mark.slow
def test_all_of_the_paper_is_hundreds_of_jobs_for_a_queue_not_thousands(tmp_path):
    config = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    checkout = copy_checkout(tmp_path / "checkout")
    run = snakemake(checkout, "--dry-run", "--quiet", "host", "--workflow-profile", "profiles/slurm", config=config, cores=None)
    assert run.returncode == 0, run.stdout[-3000:]
    assert f"sends {submissions(run.stdout)} jobs" in (ROOT / "docs/cluster.md").read_text()
    assert jobs_of(run.stdout) == Counter(task.rule for task in make_plan(config).tasks(*RULES))


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
    "qacct": """test ! -e "$QUEUE/$2/asked" && touch "$QUEUE/$2/asked" && exit 1  # the record is late
if test -e "$QUEUE/$2/code"; then
    echo "failed       0"
    echo "exit_status  $(cat "$QUEUE/$2/code")"
else
    echo "failed       100 : assumedly after job"
    echo "exit_status  137"
fi
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
        resources = ("--set-resources", "train_folds:gpu=0", "align_faces:cpus_per_task=8")
        run = pool.submit(
            snakemake, checkout, *arguments, *resources, config=config, cores=None, path=str(queue.parent / "bin")
        )
        while not run.done() and not (queue / "1/pid").exists():
            time.sleep(0.1)
        os.killpg(int((queue / "1/pid").read_text()), signal.SIGKILL)
        finished = run.result()
    assert finished.returncode == 0, finished.stdout[-3000:]
    assert "Trying to restart job" in finished.stdout
    options = [(job / "options").read_text() for job in sorted(queue.iterdir())]
    assert len(options) == 5 and all("gpu=0 " in line for line in options)
    asked = [re.search(r"-pe smp (\d+) -l mem_free=(\d+)M,h_rt=0:(\d+):0", line).groups() for line in options]
    batch = config["experiments"]["fgnet_lopo"]["training"]["batch_size"]
    training_mb = 4000 + math.ceil(batch * 32**2 * 672 / 1e6)  # on a CPU, with the activations of a batch
    tries = [("1", "2000", "60"), ("1", "4000", "120"), ("1", "4000", "240"), ("8", "4000", "480")]
    assert asked == [*tries, ("1", str(training_mb), "30")] and " --threads 8 " in finished.stdout
