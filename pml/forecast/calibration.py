"""How fast this machine is: the suite's own code on a few made-up images, in as many processes at once as there will be."""

import os
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd
import torch

from pml.errors import InputError
from pml.forecast.faces import measure_faces
from pml.forecast.processes import measure_processes
from pml.forecast.rates import Rates
from pml.forecast.workload import Workload, workload_of
from pml.progress import progress
from pml.training.data import Part
from pml.training.loop import predict, train
from pml.training.run import choose_device
from pml.training.run_directory import build_model

REPEATS = 4  # epochs that are timed, after one that is not
STEPS = 4  # batches of each
MOST_PIXELS = 4 * 224**2  # of a batch on a CPU, where a larger one is no faster


def calibrate(workloads: Sequence[Workload], formats: Sequence[str], processes: int) -> Rates:
    """Return the rates of this machine with `processes` jobs of a suite at once.

    Args:
        workloads: to train; none measures the rest alone.
        formats: of the data sets, whose pictures to draw and align.

    Raises:
        InputError: a batch does not fit into the GPU's memory, a method or a stage fails, or a process is killed.
    """
    # Each piece of work as often as there are processes, one after the other: so all do the same at the same time.
    timed = {workload: as_timed(workload) for workload in workloads}
    pieces = [(measure_training, workload) for workload in dict.fromkeys(timed.values())]
    pieces += [(measure_faces, format) for format in formats] + [(measure_processes,)]
    rates = Rates()
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin_process) as pool:
        running = [pool.submit(*piece) for piece in pieces for _ in range(processes)]
        try:
            for done in progress(as_completed(running), "calibration", len(running)):
                rates.add(done.result())
        except BrokenProcessPool:
            raise InputError(
                f"a process of the calibration was killed, as for lack of memory; try fewer than {processes} --cores"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)
    rates.train = {workload: rates.train[stand_in] for workload, stand_in in timed.items()}
    rates.test = {workload: rates.test[stand_in] for workload, stand_in in timed.items()}
    return rates


def as_timed(workload: Workload) -> Workload:
    """Return the workload that is timed for this one: on a CPU with batches that are not larger than need be."""
    values = workload.values
    if choose_device(values["device"]).type == "cpu":
        values["batch_size"] = min(values["batch_size"], most_timed(workload.face_size))
    return workload_of(values, workload.face_size)


def most_timed(face_size: int) -> int:
    """Return the largest batch that is timed on a CPU."""
    return max(2, MOST_PIXELS // face_size**2)


def measure_training(workload: Workload) -> Rates:
    """Return what training and testing take of this process, which does nothing else.

    Raises:
        InputError: the batch does not fit into the GPU's memory, or the method is not to be had.
    """
    device = choose_device(workload.values["device"])
    try:
        return _measure_training(workload, device)
    except torch.cuda.OutOfMemoryError as error:
        batch_size = workload.values["batch_size"]
        raise InputError(
            f"training.batch_size {batch_size} at {workload.face_size} pixels does not fit into the memory of this GPU; "
            f"lower it in the config: {str(error).splitlines()[0]}"
        ) from None


def _measure_training(workload: Workload, device: torch.device) -> Rates:
    size, settings = workload.face_size, replace(workload.settings, courses=REPEATS + 1)
    count = STEPS * settings.batch_size
    faces, part = made_up(count, size, settings.ages)
    model = build_model(settings, device)
    ends, busy = [], []

    def end_epoch(course: int = 0) -> None:
        ends.append(perf_counter())
        busy.append(process_time())

    with tempfile.TemporaryDirectory() as folder:
        train(model, faces, part, settings, 0, 1, Path(folder, "checkpoint.pt"), _silent, end_course=end_epoch)
    end_epoch()
    test = [_seconds(lambda: predict(model, faces, part.store_rows, settings)) for _ in range(3)][1:]
    on_gpu = device.type == "cuda"
    return Rates(
        train={workload: (np.diff(ends) / count).tolist()},
        test={workload: [seconds / count for seconds in test]},
        memory_mb=[resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024],
        gpu_memory_mb=[torch.cuda.max_memory_allocated() / 2**20] if on_gpu else [],
        share=[] if on_gpu else (np.diff(busy) / np.diff(ends)).tolist(),
        device=torch.cuda.get_device_name() if on_gpu else "cpu",
    )


def made_up(count: int, size: int, ages: tuple[int, int]) -> tuple[np.ndarray, Part]:
    """Return (count, size, size, 3) uint8 faces of noise, and a training part of them with ages in the range `ages`."""
    generator = np.random.default_rng(0)
    faces = generator.integers(0, 256, (count, size, size, 3), np.uint8)
    index = pd.DataFrame({"age": generator.uniform(*ages, count), "age_std": np.nan})
    return faces, Part(index, np.arange(count), np.ones(count, int))


def _begin_process() -> None:
    torch.set_num_threads(1)  # as the rules have it
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (the bars of the stages would run through that of the calibration)


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _silent(line: str) -> None:
    pass
