"""The way of `--use-conda` through the graph, with a STUB in place of conda; the real one and its solve are not tried."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.checkout import CHECKOUT, ROOT, fgnet_config

STUB = Path(__file__).parent / "stub_conda" / "bin"
INDEX = "results/conda/datasets/fgnet/index.csv"


def use_stub_conda(directory: Path) -> subprocess.CompletedProcess:
    """Make the index of a tiny suite with `--use-conda` in a checkout below `directory`; its `python` is the stub's."""
    for name in CHECKOUT:
        (directory / name).symlink_to(ROOT / name)
    (directory / "tiny.yaml").write_text(yaml.safe_dump(fgnet_config("conda")))
    command = [sys.executable, "-m", "snakemake", INDEX, "--use-conda", "--cores", "1", "--configfile", "tiny.yaml"]
    environment = {
        "PATH": os.pathsep.join([str(STUB), "/usr/bin", "/bin"]),
        "HOME": str(directory),
        "STUB_PYTHON": sys.executable,
    }
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_rules_run_in_the_environment_that_conda_was_asked_to_make_from_environment_yml(tmp_path):
    run = use_stub_conda(tmp_path)
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / INDEX).exists()
    (calls,) = tmp_path.glob(".snakemake/conda/*/calls")
    assert (calls.parent / "environment.yml").read_bytes() == (ROOT / "environment.yml").read_bytes()
    stages = [line.split()[1:3] for line in calls.read_text().splitlines()]
    assert stages == [["pml.stage", "draw_synthetic_archive"], ["pml.stage", "index_images"]]
