"""Stage: train one method on one or more folds of an experiment, in one process or in those of torchrun."""

import dataclasses
import hashlib
import resource
from dataclasses import dataclass
from pathlib import Path

import torch

from pml.data_name import DataName
from pml.errors import InputError
from pml.files import AGAIN
from pml.progress import say
from pml.suite.settings import Crop, Settings, build_settings, fingerprint
from pml.task import Task
from pml.training import processes, run_directory
from pml.training.batches import resident
from pml.training.data import ExperimentData, Part
from pml.training.device import choose_device
from pml.training.live import following
from pml.training.loop import Observer, Trainer, seeds_of
from pml.training.model import Model, build_model, predict
from pml.training.precision import choose_precision
from pml.training.tuning import tune


def train_folds(task: Task, threads: int = 1, gpus: int = 0) -> None:
    """Fill the run directory of each fold, unless the same run is there already, and list them.

    Args:
        threads: of the CPU; another number gives other last digits.
        gpus: that the job was given; fewer on the machine is an error.

    Raises:
        InputError: the store is of other things, a fold lacks images, the device or the initial weights are not to be had, or
            training fails.
    """
    torch.set_num_threads(threads)
    settings = build_settings(task.settings["training"], "settings of train_folds")
    data, name = ExperimentData.of(task.inputs), DataName(**task.settings["data"])
    views = None if settings.frozen is None else 2 + settings.frozen.copies
    if (data.store.shape[1] if data.embedding_dim else None) != views:
        needed = "faces" if views is None else f"embeddings of {views} views of each face"
        raise InputError(
            f"{task.inputs['store']}: {data.store.dtype} of {data.store.shape}; the training needs {needed}; {AGAIN}"
        )
    device = choose_device(settings.device, gpus)
    processes.join(device)
    crop = Crop(**task.settings.get("crop", {}))
    for fold in task.settings["folds"]:
        keep_model = fold in task.settings["keep_models"]
        directory = run_directory.of_fold(task, fold)
        Run(settings, data, name, task.settings["seed"], fold, directory, device, keep_model, crop).finish()
    if processes.rank() == 0:
        run_directory.write_jobs(task)
    processes.leave()


@dataclass(frozen=True)
class Run:
    """One method on one fold with one seed, in its run directory."""

    settings: Settings
    data: ExperimentData
    name: DataName
    seed: int
    fold: int
    directory: Path
    device: torch.device
    keep_model: bool = False
    crop: Crop = Crop()

    def finish(self) -> None:
        """Train, test and fill the directory; do nothing if the same run is there already."""
        key = self.fingerprint()
        if run_directory.is_finished(self.directory, key, self.keep_model):
            _log(f"fold {self.fold} seed {self.seed}: finished before")
            return
        checkpoint = self.directory / f"checkpoint-{key[:16]}.pt"
        train_part, test_part, watched = self._parts()
        if processes.rank() == 0:
            run_directory.clear(self.directory, checkpoint)
        store, settings = resident(self.data.store, self.device), self.settings
        trials: list[dict[str, float]] = []
        if settings.candidates:
            given = (self.seed, self.fold, self.device, self.data.embedding_dim)
            settings, trials = tune(settings, store, train_part, *given, _log)
        torch.manual_seed(seeds_of(self.seed, self.fold, settings.courses * settings.epochs))
        model = build_model(settings, self.device, self.data.embedding_dim)

        def end_course(course: int) -> None:
            predicted_ages, _ = predict(model, store, test_part.store_rows, settings)
            if processes.rank() == 0:
                run_directory.write_predictions(self.directory, test_part.index, predicted_ages, course)

        with following(self.directory, f"fold {self.fold} seed {self.seed}", settings.courses * settings.epochs) as end_epoch:
            observer = Observer(checkpoint, _log, watched, end_course, end_epoch)
            Trainer(model, settings, store, train_part, self.seed, self.fold, observer).train()
        predicted_ages, distribution = predict(model, store, test_part.store_rows, settings)
        if processes.rank() > 0:
            return
        run_directory.write_predictions(self.directory, test_part.index, predicted_ages)
        run_directory.write_distribution(self.directory, self.settings.age_classes, distribution)
        run_directory.write_rows(self.directory / "tuning.csv", trials)
        self._write(model, settings, fingerprint=key, train_images=len(train_part.index), test_images=len(test_part.index))
        for leftover in self.directory.glob("*checkpoint-*.pt"):  # half-written ones of a killed process, too
            leftover.unlink()

    def fingerprint(self) -> str:
        """Return a hash of settings, data, crop, seed, fold and the content of the initial checkpoint; code is not part of it.

        The crop by default is left out.
        """
        checkpoint = Path(self.settings.initialisation)
        content = hashlib.sha256(checkpoint.read_bytes()).hexdigest() if checkpoint.is_file() else None
        data = self.data.fingerprint(self.fold)
        return fingerprint(self.settings.as_dict(), content, self.seed, data, *self.crop.changes().items())

    def _parts(self) -> tuple[Part, Part, dict[str, Part]]:
        """Return the training part, the test part, and those whose error is followed; the test part only for an oracle."""
        train_part, test_part = (self.data.part(self.fold, part) for part in ("train", "test"))
        validation_part = self.data.part(self.fold, "validation")
        watched = {} if validation_part.index.empty else {"validation": validation_part}
        if self.settings.selection == "oracle":
            watched["oracle"] = test_part
        if self.settings.selection == "validation" and not watched:
            raise InputError(
                f"fold {self.fold}: training.selection is 'validation', but no image is held out; "
                "set experiments.<name>.validation above 0, or training.selection to last"
            )
        return train_part, test_part, watched

    def _write(self, model: Model, settings: Settings, **facts: object) -> None:
        """Write what is left beside the predictions; run.json is the last."""
        run_directory.write_rows(self.directory / "history.csv", model.history)
        run_directory.write_rows(self.directory / "diagnostics.csv", model.diagnostics)
        if self.keep_model:
            model.save(self.directory / "model.pt")
        on_gpu = self.device.type == "cuda"
        facts |= {
            "data": str(self.name),
            "fold": self.fold,
            "seed": self.seed,
            "settings": settings.as_dict(),
            "selected_epoch": model.selected_epoch,
            "face_size": self.settings.embedded["face_size"] if self.settings.embedded else self.data.store.shape[1],
            "crop": dataclasses.asdict(self.crop),
            "embedding_dim": self.data.embedding_dim,
            "device": torch.cuda.get_device_name(self.device) if on_gpu else "cpu",
            "precision": choose_precision(settings, self.device, self.data.store),
            "processes": processes.count(),
            "threads": torch.get_num_threads(),
            "seconds": round(model.seconds, 1),
            # Of the process, the first of several, so of this fold and those it trained before.
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated() / 2**20) if torch.cuda.is_available() else None,
        }
        run_directory.write_run(self.directory, "torch", "numpy", **facts)


def _log(line: str) -> None:
    if processes.rank() == 0:
        say(line)
