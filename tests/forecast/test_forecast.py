import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from pml import cli
from pml.forecast.forecast import disk_bytes, forecast_rows
from pml.forecast.jobs import Suite
from pml.forecast.text import forecast_text
from pml.forecast.timing import UNKNOWN, Rates, model_bytes
from pml.suite import make_plan
from pml.suite.settings import build_settings
from pml.training.model import build_model
from tests.forecast.conftest import CONFIG

# Per training: 5 s to start; 240 images of training and 20 of testing in the first experiment, 540 and 20 in the second.
FIRST = 2 * (5 + 24 + 0.2) + 2  # PML, KL and the constant, which is a small job
SECOND = 4 * (5 + 54 + 0.2)
FORMAT = """\
from pml.datasets import fgnet


class Format:
    LAYOUT, OBTAIN, Options, load = fgnet.LAYOUT, fgnet.OBTAIN, fgnet.Options, staticmethod(fgnet.load)
"""


def rows_of(suite: Suite, rates: Rates, cores: int = 1) -> pd.DataFrame:
    disk, _ = disk_bytes(suite, rates, cores)
    return forecast_rows(suite, rates, cores, disk).set_index(["kind", "name"])


def text_of(suite: Suite, rates: Rates, cores: int = 1) -> str:
    disk, unknown = disk_bytes(suite, rates, cores)
    return forecast_text(suite, rates, forecast_rows(suite, rates, cores, disk), unknown)


def test_training_takes_its_images_and_the_start_of_every_job(suite, rates):
    middle = rows_of(suite, rates)["middle"]
    assert middle["experiment", "first"] == pytest.approx(FIRST)
    assert middle["experiment", "second"] == pytest.approx(SECOND)


def test_training_that_tables_share_is_counted_once_in_the_work(suite, rates):
    rows = rows_of(suite, rates)
    assert rows["middle"]["table", "table4"] == pytest.approx(FIRST - 2 + SECOND)  # without the constant
    assert rows["middle"]["table", "leakage"] == pytest.approx(FIRST)
    assert rows["middle"]["work", "training, each run once"] == pytest.approx(FIRST + SECOND)
    assert rows["jobs"].loc["work"].sum() == len(suite.jobs)


def test_faces_are_drawn_and_aligned_once_for_all_experiments_and_copies_are_free(suite, rates):
    seconds = {job.task.rule: sum(n * rates.rate(*of)[1] for of, n in job.work.items()) for job in suite.jobs}
    assert seconds["align_faces"] == pytest.approx(5 + 100 * 0.2)
    assert seconds["draw_synthetic_archive"] == pytest.approx(2 + 100 * 0.1)
    assert seconds["evaluate_predictions"] == 2 and seconds["publish"] == 0


def test_cores_share_the_work_until_the_longest_chain_is_all_that_is_left(suite, rates):
    one, two, many = (rows_of(suite, rates, cores)["middle"] for cores in (1, 2, 1000))
    assert one["wall", "--cores 1"] == pytest.approx(one["work"].sum())
    assert two["wall", "--cores 2"] == pytest.approx(one["work"].sum() / 2)
    # Draw, index, align, fold; the run that is started from, the longest job; evaluate, a table, scorecard, page.
    chain = (2 + 10) + 2 + (5 + 20) + 2 + (5 + 24.2) + (5 + 54 + 0.2) + 2 + 2 + 2 + 2
    assert many["wall", "--cores 1000"] == many["wall", "any number"] == pytest.approx(chain)


def test_the_interval_holds_the_fastest_and_the_slowest_sample_and_something_for_the_rest(suite, rates):
    low, middle, high = rows_of(suite, rates).loc[("experiment", "first"), ["low", "middle", "high"]]
    assert (low, middle, high) == pytest.approx(((FIRST - 2 * 2.4) / UNKNOWN, FIRST, (FIRST + 2 * 2.4) * UNKNOWN))


def test_every_kind_of_file_has_its_bytes(suite, rates):
    disk, unknown = disk_bytes(suite, rates, 1)
    assert disk["archives"] == disk["unpacked pictures"] == 100 * 10_000 and unknown == []
    assert disk["face stores"] == 100 * 32 * 32 * 3
    assert disk["models kept"] == sum(map(model_bytes, suite.workloads))  # of PML and KL, not of the constant
    assert disk["predictions"] == (3 * 20 + 2 * 40) * 500
    three, _ = disk_bytes(suite, rates, 3)
    assert three["checkpoints, while training"] == 3 * disk["checkpoints, while training"] > 0


def test_a_model_takes_as_many_bytes_as_its_file(suite, tmp_path):
    job = next(job for job in suite.jobs if job.workload)
    model = build_model(build_settings(job.task.settings["training"], "test"), torch.device("cpu"))
    torch.save(model.weights(), tmp_path / "model.pt")
    assert model_bytes(job.workload) == pytest.approx((tmp_path / "model.pt").stat().st_size, rel=0.01)


@pytest.fixture
def archived(config, rates) -> Callable[[dict], tuple[float, float, list[str]]]:
    """Return the bytes of an archive and of its pictures, and the data sets whose archive has an unknown size."""

    def of(archive: dict) -> tuple[float, float, list[str]]:
        config["datasets"]["faces"]["archives"] = [archive]
        disk, unknown = disk_bytes(Suite(make_plan(config)), rates, 1)
        return disk["archives"], disk["unpacked pictures"], unknown

    return of


