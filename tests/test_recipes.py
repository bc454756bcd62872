"""The recipes of CONTRIBUTING.md, followed as they stand there on one copy of the checkout."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.workflow.checkout import ROOT, copy_checkout, fgnet_config, snakemake

PAGES = {
    "method": "docs/adding-a-method.md",
    "format": "docs/adding-a-format.md",
    "backbone": "docs/adding-a-backbone.md",
    "protocol": "CONTRIBUTING.md#A protocol",
    "stage": "docs/adding-a-stage.md",
    "key": "CONTRIBUTING.md#A key of",
    "table": "CONTRIBUTING.md#A table",
}
# A test is one more place of a format; a key's second place is where the code uses it.
MOST_PLACES = {"method": 1, "format": 3 - 1, "backbone": 1, "protocol": 1, "stage": 4, "key": 2 - 1, "table": 2}
BLOCK = re.compile(r"```(?:python|yaml)\n# (\S+?\.(?:py|smk|yaml))(?:, (at the end|after: ([^\n]*)))?\n(.*?)```", re.DOTALL)


def follow(page: str, checkout: Path) -> set[str]:
    """Change a checkout as the code blocks of a page, or of one section of it, say; return the files that this takes."""
    changed = set()
    file, _, section = page.partition("#")
    text = (ROOT / file).read_text()
    if section:
        text = text.partition(f"\n## {section}")[2].partition("\n## ")[0]
    for name, where, marker, code in BLOCK.findall(text):
        path = checkout / name
        path.parent.mkdir(exist_ok=True)
        if marker:
            before, found, after = path.read_text().partition(marker + "\n")
            assert found, f"{page}: {name} has no line {marker!r}"
            path.write_text(before + found + code + after)
        else:
            assert bool(where) == path.exists(), f"{page}: {name}"
            path.write_text((path.read_text() if where else "") + code)
        changed.add(name)
    return changed


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("recipes"))


@pytest.fixture(scope="module")
def changed(checkout) -> dict[str, set[str]]:
    return {recipe: follow(page, checkout) for recipe, page in PAGES.items()}


@pytest.fixture(scope="module")
def finished(checkout, changed) -> Path:
    """The checkout after a small suite that uses all that was added."""
    for age in (20, 30, 40):
        path = checkout / f"album/{age}/face.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (64, 64), (age, 2 * age, 3 * age)).save(path)
    (checkout / "album/notes.txt").write_text("none")
    config = fgnet_config("recipes")
    config["datasets"]["album"] = {"format": "folders", "label": "Album", "archives": [{"path": "album"}]}
    (methods,) = re.findall(r"```yaml\n(methods:.*?)```", (ROOT / PAGES["method"]).read_text(), re.DOTALL)
    (network,) = re.findall(r"```yaml\n(experiments:.*?)```", (ROOT / PAGES["backbone"]).read_text(), re.DOTALL)
    (protocol,) = re.findall(r"```yaml\n(experiments:.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    config["methods"] |= yaml.safe_load(methods)["methods"]
    lopo = config["experiments"]["fgnet_lopo"]
    lopo |= yaml.safe_load(network)["experiments"]["fgnet_lopo"]
    lopo |= yaml.safe_load(protocol)["experiments"]["fgnet_lopo"]
    lopo |= {"methods": ["huber", "constant_median"], "method_folds": {}, "folds": [1], "keep_models": []}
    lopo["training"]["label_noise"] = 1.0
    targets = ("tables/tested.md", "tables/faces_fgnet.csv", "tables/metrics_fgnet_lopo.csv", "tables/data_album.csv")
    run = snakemake(checkout, *(f"results/{target}" for target in targets), config=config)
    assert run.returncode == 0, run.stdout[-4000:]
    return checkout


@pytest.mark.slow
@pytest.mark.parametrize("recipe", PAGES)
def test_a_recipe_touches_no_more_files_than_contributing_says(changed, recipe):
    assert 1 <= len(changed[recipe]) <= MOST_PLACES[recipe], changed[recipe]


@pytest.mark.slow
def test_a_method_and_a_backbone_of_the_recipes_are_trained_together(finished):
    metrics = pd.read_csv(finished / "results/tables/metrics_fgnet_lopo.csv")
    assert metrics.loc[metrics["method"] == "huber", "mae"].notna().all()
    run = finished / "results/recipes/runs/fgnet_lopo/huber/seed0/fold001/run.json"
    assert "my_networks:stamp" in run.read_text() and '"label_noise": 1.0' in run.read_text()


@pytest.mark.slow
def test_a_protocol_of_the_recipes_makes_the_folds(finished):
    folds = pd.read_csv(finished / "results/recipes/folds/fgnet_lopo/folds.csv")
    people = folds.assign(person=folds["image"].str.extract(r"/(\d{3})A", expand=False)).groupby("part")["person"].unique()
    assert max(people["train"]) < min(people["test"])


@pytest.mark.slow
def test_a_format_of_the_recipes_is_indexed_and_accounts_for_every_file(finished):
    index = pd.read_csv(finished / "results/recipes/datasets/album/index.csv")
    rejected = pd.read_csv(finished / "results/recipes/datasets/album/rejected.csv")
    assert index["age"].tolist() == [20, 30, 40] and rejected["reason"].tolist() == ["its folder is no age"]


@pytest.mark.slow
def test_a_stage_of_the_recipes_makes_its_table_and_publishes_it(finished):
    counts = pd.read_csv(finished / "results/tables/faces_fgnet.csv")
    assert counts["faces"].sum() == 56


@pytest.mark.slow
def test_a_table_of_the_recipes_is_written_and_published(finished):
    assert "| FG-NET (synthetic) | fgnet_lopo   |" in (finished / "results/tables/tested.md").read_text()


@pytest.mark.slow
def test_a_method_of_the_recipes_keeps_the_contract(checkout, changed):
    command = [sys.executable, "-m", "pml.cli", "check-method", "my_methods.huber:Huber"]
    run = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
