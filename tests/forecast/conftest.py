"""A small suite of two experiments, one started from the other, and rates of round numbers."""

import copy

import pytest
import torch

from pml.config import check_config
from pml.forecast.rates import Rates
from pml.forecast.suite import Suite

TRAINING = {"epochs": 3, "batch_size": 10}
CONFIG = {
    "suite": "small",
    "face_size": 32,
    "datasets": {"faces": {"format": "fgnet", "label": "FG-NET", "archives": [{"synthetic": {"subjects": 10, "images": 100}}]}},
    "methods": {
        "pml": {"class": "pml.progressive_margin:PML", "label": "PML", "published": "PML"},
        "kl": {"class": "baselines.kl:KL", "label": "KL"},
        "constant": {"class": "baselines.constant_median:ConstantMedian", "label": "Constant"},
    },
    "experiments": {
        "first": {
            "dataset": "faces",
            "protocol": "random",
            "folds": [1],
            "methods": ["pml", "kl", "constant"],
            "keep_models": [1],
            "backbone": "resnet18",
            "initialisation": "random",
            "training": TRAINING,
        },
        "second": {
            "dataset": "faces",
            "protocol": "lopo",
            "folds": "1-4",
            "folds_per_job": 2,
            "methods": ["pml", "kl"],
            "backbone": "resnet18",
            "initialisation": {"experiment": "first"},
            "pretraining": "FG-NET",
            "training": TRAINING,
        },
    },
    "tables": {"table4": {"experiments": ["second"]}},
    "leakage": {"first": None},
}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)  # as in the processes of a calibration


@pytest.fixture
def config(tmp_path, monkeypatch) -> dict:
    """The checked config, where there are no results."""
    monkeypatch.chdir(tmp_path)
    return check_config(copy.deepcopy(CONFIG))


@pytest.fixture
def suite(config) -> Suite:
    return Suite(config)


@pytest.fixture
def rates(suite) -> Rates:
    """Of a machine that trains 10 images in a second, give or take one in ten, and tests 100."""
    return Rates(
        train={workload: [0.09, 0.1, 0.11] for workload in suite.workloads},
        test={workload: [0.01] for workload in suite.workloads},
        start=[5.0],
        small_job=[2.0],
        draw={"fgnet": [0.1]},
        align={"fgnet": [0.2]},
        picture_bytes={"fgnet": [10_000]},
        prediction_bytes=[500],
        memory_mb=[900, 1_000],
        share=[1.0],
    )