def test_an_archive_of_the_user_s_own_is_only_unpacked(archived, tmp_path):
    (tmp_path / "own.zip").write_bytes(b"0" * 700)
    (tmp_path / "folder").mkdir()
    assert archived({"path": "own.zip"}) == (0, 700, [])
    assert archived({"path": "folder"}) == (0, 0, [])
    assert archived({"path": "elsewhere.zip"}) == (0, 0, ["FG-NET"])


def test_a_download_counts_as_large_as_it_is_known_to_be(archived, tmp_path):
    download = {"url": "http://a/FGNET.zip", "checksum": f"md5:{'0' * 32}"}
    assert archived(download) == (46e6, 46e6, [])
    archive = tmp_path / "resources/archives/faces/FGNET.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"0" * 800)
    assert archived(download) == (800, 800, [])


def test_every_kind_of_row_is_on_the_terminal_in_columns(suite, rates):
    text = text_of(suite, rates, 2)
    for part in ("suite small", "FG-NET", "the config", "train_folds 6", "look_up_folds 1", "table4", "leakage", "face stores"):
        assert part in text
    rows = {" ".join(line.split()) for line in text.splitlines()}
    assert {"time with minutes from to", "peak memory GB from to", "of a process 1.0 1.0 1.2", "disk GB"} <= rows
    assert any(row.startswith("--cores 2 ") for row in rows) and any(row.startswith("any number ") for row in rows)
    header = next(i for i, line in enumerate(text.splitlines()) if line.startswith("experiment"))
    assert len({len(line) for line in text.splitlines()[header : header + 3]}) == 1


def test_hours_are_a_gpu_s_where_one_trains(suite, rates):
    assert "CPU minutes" in text_of(suite, rates) and "call this where there is one" in text_of(suite, rates)
    text = text_of(suite, dataclasses.replace(rates, device="GPU X"))
    assert "GPU minutes" in text and "trained on GPU X" in text and "hours of a CPU" not in text


def test_notes_tell_what_the_numbers_rest_on(suite, rates):
    assert "busy" not in text_of(suite, rates)
    busy = dataclasses.replace(rates, samples=rates.samples | {("share", ""): [0.5]}, notes=["others stand in"])
    text = " ".join(text_of(suite, busy).split())
    assert (
        "busy: the calibration had 50% of its cores. Left alone, the suite would take that share" in text
        and "* others stand in" in text
    )


def test_a_batch_that_is_timed_smaller_is_told(changed, rates):
    suite = changed("first", {"batch_size": 5_000, "device": "cpu"})
    rates.samples |= {(name, workload): [0.1] for workload in suite.workloads for name in ("train", "test")}
    assert "Batches of 5000 were timed as batches of 196" in " ".join(text_of(suite, rates).split())


def test_data_in_a_format_of_the_user_s_own_counts_as_no_images_until_it_is_indexed(config, rates, tmp_path, monkeypatch):
    (tmp_path / "own_format.py").write_text(FORMAT)
    monkeypatch.syspath_prepend(tmp_path)
    config["datasets"]["faces"] |= {"format": "own_format:Format", "archives": [{"path": "own.zip"}]}
    text = " ".join(text_of(Suite(make_plan(config)), rates).split())
    assert "How many images FG-NET has is not known" in text and "unknown size: the archives of FG-NET" in text
    assert "Pictures of FG-NET count as those of fgnet" in text


def test_a_config_that_is_none_is_one_line_of_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["forecast", "--configfile", "nowhere.yaml"])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "error: nowhere.yaml: cannot be read" in error and error.count("\n") == 1


@pytest.mark.slow
def test_a_suite_with_a_method_of_the_user_s_own_is_forecast_from_any_folder(tmp_path):
    (tmp_path / "mine.py").write_text("from baselines.kl import KL\n\n\nclass Mine(KL):\n    pass\n")
    config = json.loads(json.dumps(CONFIG))
    config["methods"]["kl"]["class"] = "mine:Mine"
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    code = f"import sys; sys.path.append({str(Path(cli.__file__).parents[1])!r}); from pml import cli; cli.main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "forecast", "--configfile", "small.yaml", "--csv", "forecast.csv"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Forecast of the suite small" in said.stdout and "\n--cores 1 " in said.stdout
    assert "forecast.csv: " in said.stderr
    rows = pd.read_csv(tmp_path / "forecast.csv").set_index(["kind", "name"])
    assert 60 < rows["middle"]["wall", "--cores 1"] < 3_600
    assert (rows["low"] <= rows["middle"]).all() and (rows["middle"] <= rows["high"]).all()
    assert set(rows["unit"]) == {"s", "bytes", "MB"} and np.isfinite(rows["high"]).all()
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("csv", ["small.yaml", "over.yaml", "link.csv", "results/small/archives/faces.archive"])
def test_no_file_of_the_suite_is_replaced_by_the_forecast(config, tmp_path, csv, capsys):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "over.yaml").write_text("face_size: 32")
    (tmp_path / "link.csv").symlink_to("small.yaml")
    (tmp_path / "results/small/archives").mkdir(parents=True)
    (tmp_path / "results/small/archives/faces.archive").write_text("pictures")
    before = (tmp_path / csv).read_bytes()
    with pytest.raises(SystemExit, match="2"):
        cli.main(["forecast", "--configfile", "small.yaml", "over.yaml", "--csv", csv])
    assert f"error: {csv}: is the config file or one of its suite's" in capsys.readouterr().err
    assert (tmp_path / csv).read_bytes() == before
