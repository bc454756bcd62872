"""What the rules look up about a config, without running snakemake."""

import csv
import json
import math
from collections import Counter
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from pml import config as pml_config
from pml.method import PixelFreeMethod, method_class
from pml.synthetic_mark import marked

ROOT = Path(__file__).parents[2]


def lookups(selection: str) -> dict:
    """Return the functions of the lookups on the demo's config, whose epochs are chosen as `selection` says."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    for experiment in config["experiments"].values():
        experiment["training"]["selection"] = selection
        experiment["validation"] = 0.1  # something to choose by
    config["comparisons"] = {"parts": {"experiments": ["fgnet_lopo"], "reference": "pml"}}
    namespace = vars(pml_config) | {"config": pml_config.check_config(config), "json": json, "math": math, "Path": Path}
    namespace |= {"Counter": Counter, "cache": cache, "csv": csv, "marked": marked}
    namespace["PIXEL_FREE_METHODS"] = ["constant_median", "id_lookup"]
    for name in ("runs", "reports", "resources"):
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


@pytest.fixture
def training(tmp_path):
    """The lookups, a training job of three folds of the demo, and its limit in minutes for so many images a fold."""
    found = lookups("last")
    job = SimpleNamespace(suite="demo", experiment="fgnet_lopo", method="pml", seed="0", job="1")
    found["config"]["face_size"] = 224
    lopo = found["config"]["experiments"]["fgnet_lopo"]
    lopo |= {"folds": "1-6", "folds_per_job": 3, "training": lopo["training"] | {"epochs": 700, "batch_size": 100}}

    def minutes(images: int | None, attempt: int = 1, gpus: int = 1) -> int:
        found["gpus_of_training"] = lambda: gpus
        table = tmp_path / f"{images}.csv"
        if images is not None:
            rows = [f"{fold},a.jpg,{part}" for fold in range(1, 7) for part in ["train"] * images + ["test"] * 5]
            table.write_text("\n".join(["fold,image,part", *rows]))
        return found["training_runtime"](job, SimpleNamespace(folds=str(table)), attempt)

    return SimpleNamespace(found=found, job=job, minutes=minutes)


def test_a_training_is_given_half_an_hour_while_its_folds_are_not_drawn(training):
    assert training.minutes(None) == 30


def test_the_time_limit_of_a_training_follows_its_images_and_its_device_and_grows_with_every_attempt(training):
    images, epochs, folds, rate = 1_000, 700, 3, 400
    limit = math.ceil(3 * images * epochs * folds * 0.5 / rate / 60)  # a ResNet-18 is half the work
    assert training.minutes(images) == limit > 30 and training.minutes(images, attempt=2) == 2 * limit
    assert training.minutes(images, gpus=2) < limit < training.minutes(images, gpus=0)
    training.found["config"]["face_size"] = 112
    assert training.minutes(images) == math.ceil(limit / 4)


def test_no_training_asks_for_more_time_than_queues_grant_and_no_group_of_short_ones(training):
    assert training.minutes(10_000, gpus=0) == training.minutes(10_000, gpus=0, attempt=3) == 24 * 60
    training.found["config"]["experiments"]["fgnet_lopo"] |= {"folds_per_job": 1, "folds": [1, 2, 3, 4, 5, 6] * 2}
    assert training.minutes(10_000, gpus=0) == training.minutes(10_000, gpus=0, attempt=3) == 24 * 60 / 20
    profiles = [yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text()) for name in ("slurm", "generic")]
    assert {members for profile in profiles for members in profile["group-components"].values()} == {20}


def test_a_training_is_given_memory_for_each_process_and_on_a_cpu_for_the_activations_of_a_batch(training):
    def memory(gpus: int, attempt: int = 1) -> int:
        training.found["gpus_of_training"] = lambda: gpus
        return training.found["training_memory"](training.job, attempt)

    assert memory(1) == 4000 and memory(4) == 16000 and memory(1, attempt=3) == 12000
    assert memory(0) == 4000 + math.ceil(100 * 224**2 * 672 / 1e6)


def test_several_gpus_are_a_process_each():
    launcher = lookups("last")["launcher"]
    assert [launcher(None, SimpleNamespace(gpu=count)) for count in (0, 1, 4)] == [
        "python -m",
        "python -m",
        "torchrun --standalone --nproc-per-node 4 -m",
    ]


def test_only_the_runs_of_experiments_of_many_jobs_share_a_place_in_the_queue_and_those_that_wait_apart():
    found = lookups("last")
    group, job = found["short_runs"], SimpleNamespace(experiment="fgnet_lopo", method="pml")
    assert group(job) is None
    lopo = found["config"]["experiments"]["fgnet_lopo"]
    lopo |= {"folds": "1-82", "folds_per_job": 1}
    assert group(job) == "short_runs" and group(SimpleNamespace(experiment="fgnet_lopo", method="id_lookup")) is None
    lopo["initialisation"] = {"experiment": "imdb_wiki_pretraining"}
    assert group(job) == "short_pretrained_runs"


def test_the_methods_that_keep_out_of_the_queue_are_those_that_look_at_no_pixels():
    shipped = {method["class"] for method in lookups("last")["config"]["methods"].values()}
    assert {name for name in shipped if issubclass(method_class(name), PixelFreeMethod)} == set(pml_config.PIXEL_FREE)
