"""What the rules look up about a config, without running snakemake."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from pml import config as pml_config

ROOT = Path(__file__).parents[2]


def lookups(selection: str) -> dict:
    """Return the functions of the lookups on the demo's config, whose epochs are chosen as `selection` says."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for experiment in config["experiments"].values():
        experiment["training"]["selection"] = selection
        experiment["validation"] = 0.1  # something to choose by
    config["comparisons"] = {"parts": {"experiments": ["fgnet_lopo"], "reference": "pml"}}
    namespace = vars(pml_config) | {"config": pml_config.check_config(config), "json": json}
    for name in ("runs", "reports"):
        exec((ROOT / f"workflow/lookups/{name}.smk").read_text(), namespace)
    return namespace


def every_label(selection: str) -> set[str]:
    """Return the labels of methods that tables and figures show."""
    found, suite = lookups(selection), {"suite": "demo"}
    labels = []
    for name in found["config"]["tables"]:
        rows = json.loads(found["table6_json" if name == "table6" else "table_json"](SimpleNamespace(table=name, **suite)))
        labels += [method["label"] for row in rows for method in row.get("methods", [])]
        labels += [label for row in rows for label in row.get("labels", {}).values()]
    for rows in (
        json.loads(found["comparison_json"](SimpleNamespace(comparison="parts", **suite))),
        json.loads(found["leakage_json"](SimpleNamespace(**suite))),
    ):
        labels += [label for row in rows for label in row["labels"].values()]
    for figure in found["config"]["figures"]:
        labels += found["figure_labels"](SimpleNamespace(figure=figure, **suite))
    for experiment in found["config"]["experiments"]:
        pairs = found["method_labels"](SimpleNamespace(experiment=experiment, **suite))
        labels += [pair.split("=", 1)[1] for pair in pairs]
    return set(labels)


@pytest.mark.parametrize("selection", ["last", "validation"])
def test_labels_are_the_config_s(selection):
    known = {method["label"] for method in lookups(selection)["config"]["methods"].values()}
    assert every_label(selection) <= known and "PML" in every_label(selection)


def test_everything_that_an_oracle_touches_is_marked():
    assert every_label("oracle") == {f"{label} (oracle)" for label in every_label("last")}


@pytest.mark.parametrize(
    "selection, note",
    [
        ("last", "last epoch"),
        ("validation", "best epoch on the validation part"),
        ("oracle", "best epoch on the test set"),
    ],
)
def test_the_note_below_a_table_says_which_epoch_predicts(selection, note):
    assert f"schedule, {note}, mean over face" in lookups(selection)["budget_note"]("fgnet_lopo")
