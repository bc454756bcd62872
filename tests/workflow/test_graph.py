"""The whole graph, run as a user runs it, in a copy of the checkout."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHECKOUT = ["Snakefile", "environment.yml", "workflow", "profiles", "config", "published", "pml", "baselines"]
SUITE = "results/tiny"


def tiny_config() -> dict:
    """The demo's config, cut down: every rule, data set, protocol and method of it, on a handful of faces."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    config["suite"] = "tiny"
    config["face_size"] = 32
    sizes = {"fgnet": (8, 120), "morph2": (24, 96), "chalearn": (60, 60), "imdb_wiki": (30, 60)}
    for name, (subjects, images) in sizes.items():
        config["datasets"][name]["archives"] = [{"synthetic": {"subjects": subjects, "images": images}}]
    for experiment in config["experiments"].values():
        experiment["methods"] = [
            name for name in experiment["methods"] if name in ("pml", "kl", "constant_median", "id_lookup")
        ]
        experiment["training"] |= {"epochs": 1, "warmup_epochs": 0.5}
    lopo = config["experiments"]["fgnet_lopo"]
    lopo |= {"methods": [*config["methods"]], "folds": "1-2", "method_folds": {"dex": [1]}, "folds_per_job": 2}
    config["comparisons"] = {"tiny": {"experiments": ["fgnet_lopo"], "reference": "kl"}}
    return config


def fgnet_config(suite: str) -> dict:
    """What `tiny_config` does with FG-NET, and nothing else."""
    config = tiny_config() | {"suite": suite, "comparisons": {}, "leakage": {}, "figures": {}}
    for section, name in (("datasets", "fgnet"), ("experiments", "fgnet_lopo"), ("tables", "table4")):
        config[section] = {name: config[section][name]}
    return config


def snakemake(directory: Path, *arguments: str, config: dict | None = None) -> subprocess.CompletedProcess:
    """Run snakemake in the checkout `directory`, with its output as text."""
    (directory / "tiny.yaml").write_text(yaml.safe_dump(config or tiny_config()))
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "tiny.yaml"]
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(directory), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=directory, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("checkout")
    for name in CHECKOUT:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, directory / name)
    return directory


@pytest.fixture(scope="module")
def finished(checkout) -> Path:
    """A checkout in which the tiny suite has run."""
    run = snakemake(checkout)
    assert run.returncode == 0, run.stdout[-4000:]
    return checkout


@pytest.mark.slow
def test_every_table_and_figure_is_made(finished):
    made = {
        str(path.relative_to(finished / "results"))
        for kind in ("tables", "figures")
        for path in finished.glob(f"results/{kind}/*")
    }
    config = tiny_config()
    tables = {f"table{number}.{extension}" for number in (2, 3, 4, 5, 6) for extension in ("csv", "md", "tex")}
    tables |= {f"table_tiny.{extension}" for extension in ("csv", "md", "tex")}
    tables |= {f"metrics_{experiment}.csv" for experiment in config["experiments"]} | {"leakage.csv", "leakage.md"}
    tables |= {f"data_{dataset}.{extension}" for dataset in config["datasets"] for extension in ("csv", "md")}
    figures = {"figure3", "figure4"} | {f"ages_{dataset}" for dataset in config["datasets"]}
    figures |= {f"{kind}_{name}" for name in config["experiments"] for kind in ("training_curves", "errors_by_age")}
    figures |= {f"margins_{name}_pml" for name, experiment in config["experiments"].items() if experiment["keep_models"]}
    assert made == {f"tables/{table}" for table in tables} | {
        f"figures/{figure}.{extension}" for figure in figures for extension in ("pdf", "png")
    }


@pytest.mark.slow
def test_the_table_shows_published_beside_reproduced_rows_and_says_that_they_are_synthetic(finished):
    table = pd.read_csv(finished / "results/tables/table4.csv")
    published = pd.read_csv(finished / "published/table4_fgnet.csv")
    assert (table["source"] == "published").sum() == len(published)
    reproduced = table[table["source"] == "reproduced"]
    assert set(reproduced["method"]) == {method["label"] for method in tiny_config()["methods"].values()}
    assert reproduced["data"].eq("FG-NET (synthetic)").all()
    assert reproduced["verdict"].eq("synthetic: not comparable").all()


@pytest.mark.slow
def test_a_comparison_pairs_every_method_with_the_reference_and_says_that_it_is_synthetic(finished):
    table = pd.read_csv(finished / "results/tables/table_tiny.csv").set_index("method")
    assert table["data"].eq("FG-NET (synthetic)").all()
    assert table.index[table["verdict"] == "reference"].tolist() == ["KL baseline"]
    assert table["images_paired"].equals(table["images"]) and table.loc["DEX", "folds"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 3, 5])
def test_a_table_has_every_method_with_and_without_pretraining(finished, number):
    config = tiny_config()
    plain, pretrained = config["tables"][f"table{number}"]["experiments"]
    table = pd.read_csv(finished / f"results/tables/table{number}.csv", keep_default_na=False)
    reproduced = table[table["source"] == "reproduced"]
    for experiment, pretraining in ((plain, "none"), (pretrained, "IMDB-WIKI")):
        shown = reproduced.loc[reproduced["experiment"] == experiment]
        assert set(shown["method"]) == {
            config["methods"][name]["label"] for name in config["experiments"][experiment]["methods"]
        }
        assert set(shown["pretraining"]) == {pretraining}
    assert (reproduced["reproduced_epsilon_error"] != "").all() == (number == 5)


