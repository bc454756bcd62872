import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pml.config import check_config
from pml.forecast.jobs import rule_counts, training_jobs

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(path.name for path in (ROOT / "config").glob("*.yaml"))


def config_of(name: str) -> dict:
    return check_config(yaml.safe_load((ROOT / "config" / name).read_text()))


def test_methods_that_look_at_no_pixels_train_nothing_and_keep_no_model():
    jobs = [job for job in training_jobs(config_of("config.yaml")) if job.method in ("constant_median", "id_lookup")]
    assert jobs and not any(job.trains or job.kept for job in jobs)


def test_the_models_that_jobs_keep_are_those_that_the_config_names():
    jobs = [job for job in training_jobs(config_of("fgnet.yaml")) if job.method == "pml"]
    assert [job.kept for job in jobs] == [1, *[0] * 9] and sum(len(job.folds) for job in jobs) == 82


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_every_rule_has_as_many_jobs_as_the_dry_run_counts(name, tmp_path):
    for part in ("Snakefile", "environment.yml", "workflow", "profiles", "config", "published", "pml", "baselines"):
        (tmp_path / part).symlink_to(ROOT / part)
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--configfile", f"config/{name}"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    stats = (run.stdout + run.stderr).split("Job stats:")[1].split("total")[0]
    counted = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE) if rule != "all"}
    assert rule_counts(config_of(name)) == counted
