"""The disk space that a suite needs."""

from pathlib import Path
from statistics import mean
from urllib.parse import urlsplit

import torch

from pml.forecast.rates import Rates
from pml.forecast.sizes import NOMINAL
from pml.forecast.suite import Suite
from pml.forecast.workload import Workload
from pml.training.run_directory import build_model

CHECKPOINT = 3  # weights, and two moments of each


def disk_bytes(suite: Suite, rates: Rates, cores: int) -> tuple[dict[str, float], list[str]]:
    """Return the bytes of each kind of file, and the labels of the data sets that have an archive of unknown size.

    An archive that the user has takes nothing more, but its unpacked pictures take what it does; a folder in place of one is
    linked.
    """
    fetched = unpacked = 0.0
    unknown = {}
    for name, dataset in suite.config["datasets"].items():
        for archive in dataset["archives"]:
            path = Path(archive.get("path", ""))
            if "synthetic" in archive:
                size = suite.images[name] * mean(rates.picture_bytes[dataset["format"]])
            elif "url" in archive:
                size = _download_bytes(name, dataset, archive["url"])
            elif path.exists():
                size = 0 if path.is_dir() else path.stat().st_size
            else:
                size = None
            if size is None:
                unknown[dataset["label"]] = True
                continue
            fetched += 0 if "path" in archive else size
            unpacked += size
    weights = {workload: model_bytes(workload) for workload in suite.workloads}
    return {
        "archives": fetched,
        "unpacked pictures": unpacked,
        "face stores": 3.0 * sum(suite.images.values()) * suite.config["face_size"] ** 2,
        "models kept": sum(job.kept * weights[suite.workload[job]] for job in suite.jobs if job.kept),
        "predictions": sum(suite.work[job].predicted for job in suite.jobs) * mean(rates.prediction_bytes),
        "checkpoints, while training": cores * CHECKPOINT * max(weights.values(), default=0),
    }, list(unknown)


def model_bytes(workload: Workload) -> float:
    """Return the size of the model.pt of a workload."""
    weights = build_model(workload.settings, torch.device("cpu")).weights()
    return float(sum(tensor.numel() * tensor.element_size() for part in weights.values() for tensor in part.values()))


def _download_bytes(name: str, dataset: dict, url: str) -> float | None:
    """Return the size of a download that is there, or its share of what the data set is known to have, or None."""
    path = Path("resources", "archives", name, Path(urlsplit(url).path).name)
    if path.exists():
        return path.stat().st_size
    megabytes = NOMINAL[dataset["format"]].megabytes
    return megabytes and megabytes * 1e6 / len(dataset["archives"])
