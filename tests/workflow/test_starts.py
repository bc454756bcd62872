"""What a start of snakemake refuses or fetches, before or without the whole graph."""

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from pml.datasets.synthetic.draw import write_archive
from pml.suite import make_plan
from pml.suite.plan import RULES
from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, jobs_of, snakemake, tiny_config


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.mark.slow
def test_a_config_may_be_read_over_another(checkout):
    whole = {}
    for name in ("components.yaml", "over/fgnet_people.yaml"):
        update_config(whole, yaml.safe_load((ROOT / "config" / name).read_text()))
    run = snakemake(checkout, "--dry-run", config=whole)
    assert run.returncode == 0, run.stdout[-2000:]
    jobs = jobs_of(run.stdout)
    assert jobs == Counter(task.rule for task in make_plan(whole).tasks(*RULES))
    assert len(run.stdout.splitlines()) < jobs.total()  # a person is to read it


@pytest.mark.slow
def test_an_unknown_key_stops_the_workflow_with_the_nearest_known_one(checkout):
    config = tiny_config()
    config["experiments"]["fgnet_lopo"]["seed"] = [0, 1]
    run = snakemake(checkout, "--dry-run", config=config)
    assert run.returncode != 0
    assert "unknown key 'seed'; did you mean 'seeds'?" in run.stdout


@pytest.mark.slow
def test_a_misspelt_option_stops_the_workflow_before_any_data_is_touched(checkout):
    config = tiny_config() | {"suite": "misspelt"}
    config["methods"]["pml"]["options"] = {"margin_scal": 1}
    run = snakemake(checkout, config=config)
    assert run.returncode != 0 and "config: methods.pml" in run.stdout and "did you mean 'margin_scale'?" in run.stdout
    assert not (checkout / "results/misspelt").exists()


@pytest.mark.slow
def test_a_config_without_experiments_is_refused_and_no_demo(checkout):
    config = {key: value for key, value in fgnet_config("lacking").items() if key != "experiments"}
    run = snakemake(checkout, "--dry-run", config=config)
    assert run.returncode != 0
    assert "config: 'experiments' is a required property; add it: experiments by a name of your own" in run.stdout


@pytest.mark.slow
def test_without_a_config_file_the_demo_is_made(checkout):
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--config", "face_size=64"]
    run = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env={**os.environ, "HOME": str(checkout)})
    jobs = jobs_of(run.stdout + run.stderr)
    demo = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    assert jobs == Counter(task.rule for task in make_plan(demo).tasks(*RULES))


@pytest.mark.slow
def test_use_conda_without_conda_names_the_command_to_use_instead(checkout):
    run = snakemake(checkout, "--use-conda")
    assert run.returncode != 0
    assert "snakemake --cores" in run.stdout and "no conda" in run.stdout


@pytest.mark.slow
def test_a_second_suite_in_one_folder_is_told_to_wait_before_it_is_told_to_unlock(checkout):
    locks = checkout / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = locks / "0.output.lock"
    lock.write_text("results/report.html\nresults/tables/table4.csv\nresults/first/tables/table4.csv\n")
    run = snakemake(checkout, config=fgnet_config("second"))
    lock.unlink()
    assert run.returncode != 0 and not (checkout / "results/second").exists()
    said, unlock = run.stdout.index("results/first: another snakemake"), run.stdout.index("--unlock argument")
    assert said < unlock and "run this suite in a second checkout" in run.stdout


class Files(BaseHTTPRequestHandler):
    """Serves a picture-less archive under any name."""

    CONTENT = b"not an archive"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.CONTENT)))
        self.end_headers()
        self.wfile.write(self.CONTENT)

    def log_message(self, *arguments):
        pass


@pytest.mark.slow
def test_an_archive_is_downloaded_under_its_own_name_which_no_shell_reads(checkout):
    config = fgnet_config("downloaded")
    with HTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/FG NET;touch hacked;$(touch hacked).zip"
        checksum = f"md5:{hashlib.md5(Files.CONTENT).hexdigest()}"
        config["datasets"]["fgnet"]["archives"] = [{"url": url, "checksum": checksum}]
        target = "resources/archives/fgnet/FG NET;touch hacked;$(touch hacked).zip"
        run = snakemake(checkout, target, config=config)
        server.shutdown()
    assert run.returncode == 0, run.stdout[-3000:]
    assert (checkout / target).read_bytes() == Files.CONTENT and not (checkout / "hacked").exists()


@pytest.fixture(scope="module")
def refused(checkout) -> str:
    """What snakemake says of a suite whose three archives are missing, cut short and another than its checksum's."""
    folder = checkout / "elsewhere"
    folder.mkdir()
    write_archive("fgnet", folder / "other.zip", 2, 4, seed=0)
    content = (folder / "other.zip").read_bytes()
    (folder / "short.zip").write_bytes(content[: len(content) // 2])
    config = fgnet_config("refused")
    data = config["datasets"].pop("fgnet")
    for name in ("missing", "short", "other"):
        config["datasets"][name] = data | {"archives": [{"path": f"elsewhere/{name}.zip"}]}
    config["datasets"]["other"]["archives"][0]["checksum"] = f"md5:{hashlib.md5(b'the one').hexdigest()}"
    config["experiments"]["fgnet_lopo"]["dataset"] = "missing"
    run = snakemake(checkout, config=config)
    assert run.returncode != 0 and not list(checkout.glob("results/refused/datasets/*/*"))
    return run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "archive, reason",
    [
        ("missing", "no such archive or folder; download it from"),
        ("short", "it is damaged or truncated (File is not a zip file); download it again"),
        ("other", "its md5 is "),
    ],
)
def test_an_archive_that_is_no_good_stops_the_workflow_with_its_name_and_a_remedy(refused, archive, reason):
    assert f"error: elsewhere/{archive}.zip: {reason}" in refused, refused[-3000:]
