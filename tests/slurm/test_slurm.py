"""profiles/slurm on a real Slurm of one node: the same bytes as here, a killed job resumed, a GPU that is none refused."""

import importlib.util
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.slurm.one_node import OneNodeSlurm, why_not
from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.slurm]
TABLE = "results/tables/table4.csv"
PROFILES = ("--profile", "site", "--workflow-profile", "profiles/slurm")
NO_GPU = ("--set-resources", "train_folds:gpu=0", "embed_faces:gpu=0", "extract_features:gpu=0")
RUN = "results/queue/runs/long/pml/seed0/fold001"
# A checkpoint of every epoch, and three jobs are enough for a group.
CHANGED = {"pml/training/loop.py": ("CHECKPOINT_SECONDS", 60, 0), "pml/suite/resources.py": ("MANY_JOBS", 10, 2)}


def five_jobs() -> dict:
    """Five jobs for a queue: draw, index, align, one long run, and three short ones together."""
    config = fgnet_config("queue")
    short = config["experiments"]["fgnet_lopo"]
    short |= {"folds": "1-3", "method_folds": {}, "folds_per_job": 1, "methods": ["kl", "constant_median"]}
    long = short | {"folds": [1], "methods": ["pml"], "training": short["training"] | {"epochs": 40}}
    config["experiments"] = {"short": short, "long": long}
    config["tables"] = {"table4": {"experiments": ["short", "long"]}}
    return config


@pytest.fixture(scope="module")
def slurm():
    if reason := why_not():
        pytest.skip(reason)
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("not installed: snakemake-executor-plugin-slurm")
    with OneNodeSlurm() as up:
        yield up


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A checkout with other constants, and with the site's profile beside those of the suite."""
    directory = copy_checkout(tmp_path_factory.mktemp("queue"))
    for path, (name, value, other) in CHANGED.items():
        code = (directory / path).read_text()
        assert f"{name} = {value}\n" in code
        (directory / path).write_text(code.replace(f"{name} = {value}\n", f"{name} = {other}\n"))
    shutil.copytree(ROOT / "tests/slurm/site", directory / "site")
    return directory


@pytest.fixture(scope="module")
def output(slurm, checkout) -> str:
    """What snakemake said of the five jobs, of which one was cancelled when it had a checkpoint."""
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(snakemake, checkout, TABLE, *PROFILES, *NO_GPU, config=five_jobs(), cores=None)
        while not run.done() and not list((checkout / RUN).glob("checkpoint-*.pt")):
            time.sleep(0.2)
        (number,) = [number for number, comment in slurm.jobs().items() if "long_pml" in comment]
        subprocess.run(["scancel", str(number)], check=True)
        finished = run.result()
    assert finished.returncode == 0, finished.stdout[-4000:]
    return finished.stdout


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    """A checkout in which the same suite ran without a queue."""
    directory = copy_checkout(tmp_path_factory.mktemp("local"))
    run = snakemake(directory, TABLE, config=five_jobs())
    assert run.returncode == 0, run.stdout[-4000:]
    return directory


def results(directory: Path) -> dict[str, bytes]:
    """Return the content of all results but run.json, which tells of time and memory, and of logs."""
    files = (path for path in directory.glob("results/**/*.*") if path.suffix in (".csv", ".npz", ".npy", ".md", ".tex"))
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_a_queue_gives_the_same_bytes_as_a_local_run(output, checkout, local):
    assert len(results(local)) > 30 and results(checkout) == results(local)


def test_a_job_killed_half_way_resumes_from_its_checkpoint(output, checkout):
    assert "CANCELLED" in output and "Trying to restart job" in output
    log = (checkout / "results/queue/logs/train_folds/long/pml/0/1.log").read_text()
    assert int(re.search(r"epoch (\d+)/40", log)[1]) > 1 and "epoch 40/40" in log


def test_the_queue_sees_short_runs_as_one_job_and_the_tables_not_at_all(output):
    assert len(set(re.findall(r"submitted with SLURM jobid (\d+)", output))) == 5 + 1  # and the killed one again


def test_the_log_of_a_job_shows_its_command_line(output, checkout):
    logs = [path.read_text() for path in checkout.glob(".snakemake/slurm_logs/rule_train_folds/**/*.log")]
    assert any("python -m pml.stage train_folds --suite results/queue/suite.json" in log for log in logs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this node has a GPU")
def test_a_gpu_job_is_refused_on_a_node_that_shows_none(output, checkout):
    config = five_jobs()
    config["experiments"]["refused"] = config["experiments"]["long"] | {"methods": ["kl"]}
    target = "results/queue/runs/refused/kl/seed0/jobs/1.csv"
    run = snakemake(checkout, target, *PROFILES, "--retries", "0", config=config, cores=None)
    assert run.returncode != 0 and not (checkout / target).exists()
    assert "error: the job was given 1 GPU(s), but PyTorch can use 0" in run.stdout, run.stdout[-3000:]
