"""What the jobs of training ask of a machine or a queue."""

import csv
import math
from collections import Counter
from functools import cache
from pathlib import Path

from pml.suite.config import fold_jobs
from pml.suite.plan import Plan

# Images of 224 x 224 pixels that train a ResNet-34 in a second; a ResNet-18 takes half the work. One CPU core trains a
# ResNet-18 on 100 faces of 48 pixels in float32, twice to two and a half times as many in bfloat16; the GPU's rate is a
# cautious guess.
CPU_IMAGES_PER_SECOND, GPU_IMAGES_PER_SECOND = 2.3, 400
SHARE_OF_RESNET34 = {"resnet18": 0.5}
MARGIN = 3  # a node may be slow or shared
LEAST_MINUTES, MOST_MINUTES = 30, 24 * 60  # most queues grant a day
MANY_JOBS = 10
GROUP = 20  # members of a group, as the profiles say
PROCESS_MB = 4000  # of a training, whose face store is read through the page cache
BYTES_PER_PIXEL = 672  # activations of a ResNet-34 in float32, for each pixel of a batch


def training_minutes(plan: Plan, job: dict[str, str], gpus: int, attempt: int = 1) -> int:
    """Return the time limit of a training job. One that is too short is no loss: the next attempt resumes.

    It follows from the training images of the job's folds, and is the least while they are not drawn. The limits of a group
    are added up, so its members get no more at the next attempt: together they are to stay within what a queue grants.

    Args:
        job: the wildcards of train_folds.
        gpus: that the job is given.
    """
    minutes = _minutes_of_first_attempt(plan, job, gpus)
    return min(MOST_MINUTES // GROUP, minutes) if queue_group(plan, job) else min(MOST_MINUTES, attempt * minutes)


def _minutes_of_first_attempt(plan: Plan, job: dict[str, str], gpus: int) -> int:
    experiment = plan.config["experiments"][job["experiment"]]
    if experiment["frozen"] is not None:
        return LEAST_MINUTES
    folds_table = plan.outputs("assign_folds", experiment=job["experiment"])["folds"]
    images = 0.0
    if Path(folds_table).exists():
        counts = _training_images(folds_table)
        folds = list(fold_jobs(experiment, job["method"]))[int(job["job"]) - 1]
        images = sum(counts[fold] for fold in folds) * (plan.face_size(job["experiment"]) / 224) ** 2
    epochs = experiment["training"]["epochs"] * (len(experiment["curriculum"]) + 1)
    rate = gpus * GPU_IMAGES_PER_SECOND or CPU_IMAGES_PER_SECOND
    seconds = images * epochs * SHARE_OF_RESNET34.get(experiment["backbone"], 1) / rate
    return max(LEAST_MINUTES, math.ceil(MARGIN * seconds / 60))


def training_megabytes(plan: Plan, job: dict[str, str], gpus: int, attempt: int = 1) -> int:
    """Return the main memory of a training job: for each of its processes, and on a CPU for the activations of a batch."""
    experiment = plan.config["experiments"][job["experiment"]]
    batch, elsewhere = experiment["training"]["batch_size"], gpus or experiment["frozen"] is not None
    activations = 0 if elsewhere else math.ceil(batch * plan.face_size(job["experiment"]) ** 2 * BYTES_PER_PIXEL / 1e6)
    return attempt * (PROCESS_MB * max(1, gpus) + activations)


def queue_group(plan: Plan, job: dict[str, str]) -> str | None:
    """Return the group that a training job belongs to on a queue: an experiment of many jobs a method has many short ones.

    Jobs that wait for the runs of another experiment are a group of their own, lest they hold up the others.
    """
    experiment = plan.config["experiments"][job["experiment"]]
    if len(list(fold_jobs(experiment, job["method"]))) <= MANY_JOBS:
        return None
    return "short_runs" if isinstance(experiment["initialisation"], str) else "short_pretrained_runs"


@cache
def _training_images(folds_table: str) -> Counter[int]:
    """Return how many training images each fold of a folds.csv has."""
    with open(folds_table) as file:
        return Counter(int(row["fold"]) for row in csv.DictReader(file) if row["part"] == "train")
