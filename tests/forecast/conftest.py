"""A small suite of two experiments, one started from the other, and rates of round numbers."""

import copy
from collections.abc import Callable

import pytest

from pml.forecast.jobs import Suite
from pml.forecast.timing import Rates
from pml.suite import make_plan

TRAINING = {"epochs": 3, "batch_size": 10}
SHARED = {"dataset": "faces", "backbone": "resnet18", "training": TRAINING}
CONFIG = {
    "suite": "small",
    "face_size": 32,
    "datasets": {"faces": {"format": "fgnet", "label": "FG-NET", "archives": [{"synthetic": {"subjects": 10, "images": 100}}]}},
    "methods": {
        "pml": {"class": "pml", "label": "PML", "published": "PML"},
        "kl": {"class": "kl", "label": "KL"},
        "constant": {"class": "constant_median", "label": "Constant"},
    },
    "experiments": {
        "first": SHARED
        | {"protocol": "random", "folds": [1], "methods": ["pml", "kl", "constant"], "keep_models": [1]}
        | {"initialisation": "random"},
        "second": SHARED
        | {"protocol": "lopo", "folds": "1-4", "folds_per_job": 2, "methods": ["pml", "kl"]}
        | {"initialisation": {"experiment": "first"}, "pretraining": "FG-NET"},
    },
    "tables": {"table4": {"experiments": ["second"]}},
    "leakage": {"first": None},
}


@pytest.fixture
def config(tmp_path, monkeypatch) -> dict:
    """The config, where there are no results."""
    monkeypatch.chdir(tmp_path)
    return copy.deepcopy(CONFIG)


@pytest.fixture
def suite(config) -> Suite:
    return Suite(make_plan(config))


@pytest.fixture
def changed(config) -> Callable[..., Suite]:
    """Return the suite with other values in one of its experiments."""

    def change(experiment: str, training: dict | None = None, **values) -> Suite:
        chosen = config["experiments"][experiment]
        config["experiments"][experiment] = chosen | values | {"training": chosen["training"] | (training or {})}
        return Suite(make_plan(config))

    return change


@pytest.fixture
def rates(suite) -> Rates:
    """Of a machine that trains 10 images in a second, give or take one in ten, and tests 100."""
    samples = {("train", workload): [0.09, 0.1, 0.11] for workload in suite.workloads}
    samples |= {("test", workload): [0.01] for workload in suite.workloads}
    samples |= {("start", ""): [5.0], ("small_job", ""): [2.0], ("prediction_bytes", ""): [500]}
    samples |= {
        ("draw_synthetic_archive", "fgnet"): [0.1],
        ("align_faces", "fgnet"): [0.2],
        ("picture_bytes", "fgnet"): [10_000],
    }
    return Rates(samples | {("memory_mb", "of a process"): [900, 1_000], ("share", ""): [1.0]}, "cpu")
