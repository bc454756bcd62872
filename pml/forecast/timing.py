"""How fast this machine is: the suite's own code on a few made-up images, in as many processes at once as there will be.

What the forecast needs of `pml.training` is called here and nowhere else.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import chdir, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd
import torch

from pml.backbones.build import build_backbone
from pml.errors import InputError
from pml.progress import progress
from pml.stage import function_of
from pml.suite import Plan, make_plan
from pml.suite.settings import Augmentation, Settings, Training, build_settings
from pml.task import Task
from pml.training.data import Part
from pml.training.device import choose_device
from pml.training.loop import Observer, Trainer
from pml.training.model import build_model, predict
from pml.workers import interrupted_later, pool_of

UNKNOWN = 1.2  # what samples do not show, either way: other loads, other temperatures, pictures unlike the made-up ones
# Settings that decide what a network learns and not how fast.
LEARNT = {"initialisation", "courses", "epochs", "whole_ages", "learning_rate", "backbone_rate", "weight_decay", "momentum"}
LEARNT |= {
    "embedded",
    "candidates",
    "clip_norm",
    "nesterov",
    "schedule",
    "decay",
    "power",
    "warmup_epochs",
    "warmup_from",
    "selection",
}
REPEATS, STEPS = 4, 4  # epochs that are timed, after one that is not; batches of each
# With one epoch a course, training reports the end of every epoch.
MEASURED = {"initialisation": "random", "courses": REPEATS + 1, "epochs": 1, "candidates": [], "embedded": None}
MOST_PIXELS = 4 * 224**2  # of a batch on a CPU, where a larger one is no faster
PICTURES, PEOPLE = 24, 6
PER_PICTURE = ("draw_synthetic_archive", "align_faces")  # stages that take their time for each picture of a format
PROCESS, GPU = "of a process", "of the GPU"  # whose memory


@dataclass
class Rates:
    """How fast a machine is, and what its processes need.

    Attributes:
        samples: what was measured, by name and by what it is of, a workload or a format. Seconds on the wall: `train` and
            `test` for an image with all its views; the stages of `PER_PICTURE` for a picture; `start` of a process that loads
            PyTorch, beside its images; `small_job`, a process that makes a table or a figure. `picture_bytes` in an archive,
            `prediction_bytes` of a run for each test image, `memory_mb` at most, and `share`, the seconds of the processor for
            one on the wall.
        device: what trains, cpu or the name of a GPU.
        notes: what a reader should know of them.
    """

    samples: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    device: str = ""
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Rates") -> None:
        """Take over what `other` knows."""
        for key, values in other.samples.items():
            self.samples.setdefault(key, []).extend(values)
        self.device = other.device or self.device

    def rate(self, name: str, of: str = "") -> np.ndarray:
        """Return (3,) the mean of the samples between the least and the greatest, each moved outwards by `UNKNOWN`."""
        values = self.samples[name, of]
        return np.array([min(values) / UNKNOWN, np.mean(values), max(values) * UNKNOWN])


def workload_of(training: dict, face_size: int) -> str:
    """Return as JSON what decides how fast a run trains: some of its settings, and the width of a face in pixels."""
    values = {name: value for name, value in training.items() if name not in LEARNT}
    return json.dumps(values | {"face_size": face_size}, sort_keys=True)


def network_of(settings: dict, face_size: int) -> str:
    """Return as JSON what decides how fast the stage `embed_faces` with these settings is."""
    values = {name: settings[name] for name in ("backbone", "backbone_options", "copies", "device")}
    return json.dumps(values | {"face_size": face_size}, sort_keys=True)


def calibrate(workloads: Sequence[str], formats: Sequence[str], processes: int, networks: Sequence[str] = ()) -> Rates:
    """Return the rates of this machine with `processes` jobs of a suite at once.

    Args:
        workloads: to train; none measures the rest alone.
        formats: of the data sets, whose pictures to draw and align.
        networks: that embed faces.

    Raises:
        InputError: a batch does not fit into the GPU's memory, a method or a stage fails, or a process is killed.
    """
    # Each piece of work as often as there are processes, one after the other: so all do the same at the same time.
    timed = {workload: as_timed(workload) for workload in workloads}
    pieces: list[tuple] = [(measure_training, workload) for workload in dict.fromkeys(timed.values())]
    pieces += [(measure_embedding, network) for network in networks]
    pieces += [(measure_pictures, format) for format in formats] + [(measure_processes,)]
    rates = Rates()
    try:
        # What the processes write goes with the folder, even if they are killed.
        with tempfile.TemporaryDirectory() as folder, pool_of(processes, "spawn", _begin_process, folder) as pool:
            with interrupted_later():  # until the processes have loaded PyTorch, they would answer Ctrl-C with a traceback
                running = [pool.submit(*piece) for piece in pieces for _ in range(processes)]
            for done in progress(as_completed(running), "calibration", len(running)):
                rates.add(done.result())
    except BrokenProcessPool:
        remedy = f"try fewer than {processes} --cores"
        raise InputError(f"a process of the calibration was killed, as for lack of memory; {remedy}") from None
    rates.samples |= {(name, of): rates.samples[name, timed[of]] for of in timed for name in ("train", "test")}
    return rates


def as_timed(workload: str) -> str:
    """Return the workload that is timed for this one: on a CPU with batches that are not larger than need be."""
    values = json.loads(workload)
    if choose_device(values["device"]).type == "cpu" and not values.get("frozen"):
        values["batch_size"] = min(values["batch_size"], max(2, MOST_PIXELS // values["face_size"] ** 2))
    return json.dumps(values, sort_keys=True)


def measure_training(workload: str) -> Rates:
    """Return what training and testing take of this process, which does nothing else.

    Raises:
        InputError: the batch does not fit into the GPU's memory, or the method is not to be had.
    """
    settings, size = _settings(workload)
    device, count = choose_device(settings.device), STEPS * settings.batch_size
    generator, dim = np.random.default_rng(0), None
    store = generator.integers(0, 256, (count, size, size, 3), np.uint8)
    if settings.frozen is not None:
        dim = embedding_dim(settings.backbone, settings.backbone_options)
        store = generator.random((count, 2 + settings.frozen.copies, dim)).astype(np.float16)
    index = pd.DataFrame({"age": generator.uniform(*settings.ages, count), "age_std": np.nan})
    part = Part(index, np.arange(count), np.ones(count, int))
    clocks: list[tuple[float, float]] = []  # of the wall and of the process, at the end of every epoch

    def end_epoch(course: int = 0) -> None:
        clocks.append((perf_counter(), process_time()))

    try:
        model = build_model(settings, device, dim)
        Trainer(model, settings, store, part, observer=Observer(end_course=end_epoch)).train()
        end_epoch()  # the last, which is not reported
        test = [_seconds(predict, model, store, part.store_rows, settings) / count for _ in range(3)][1:]
    except torch.cuda.OutOfMemoryError as error:
        batch = f"training.batch_size {settings.batch_size} at {size} pixels"
        reason = str(error).splitlines()[0]
        raise InputError(f"{batch} does not fit into the memory of this GPU; lower it in the config: {reason}") from None
    seconds, busy = np.diff(clocks, axis=0).T
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    samples = {("train", workload): list(seconds / count), ("test", workload): test, ("memory_mb", PROCESS): [memory]}
    if device.type == "cpu":
        return Rates(samples | {("share", ""): list(busy / seconds)}, "cpu")
    return Rates(samples | {("memory_mb", GPU): [torch.cuda.max_memory_allocated() / 2**20]}, torch.cuda.get_device_name())


def measure_embedding(network: str) -> Rates:
    """Return what the stage `embed_faces` takes for a face, in a process that has loaded all it needs."""
    values = json.loads(network)
    size = values.pop("face_size")
    settings = values | {"initialisation": "random", "augmentation": asdict(Augmentation())}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "faces.npy", np.random.default_rng(0).integers(0, 256, (PICTURES, size, size, 3), np.uint8))
        inputs, outputs = {"faces": str(folder / "faces.npy")}, {"embeddings": str(folder / "out.npy")}
        task = Task("embed_faces", {}, inputs, outputs, settings)
        seconds = [_seconds(function_of("embed_faces"), task) / PICTURES for _ in range(3)][1:]
    return Rates({("embed", network): seconds})


def embedding_bytes(network: str) -> int:
    """Return what a face takes in a store of embeddings, in float16."""
    values = json.loads(network)
    return 2 * (2 + values["copies"]) * embedding_dim(values["backbone"], values["backbone_options"])


def embedding_dim(backbone: str, options: dict) -> int:
    """Return D of the features of a backbone."""
    return build_backbone(backbone, options)[1]


@cache
def model_bytes(workload: str) -> int:
    """Return the size of the model.pt of a workload."""
    settings = _settings(workload)[0]
    dim = None if settings.frozen is None else embedding_dim(settings.backbone, settings.backbone_options)
    weights = build_model(settings, torch.device("cpu"), dim).weights()
    return sum(tensor.numel() * tensor.element_size() for part in weights.values() for tensor in part.values())


@contextmanager
def tiny_suite(format: str) -> Iterator[Plan]:
    """Yield the plan of a suite of a few pictures in a format, in a folder of its own."""
    archive = {"synthetic": {"subjects": PEOPLE, "images": PICTURES}}
    config = {
        "suite": "calibration",
        "face_size": 64,
        "datasets": {"a": {"format": format, "label": "A", "archives": [archive]}},
        "methods": {"pml": {"class": "pml", "label": "PML"}},
        "experiments": {
            "a": {"dataset": "a", "protocol": "random", "folds": [1], "methods": ["pml"], "backbone": "resnet18"}
            | {"initialisation": "random", "training": {"epochs": 1, "batch_size": 6}}
        },
    }
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        plan = make_plan(config)
        plan.save()
        yield plan


def measure_pictures(format: str) -> Rates:
    """Return what each stage of `PER_PICTURE` takes for a picture in `format`, in a process that has loaded all it needs.

    The pictures are synthetic, so real ones that are larger take longer to read.
    """
    samples = {}
    with tiny_suite(format) as plan:
        for rule in ("draw_synthetic_archive", "index_images", "align_faces", "align_faces"):  # the last, when it is warm
            (task,) = plan.tasks(rule)
            samples[rule, format] = [_seconds(function_of(rule), task) / PICTURES]
        (drawn,) = plan.tasks("draw_synthetic_archive")
        samples["picture_bytes", format] = [Path(drawn.outputs["archive"]).stat().st_size / PICTURES]
    return Rates(samples)


def measure_processes() -> Rates:
    """Return what a process takes beside its images: every stage of a tiny suite, started as the rules start it.

    Raises:
        InputError: a stage fails; the message ends with what it said.
    """
    with tiny_suite("fgnet") as plan:
        seconds = {task.rule: _seconds(_run, plan.command(task.rule, **task.wildcards)) for task in plan.tasks()}
        (training,) = plan.tasks("train_folds")
        run = Path(training.settings["runs"], "fold001")
        written = sum(path.stat().st_size for path in run.glob("predictions.*")) / len(pd.read_csv(run / "predictions.csv"))
    start = seconds.pop("train_folds")
    small = [taken for rule, taken in seconds.items() if rule not in PER_PICTURE]
    return Rates({("start", ""): [start], ("small_job", ""): [float(np.mean(small))], ("prediction_bytes", ""): [written]})


def _run(command: Sequence[str]) -> None:
    """Run a stage as a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # the package need not be installed
    stage = subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True, text=True, check=False)
    if stage.returncode:
        said = (stage.stderr.strip() or "it says nothing").splitlines()[-1]
        raise InputError(f"{' '.join(command)} fails on a small example, so it would in the suite: {said}")


def _settings(workload: str) -> tuple[Settings, int]:
    values = json.loads(workload)
    size = values.pop("face_size")
    return build_settings(asdict(Training()) | values | MEASURED, "the forecast"), size


def _begin_process(folder: str) -> None:
    tempfile.tempdir = folder
    torch.set_num_threads(1)  # as the rules have it
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (the bars of the stages would run through that of the calibration)


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    start = perf_counter()
    work(*arguments)
    return perf_counter() - start