@pytest.mark.slow
def test_table6_has_every_curriculum_beside_the_published_counts(finished):
    table = pd.read_csv(finished / "results/tables/table6.csv")
    for data, experiment in (("Morph II (synthetic)", "morph2_curricula"), ("ChaLearn (synthetic)", "chalearn_curricula")):
        rows = table[table["data"] == data]
        assert (rows["experiment"] == experiment).all() and rows["curriculum"].tolist() == ["D1", "D2", "D3", "D4", "D5"]
        assert rows["samples"].is_monotonic_increasing and rows["imbalance_ratio"].is_monotonic_increasing
        assert rows["mae"].notna().all() and rows["published_mae"].notna().tolist() == [True] * 4 + [False]
        train = pd.read_csv(finished / SUITE / "folds" / experiment / "folds.csv").query("part == 'train'")
        assert rows["samples"].iloc[-1] == train.groupby("fold").size().mean()


@pytest.mark.slow
def test_fine_tuning_starts_from_what_the_same_method_learnt_in_pretraining(finished):
    runs = finished / SUITE / "runs"
    for method in ("pml", "kl"):
        settings = json.loads((runs / "morph2_setting1_pretrained" / method / "settings.json").read_text())
        assert settings["initialisation"] == f"{SUITE}/runs/imdb_wiki_pretraining/{method}/seed0/fold001/model.pt"
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
    assert len(index) == 120 == len(faces) + len(rejected)
    tested = index["subject"].isin(sorted(index["subject"].unique())[:2])
    assert set(pooled.loc[pooled["method"] == "pml", "image"]) == set(index.loc[tested, "image"])


@pytest.mark.slow
def test_a_second_run_does_nothing_and_says_so(finished):
    assert "Nothing to be done" in snakemake(finished).stdout


@pytest.mark.slow
def test_all_but_the_published_copies_lies_in_the_folder_of_the_suite(finished):
    assert {path.name for path in (finished / "results").iterdir()} == {"tiny", "tables", "figures", "logs"}


@pytest.mark.slow
def test_the_report_is_one_html_file_with_the_captions(finished):
    run = snakemake(finished, "--report", "report.html")
    assert run.returncode == 0, run.stdout[-2000:]
    report = (finished / "report.html").read_text()
    assert "t-SNE of the features" in report and "bootstrap over the subjects" in report
    assert "each method beside a reference among them" in report


@pytest.mark.slow
@pytest.mark.parametrize("config", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_every_config_has_a_graph(checkout, config):
    run = snakemake(checkout, "--dry-run", config=yaml.safe_load((ROOT / "config" / config).read_text()))
    assert run.returncode == 0 and "train_folds" in run.stdout, run.stdout[-2000:]


@pytest.mark.slow
def test_an_unknown_key_stops_the_workflow_with_the_nearest_known_one(checkout):
    config = tiny_config()
    config["experiments"]["fgnet_lopo"]["seed"] = [0, 1]
    run = snakemake(checkout, "--dry-run", config=config)
    assert run.returncode != 0
    assert "unknown key 'seed'; did you mean 'seeds'?" in run.stdout


@pytest.mark.slow
def test_use_conda_without_conda_names_the_command_to_use_instead(checkout):
    run = snakemake(checkout, "--use-conda")
    assert run.returncode != 0
    assert "snakemake --cores" in run.stdout and "no conda" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["checksum", "truncated"])
def test_a_damaged_archive_stops_the_workflow_with_its_name(finished, tmp_path, damage):
    content = (finished / SUITE / "archives/fgnet.archive").read_bytes()
    archive = tmp_path / "FGNET.zip"
    archive.write_bytes(content[: len(content) // 2] if damage == "truncated" else content)
    config = fgnet_config("damaged")
    config["datasets"]["fgnet"]["archives"] = [{"path": str(archive)}]
    if damage == "checksum":
        config["datasets"]["fgnet"]["archives"][0]["checksum"] = f"md5:{hashlib.md5(b'other').hexdigest()}"
    run = snakemake(finished, config=config)
    assert run.returncode != 0
    assert f"error: {archive}" in run.stdout, run.stdout[-3000:]
    assert not list((finished / "results/damaged/datasets/fgnet").glob("*"))


@pytest.mark.slow
def test_a_missing_archive_stops_the_workflow_and_says_how_to_obtain_it(checkout):
    config = fgnet_config("missing")
    config["datasets"]["fgnet"]["archives"] = [{"path": "elsewhere/FGNET.zip"}]
    run = snakemake(checkout, config=config)
    assert run.returncode != 0
    assert "error: elsewhere/FGNET.zip: no such archive or folder; download it from" in run.stdout, run.stdout[-3000:]


@pytest.mark.slow
def test_another_suite_takes_the_published_copies_but_leaves_the_runs_alone(finished):
    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (finished / SUITE).rglob("*") if path.is_file()}

    table = finished / "results/tables/table4.csv"
    before, copy = written(), table.read_bytes()
    other = fgnet_config("other")
    other["experiments"]["fgnet_lopo"] |= {"methods": ["kl", "constant_median"], "method_folds": {}, "folds": [1]}
    run = snakemake(finished, config=other)
    assert run.returncode == 0, run.stdout[-3000:]
    assert written() == before and table.read_bytes() != copy
    run = snakemake(finished)
    assert run.returncode == 0 and "train_folds" not in run.stdout
    assert written() == before and table.read_bytes() == copy
