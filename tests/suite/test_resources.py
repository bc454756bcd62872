"""What training jobs ask of a machine or a queue."""

import math
from pathlib import Path

import pytest
import yaml

from pml.suite.resources import queue_group, training_megabytes, training_minutes

ROOT = Path(__file__).parents[2]
JOB = {"experiment": "fgnet_lopo", "method": "pml", "seed": "0", "job": "1"}


@pytest.fixture
def training(plan, tmp_path, monkeypatch):
    """A job of three folds of 224 pixels, and its limit in minutes for so many training images a fold."""
    monkeypatch.chdir(tmp_path)
    plan.config["datasets"]["fgnet"]["face_size"] = 224
    lopo = plan.config["experiments"]["fgnet_lopo"]
    lopo |= {"folds": "1-6", "folds_per_job": 3, "training": lopo["training"] | {"epochs": 700, "batch_size": 100}}

    def minutes(images: int | None, attempt: int = 1, gpus: int = 1) -> int:
        plan.suite = f"with_{images}"
        if images is not None:
            table = Path(plan.outputs("assign_folds", experiment="fgnet_lopo")["folds"])
            rows = [f"{fold},a.jpg,{part}" for fold in range(1, 7) for part in ["train"] * images + ["test"] * 5]
            table.parent.mkdir(parents=True, exist_ok=True)
            table.write_text("\n".join(["fold,image,part", *rows]))
        return training_minutes(plan, JOB, gpus, attempt)

    return minutes


def test_a_training_is_given_half_an_hour_while_its_folds_are_not_drawn(training):
    assert training(None) == 30


def test_the_time_limit_of_a_training_follows_its_images_and_its_device_and_grows_with_every_attempt(training, plan):
    images, epochs, folds, rate = 1_000, 700, 3, 400
    limit = math.ceil(3 * images * epochs * folds * 0.5 / rate / 60)  # a ResNet-18 is half the work
    assert training(images) == limit > 30 and training(images, attempt=2) == 2 * limit
    assert training(images, gpus=2) < limit < training(images, gpus=0)
    plan.config["datasets"]["fgnet"]["face_size"] = 112
    assert training(images) == math.ceil(limit / 4)


def test_no_training_asks_for_more_time_than_queues_grant_and_no_group_of_short_ones(training, plan):
    assert training(10_000, gpus=0) == training(10_000, gpus=0, attempt=3) == 24 * 60
    plan.config["experiments"]["fgnet_lopo"] |= {"folds_per_job": 1, "folds": [1, 2, 3, 4, 5, 6] * 2}
    assert training(10_000, gpus=0) == training(10_000, gpus=0, attempt=3) == 24 * 60 / 20
    plan.config["experiments"]["fgnet_lopo"]["frozen"] = {}
    assert training(10_000) == training(10_000, attempt=4) == 30
    profiles = [yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text()) for name in ("slurm", "generic")]
    assert {members for profile in profiles for members in profile["group-components"].values()} == {20}


def test_a_training_is_given_memory_for_each_process_and_on_a_cpu_for_the_activations_of_a_batch(training, plan):
    assert training_megabytes(plan, JOB, 1) == 4000 and training_megabytes(plan, JOB, 4) == 16000
    assert training_megabytes(plan, JOB, 1, attempt=3) == 12000
    assert training_megabytes(plan, JOB, 0) == 4000 + math.ceil(100 * 224**2 * 672 / 1e6)


def test_only_the_runs_of_experiments_of_many_jobs_share_a_place_in_the_queue_and_those_that_wait_apart(plan):
    assert queue_group(plan, JOB) is None
    lopo = plan.config["experiments"]["fgnet_lopo"]
    lopo |= {"folds": "1-82", "folds_per_job": 1}
    assert queue_group(plan, JOB) == "short_runs"
    lopo["initialisation"] = {"experiment": "imdb_wiki_pretraining"}
    assert queue_group(plan, JOB) == "short_pretrained_runs"
