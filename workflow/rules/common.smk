"""The checked configuration, and what all rules share."""

import csv
import json
import math
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from pml.config import (
    IMAGENET,
    PRETRAINED_FOLD,
    check_config,
    comparison_reference,
    fold_jobs,
    folds,
    is_pixel_free,
    is_synthetic,
    method_folds,
    run_settings,
)
from pml.errors import InputError
from pml.products import final_products, margins_fold
from pml.synthetic_mark import marked

try:
    config = check_config(config)
except InputError as error:
    raise WorkflowError(str(error))

if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method and shutil.which("conda") is None:
    raise WorkflowError(
        "--use-conda, but there is no conda command here. Install Miniforge, or run in the environment of `make`: "
        "`source .venv/bin/activate && snakemake --cores 8`"
    )

SUITE = config["suite"]
ENVIRONMENT = "../../environment.yml"
PIXEL_FREE_METHODS = [name for name, method in config["methods"].items() if is_pixel_free(method)]
TRAINED_METHODS = [name for name in config["methods"] if name not in PIXEL_FREE_METHODS]
WEIGHTS = {
    "resnet18": (
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    ),
    "resnet34": (
        "https://download.pytorch.org/models/resnet34-b627a593.pth",
        "sha256:b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
    ),
}


def one_of(names):
    """The expression that matches each of the names and nothing else; of no names, nothing."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    suite=SUITE,
    dataset=one_of(config["datasets"]),
    experiment=one_of(config["experiments"]),
    method=one_of(config["methods"]),
    comparison=one_of(config["comparisons"]),
    seed=r"\d+",
    job=r"\d+",
    fold=r"\d+",
    course=r"\d+",
