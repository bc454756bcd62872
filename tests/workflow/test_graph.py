"""The whole graph, run as a user runs it, in a copy of the checkout."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
import torch

from pml.stage import function_of
from pml.suite import read_plan
from pml.suite.plan import RULES
from pml.task import flat
from tests.workflow.checkout import copy_checkout, fgnet_config, jobs_of, snakemake, tiny_config

SUITE = "results/tiny"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def output(checkout) -> str:
    """What snakemake said of the tiny suite."""
    run = snakemake(checkout)
    assert run.returncode == 0, run.stdout[-4000:]
    return run.stdout


@pytest.fixture(scope="module")
def finished(checkout, output) -> Path:
    """A checkout in which the tiny suite has run."""
    return checkout


@pytest.mark.slow
def test_every_job_of_the_plan_runs_and_no_other(finished, output, monkeypatch):
    monkeypatch.chdir(finished)
    planned = Counter(task.rule for task in read_plan(f"{SUITE}/suite.json").tasks(*RULES))
    assert jobs_of(output) == planned and planned.keys() == {*RULES} - {"fetch_archive", "draw_subjects"}


@pytest.mark.slow
def test_every_table_and_figure_is_made(finished):
    made = {
        str(path.relative_to(finished / "results"))
        for kind in ("tables", "figures")
        for path in finished.glob(f"results/{kind}/*")
    }
    config = tiny_config()
    tables = {f"table{number}.{extension}" for number in (2, 3, 4, 5, 6) for extension in ("csv", "md", "tex")}
    tables |= {f"{name}.{extension}" for name in ("table_tiny", "scorecard", "cost") for extension in ("csv", "md", "tex")}
    tables |= {f"{kind}_{experiment}.csv" for kind in ("metrics", "calibration") for experiment in config["experiments"]} | {
        f"leakage.{extension}" for extension in ("csv", "md", "tex")
    }
    tables |= {f"data_{dataset}.{extension}" for dataset in config["datasets"] for extension in ("csv", "md")}
    figures = {"figure3", "figure4"} | {f"ages_{dataset}" for dataset in config["datasets"]}
    of_experiments = ("training_curves", "cumulative_score", "error_against_age", "shots", "calibration")
    figures |= {f"{kind}_{name}" for name in config["experiments"] for kind in of_experiments} | {"forest_tiny"}
    figures |= {
        f"diagnostics_{name}_pml" for name, experiment in config["experiments"].items() if experiment.get("keep_models")
    }
    assert made == {f"tables/{table}" for table in tables} | {
        f"figures/{figure}.{extension}" for figure in figures for extension in ("pdf", "png")
    } | {"figures/figure4_purity.csv"}


@pytest.mark.slow
def test_the_table_shows_published_beside_reproduced_numbers_and_says_that_they_are_synthetic(finished):
    table = pd.read_csv(finished / "results/tables/table4.csv")
    published = pd.read_csv(finished / "pml/published/table4_fgnet.csv")
    assert table.dropna(subset="year").groupby(["method", "pretraining"]).ngroups == len(published)
    reproduced = table.dropna(subset="reproduced_by")
    assert set(reproduced["reproduced_by"]) == {method["label"] for method in tiny_config()["methods"].values()}
    assert reproduced["data"].eq("FG-NET (synthetic)").all()
    assert set(reproduced["verdict"]) == {"not comparable", "no published value"}


@pytest.mark.slow
def test_every_number_of_synthetic_data_says_so_in_its_row(finished):
    tables = sorted({*(finished / "results/tables").glob("*.csv")} - {finished / "results/tables/cost.csv"})
    assert tables
    for path in tables:
        table = pd.read_csv(path)
        rows = table[~table.isin(["not run"]).any(axis="columns")]
        # Where no method has a distribution, there is nothing to calibrate.
        assert len(rows) or path.name.startswith("calibration_"), path.name
        assert rows["data"].astype(str).str.endswith("(synthetic)").all(), path.name


@pytest.mark.slow
def test_a_comparison_pairs_every_method_with_the_reference_and_says_that_it_is_synthetic(finished):
    table = pd.read_csv(finished / "results/tables/table_tiny.csv").set_index("method")
    assert table["data"].eq("FG-NET (synthetic)").all()
    assert table.index[table["verdict"] == "reference"].tolist() == ["KL baseline"]
    assert table["images_paired"].equals(table["images"]) and table.loc["DEX", "folds"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("number, pretrainings", [(2, ["none"]), (3, ["none"]), (5, ["none", "IMDB-WIKI"])])
def test_a_table_has_every_method_with_and_without_pretraining(finished, number, pretrainings):
    config = tiny_config()
    table = pd.read_csv(finished / f"results/tables/table{number}.csv", keep_default_na=False)
    reproduced = table[table["reproduced_by"] != ""]
    for experiment, pretraining in zip(config["tables"][f"table{number}"]["experiments"], pretrainings, strict=True):
        shown = reproduced.loc[reproduced["experiment"] == experiment]
        labels = {config["methods"][name]["label"] for name in config["experiments"][experiment]["methods"]}
        assert set(shown["reproduced_by"]) == labels
        assert pretraining in set(shown["pretraining"])
    assert (reproduced["reproduced_epsilon_error"] != "").all() == (number == 5)


@pytest.mark.slow
def test_table6_has_every_curriculum_beside_the_published_counts(finished):
    table = pd.read_csv(finished / "results/tables/table6.csv").set_index("data")
    rows = table.loc["ChaLearn (synthetic)"]
    assert (rows["experiment"] == "chalearn_curricula").all() and rows["curriculum"].tolist() == ["D1", "D2", "D3"]
    assert rows["samples"].is_monotonic_increasing and rows["imbalance_ratio"].is_monotonic_increasing
    assert rows["mae"].notna().all() and rows["published_mae"].notna().tolist() == [True, True, False]
    train = pd.read_csv(finished / SUITE / "folds/chalearn_curricula/folds.csv").query("part == 'train'")
    assert rows["samples"].iloc[-1] == train.groupby("fold").size().mean()
    others = table.drop("ChaLearn (synthetic)")
    assert others["published_mae"].notna().all() and others["mae"].isna().all() and {*others.index} == {"ChaLearn", "Morph II"}


@pytest.mark.slow
def test_fine_tuning_starts_from_what_the_same_method_learnt_in_pretraining(finished):
    runs = finished / SUITE / "runs"
    settings = json.loads((runs / "chalearn_official_pretrained/pml/seed0/fold001/run.json").read_text())["settings"]
    assert settings["initialisation"] == f"{SUITE}/runs/imdb_wiki_pretraining/pml/seed0/fold001/model.pt"
    assert (finished / settings["initialisation"]).exists()


@pytest.mark.slow
def test_the_leakage_table_tells_the_random_from_the_subject_exclusive_split(finished):
    table = pd.read_csv(finished / "results/tables/leakage.csv")
    assert set(table["data"]) == {"Morph II (synthetic)", "FG-NET (synthetic)", "ChaLearn (synthetic)"}
    by_protocol = table.set_index(["protocol", "method"])
    assert by_protocol.loc[("setting1", "ID look-up"), "seen_share"] > 0.8
    assert by_protocol.loc[("setting1_subject_exclusive", "ID look-up"), "seen_share"] == 0
    assert by_protocol.loc[("lopo", "ID look-up"), "seen_share"] == 0
    lookup = by_protocol.loc[("setting1", "ID look-up")]
    assert lookup["mae"] < 2 < lookup["exclusive_mae"]


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["fgnet", "morph2", "chalearn", "imdb_wiki"])
def test_nothing_but_indexed_images_is_unpacked_for_the_stages_to_come(finished, dataset):
    folder = finished / SUITE / "datasets" / dataset
    left = {path.relative_to(folder / "images").as_posix() for path in (folder / "images").rglob("*") if path.is_file()}
    assert left - {".snakemake_timestamp"} == set(pd.read_csv(folder / "index.csv")["image"])


@pytest.mark.slow
def test_no_row_is_lost_from_the_archive_to_the_predictions(finished):
    index = pd.read_csv(finished / SUITE / "datasets/fgnet/index.csv", dtype={"subject": str})
    faces = pd.read_csv(finished / SUITE / "faces/fgnet/faces.csv")
    rejected = pd.read_csv(finished / SUITE / "faces/fgnet/rejected.csv")
    pooled = pd.read_csv(finished / SUITE / "evaluation/fgnet_lopo/pooled.csv")
    assert len(index) == 56 == len(faces) + len(rejected)
    tested = index["subject"].isin(sorted(index["subject"].unique())[:2])
    assert set(pooled.loc[pooled["method"] == "pml", "image"]) == set(index.loc[tested, "image"])


@pytest.mark.slow
def test_a_second_run_does_nothing_and_says_so(finished):
    assert "Nothing to be done" in snakemake(finished).stdout


@pytest.mark.slow
def test_all_but_the_published_copies_lies_in_the_folder_of_the_suite(finished):
    assert {path.name for path in (finished / "results").iterdir()} == {"tiny", "tables", "figures", "logs", "report.html"}


@pytest.mark.slow
def test_the_report_is_one_html_file_with_the_captions(finished):
    run = snakemake(finished, "--report", "report.html")
    assert run.returncode == 0, run.stdout[-2000:]
    report = (finished / "report.html").read_text()
    assert "t-SNE of the features" in report and "published and reproduced numbers in one row" in report
    assert "each method beside a reference among them" in report


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_the_profile_of_a_gpu_trains_nothing_on_a_machine_that_shows_none(finished):
    # Of a suite of its own, since the plan that a suite's jobs read is that of its last run.
    for folder in ("datasets", "faces", "folds"):
        shutil.copytree(finished / SUITE / folder, finished / "results/gpu" / folder)
    config = tiny_config() | {"suite": "gpu"}
    config["datasets"]["fgnet"]["archives"] = [{"path": f"{SUITE}/archives/fgnet.archive"}]
    target = "results/gpu/runs/fgnet_lopo/kl/seed0/jobs/1.csv"
    run = snakemake(finished, target, "--workflow-profile", "profiles/gpu", config=config)
    assert run.returncode != 0 and not (finished / target).exists()
    assert "error: the job was given 1 GPU(s), but PyTorch can use 0" in run.stdout, run.stdout[-3000:]
    last = run.stdout.strip().splitlines()[-1]
    assert last.startswith("  error: the job was given 1 GPU(s)"), "the cause stands below all that snakemake says"


# One of each command that a rule can have: with threads, with wildcards, of a small job, of one without wildcards.
BY_HAND = {
    "train_folds/morph2_setting1/pml/0/1": "runs/morph2_setting1/pml/seed0/fold001",
    "look_up_folds/fgnet_lopo/id_lookup/0/1": "runs/fgnet_lopo/id_lookup/seed0/fold001",
    "write_table/table4": "tables/table4.csv",
    "draw_figure3": "figures/figure3.png",
}


@pytest.mark.slow
@pytest.mark.parametrize("job, product", BY_HAND.items())
def test_the_command_line_that_a_log_begins_with_makes_the_same_bytes_by_hand(finished, tmp_path, job, product):
    def content(path: Path) -> dict[str, bytes]:
        files = [path] if path.is_file() else path.iterdir()
        return {file.name: file.read_bytes() for file in files if file.name != "run.json"}

    made = finished / SUITE / product
    line = (finished / SUITE / "logs" / f"{job}.log").read_text().splitlines()[0]
    before = content(made)
    kept = shutil.move(made, tmp_path / "kept")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    by_hand = subprocess.run(["bash", "-c", line], cwd=finished, env=environment, capture_output=True, text=True, check=False)
    assert by_hand.returncode == 0, by_hand.stderr
    assert content(made) == before
    # The graph compares times: put back what it made.
    shutil.rmtree(made) if made.is_dir() else made.unlink()
    shutil.move(kept, made)


OPENED: list[str] | None = None  # the files opened while it is a list


def _note_open(event: str, arguments: tuple) -> None:
    if event == "open" and OPENED is not None and isinstance(arguments[0], (str, os.PathLike)):
        OPENED.append(os.path.abspath(arguments[0]))


@pytest.fixture(scope="module")
def repeated(finished, tmp_path_factory) -> dict[str, list[str]]:
    """A job of each kind done once more: the declared inputs that it left unread, and the outputs that differ."""
    global OPENED
    sys.addaudithook(_note_open)
    unread, changed = [], []
    with chdir(finished):
        plan = read_plan(f"{SUITE}/suite.json")
        for rule in sorted(set(RULES) - {"publish", "draw_synthetic_archive", "fetch_archive"}):
            for task in {task.settings.get("kind"): task for task in plan.tasks(rule)}.values():
                folder = tmp_path_factory.mktemp(rule)
                outputs = {name: str(folder / Path(path).name) for name, path in task.outputs.items()}
                OPENED = []
                function_of(rule)(dataclasses.replace(task, outputs=outputs))
                read, OPENED = OPENED, None
                # The table of a finished run stands for its directory, which is no declared output.
                needed = [os.path.abspath(path) for path in flat(task.inputs) if "/jobs/" not in path]
                unread += [f"{rule}: {path}" for path in needed if not any(name.startswith(path) for name in read)]
                files = [(Path(path), Path(outputs[name])) for name, path in task.outputs.items() if Path(path).is_file()]
                changed += [f"{rule}: {first}" for first, again in files if first.read_bytes() != again.read_bytes()]
    return {"unread": unread, "changed": changed}


@pytest.mark.slow
def test_a_stage_reads_every_file_that_its_rule_declares(repeated):
    assert repeated["unread"] == []


@pytest.mark.slow
def test_a_stage_makes_the_same_bytes_again(repeated):
    assert repeated["changed"] == []


@pytest.mark.slow
def test_another_suite_takes_the_published_copies_but_leaves_the_runs_alone(finished):
    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (finished / SUITE).rglob("*") if path.is_file()}

    table = finished / "results/tables/table4.csv"
    before, copy = written(), table.read_bytes()
    other = fgnet_config("other")
    other["experiments"]["fgnet_lopo"] |= {"methods": ["constant_median"], "method_folds": {}, "folds": [1]}
    run = snakemake(finished, "results/tables/table4.csv", config=other)
    assert run.returncode == 0, run.stdout[-3000:]
    assert written() == before and table.read_bytes() != copy
    run = snakemake(finished)
    assert run.returncode == 0 and "train_folds" not in run.stdout
    assert written() == before and table.read_bytes() == copy
