"""The speed of training from runs that are finished, in place of a calibration: from run.json, on whatever device they had."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from pml.errors import InputError
from pml.forecast.timing import GPU, PROCESS, Rates, workload_of
from pml.training.run_directory import read_run

RECORDED = ("backbone", "backbone_options", "batch_size", "epochs")
TEST_SHARE = 1 / 3  # of a training image, for each view: the forward pass of forward and backward; run.json does not time tests


class NoRun(InputError):
    """There is no finished run to learn a speed from."""


def recorded_rates(folder: Path, workloads: Sequence[str]) -> Rates:
    """Return the rates of the runs below `folder` for each of `workloads`.

    A workload without a run of its own takes the rates of all runs of its backbone and face size, and a note says so.

    Raises:
        NoRun: there is no finished run, or none of a workload's backbone and face size.
        InputError: a run.json is damaged or lacks a key, or there are runs of several devices.
    """
    found: dict[str, list[float]] = {}
    rates, devices = Rates(), set()
    for path in sorted(folder.rglob("run.json")):
        facts = read_run(path.parent)
        if not facts.get("seconds") or facts.get("settings", {}).get("courses") != 1:
            continue  # a method that looks at no pixels, or curricula, whose number of images run.json does not tell
        facts = read_run(path.parent, "face_size", "train_images", "device", "peak_memory_mb", "peak_gpu_memory_mb")
        settings = facts["settings"]
        if missing := [name for name in RECORDED if name not in settings]:
            raise InputError(f"{path}: settings: keys missing: {missing}; leave --runs out, or name another folder")
        batch_size = 1 if settings.get("partial_batch") else min(settings["batch_size"], facts["train_images"])
        images = facts["train_images"] // batch_size * batch_size * settings["epochs"]
        seconds = facts["seconds"] * facts.get("processes", 1)  # of one GPU
        found.setdefault(workload_of(settings, facts["face_size"]), []).append(seconds / images)
        devices.add(facts["device"])
        for of, megabytes in ((PROCESS, facts["peak_memory_mb"]), (GPU, facts["peak_gpu_memory_mb"])):
            rates.samples.setdefault(("memory_mb", of), []).append(megabytes or 0)
    if not devices:
        raise NoRun(f"{folder}: no run of a trained method with a run.json; leave --runs out")
    if len(devices) > 1:
        raise InputError(f"{folder}: runs of several devices: {', '.join(sorted(devices))}; name a folder with those of one")
    rates.device = devices.pop()
    for workload in workloads:
        values = json.loads(workload)
        alike = [seconds for other, samples in found.items() if _network(other) == _network(workload) for seconds in samples]
        if not alike:
            network = f"{values['backbone']} at {values['face_size']} pixels"
            raise NoRun(f"{folder}: no run of {network}; leave --runs out to measure it here")
        if workload not in found:
            name = f"{values['method']} in batches of {values['batch_size']}"
            rates.notes.append(f"{name}: other runs of its network stand in")
        rates.samples["train", workload] = found.get(workload, alike)
        views = 2 if values["mirror_test"] else 1
        rates.samples["test", workload] = [mean(rates.samples["train", workload]) * TEST_SHARE * views]
    return rates


def _network(workload: str) -> list:
    values = json.loads(workload)
    return [values[name] for name in ("backbone", "backbone_options", "face_size")]
