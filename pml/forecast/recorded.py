"""The speed of training from runs that are finished, in place of a calibration: from run.json, on whatever device they had."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from pml.errors import InputError
from pml.forecast.rates import Rates
from pml.forecast.workload import Workload, workload_of

TEST_SHARE = 1 / 3  # of a training image, for each view: the forward pass of forward and backward; run.json does not time tests


def recorded_rates(folder: Path, workloads: Sequence[Workload]) -> tuple[Rates, list[str]]:
    """Return the rates of the runs below `folder` for each of `workloads`, and a line for each that another stands in for.

    A workload without a run of its own takes the rates of all runs of its backbone and face size.

    Raises:
        InputError: there is no finished run, or none of a workload's backbone and face size; or runs of several devices.
    """
    found: dict[Workload, list[float]] = {}
    rates, devices = Rates(), set()
    for path in sorted(folder.rglob("run.json")):
        facts = _facts(path)
        if "seconds" not in facts or facts["settings"]["courses"] > 1 or not facts["seconds"]:
            continue  # a method that looks at no pixels, or curricula, whose number of images run.json does not tell
        settings = facts["settings"]
        batch_size = min(settings["batch_size"], facts["train_images"])
        images = facts["train_images"] // batch_size * batch_size * settings["epochs"]
        seconds = facts["seconds"] * facts.get("processes", 1)  # of one GPU
        found.setdefault(workload_of(settings, facts["face_size"]), []).append(seconds / images)
        devices.add(facts["device"])
        rates.memory_mb.append(facts["peak_memory_mb"])
        rates.gpu_memory_mb += [facts["peak_gpu_memory_mb"]] if facts["peak_gpu_memory_mb"] else []
    if len(devices) != 1:
        known = (
            f"runs of several devices: {', '.join(sorted(devices))}; name a folder with those of one" if devices else "no run"
        )
        raise InputError(f"{folder}: {known}" + ("" if devices else " of a trained method with a run.json; leave --runs out"))
    rates.device = devices.pop()
    stand_ins = []
    for workload in workloads:
        alike = [samples for other, samples in found.items() if _network(other) == _network(workload)]
        if not alike:
            backbone, size = _network(workload)
            raise InputError(f"{folder}: no run of {backbone} at {size} pixels; leave --runs out to measure it here")
        if workload not in found:
            values = workload.values
            stand_ins.append(f"{values['method']} in batches of {values['batch_size']}: other runs of its network stand in")
        rates.train[workload] = found.get(workload) or sum(alike, [])
        views = 2 if workload.values["mirror_test"] else 1
        rates.test[workload] = [mean(rates.train[workload]) * TEST_SHARE * views]
    return rates, stand_ins


def _network(workload: Workload) -> tuple[str, int]:
    return workload.values["backbone"], workload.face_size


def _facts(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}; remove the folder of this run") from None
