"""One run's training, from the first epoch or a checkpoint to the last epoch."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pml.errors import InputError
from pml.methods.method import Method, Step, TrainingSet
from pml.progress import duration
from pml.suite.settings import Settings
from pml.tensors import load_tensors, save_tensors
from pml.training import processes
from pml.training.batches import Store, draw_batches, load_views
from pml.training.data import Part
from pml.training.device import to_device
from pml.training.model import Model, features_of, predict
from pml.training.precision import choose_precision

CHECKPOINT_SECONDS = 60
LOG_SECONDS = 1  # between lines of the log: a page of epochs that take milliseconds helps nobody
SET_ASIDE = "its name now ends in .damaged, and the run starts over"


def seeds_of(seed: int, fold: int, epoch: int) -> int:
    """Return the random seed of one epoch of a run, so that resuming needs no state of a generator."""
    return int(np.random.SeedSequence([seed, fold, epoch]).generate_state(1, np.uint64)[0] >> 1)


def learning_rate_at(epoch: float, settings: Settings) -> float:
    """Return the learning rate after `epoch` epochs of a course, fractions included.

    A linear warm-up, then the cosine of CosineAnnealingLR down to zero, or ExponentialLR's constant factor an epoch (Sec. 4.2),
    or PolynomialLR's power down to zero (the released code), or a constant rate.
    """
    if settings.warmup_epochs and epoch <= settings.warmup_epochs:
        first = settings.learning_rate * settings.warmup_from
        return first + (settings.learning_rate - first) * epoch / settings.warmup_epochs
    if settings.schedule in ("cosine", "polynomial"):
        progress = (epoch - settings.warmup_epochs) / (settings.epochs - settings.warmup_epochs)
        if settings.schedule == "polynomial":
            return settings.learning_rate * (1 - progress) ** settings.power
        return settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2
    if settings.schedule == "exponential":
        return settings.learning_rate * settings.decay ** int(epoch - settings.warmup_epochs)
    return settings.learning_rate


def build_optimiser(model: Model, settings: Settings) -> torch.optim.Optimizer:
    """Return Adam, AdamW or SGD over the method's groups of parameters, with the paper's weight decay and momentum (Sec. 4.2).

    The `share` of a group is what it has of the learning rate.
    """
    groups = [{"share": 1, **group} for group in model.method.parameter_groups(model.backbone, settings.backbone_rate)]
    shared: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser in ("adam", "adamw"):
        kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
        return kind(groups, **shared, amsgrad=settings.amsgrad, fused=True)
    fused = model.device.type == "cuda"
    return torch.optim.SGD(groups, **shared, momentum=settings.momentum, nesterov=settings.nesterov, fused=fused)


def mean_absolute_error(model: Model, store: Store, part: Part, settings: Settings) -> float:
    """Return the mean absolute error of the predictions on a part, in years."""
    predicted_ages, _ = predict(model, store, part.store_rows, settings)
    return float(np.abs(predicted_ages - part.ages).mean())


@dataclass(frozen=True)
class Observer:
    """What follows a training from outside.

    Attributes:
        checkpoint: written at most once a minute, at the end of an epoch, and resumed from if it is there; None for none.
        log: called with a line of text after an epoch, at most once a second and after the last, and once with a warning of
            the method.
        watched: parts, none of them empty, whose MAE is recorded after every epoch as `<name>_mae`.
        end_course: called with the number of each course but the last, from 1, when it has ended.
        end_epoch: called with the history, a row for each epoch, when an epoch has ended.
    """

    checkpoint: Path | None = None
    log: Callable[[str], object] = lambda line: None
    watched: dict[str, Part] = field(default_factory=dict)
    end_course: Callable[[int], object] = lambda course: None
    end_epoch: Callable[[list[dict[str, float]]], object] = lambda history: None


NOBODY = Observer()


class Trainer:
    """Trains a model in place and fills its history.

    Curricula are trained in order, each for all epochs under a learning rate that starts anew; weights and the optimiser's
    state are carried over (Sec. 3.3). If settings.selection names a watched part, the model ends with the weights of the epoch
    of the last course whose MAE on it is lowest, the earliest of several.

    Args:
        store: of faces or embeddings.
        part: the training part, not empty.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        store: Store,
        part: Part,
        seed: int = 0,
        fold: int = 1,
        observer: Observer = NOBODY,
    ):
        self.model, self.settings, self.store, self.part = model, settings, store, part
        self.seed, self.fold, self.observer = seed, fold, observer
        self.epochs = settings.courses * settings.epochs
        self.precision = choose_precision(settings, model.device, store)
        ages = np.trunc(part.ages) if settings.whole_ages else part.ages
        self.labels = torch.from_numpy(np.stack([ages, part.age_stds]))  # (2, N)
        self.mixes = type(model.method).mix is not Method.mix
        labels, courses = self.labels.to(model.device), torch.tensor(part.courses, device=model.device)
        model.method.begin_training(TrainingSet(labels[0], labels[1], courses, self.epochs))
        self._begin()

    def _begin(self) -> None:
        """Make an optimiser that has made no step."""
        self.optimiser = build_optimiser(self.model, self.settings)
        self.scaler = torch.amp.GradScaler(self.model.device.type, enabled=self.precision == "float16")

    def train(self) -> None:
        """Train to the last epoch; if it is interrupted, note what of it is kept.

        Raises:
            InputError: the loss is no longer finite, or there are more processes than images in a batch.
        """
        self.kept_epochs = self._restore()
        try:
            self._train_from(self.kept_epochs)
        except KeyboardInterrupt as interruption:
            kept = f"the checkpoint of epoch {self.kept_epochs} is kept" if self.kept_epochs else "it has no checkpoint yet"
            interruption.add_note(f"fold {self.fold} seed {self.seed}: {kept}")
            raise
        if self.model.best:
            self.model.load_weights(self.model.best["weights"])

    def _train_from(self, first_epoch: int) -> None:
        if self.settings.compile:
            self.model.backbone.compile()
        saved = start = shown = monotonic()
        shown_epoch = first_epoch
        earlier = self.model.seconds
        warned = False
        for epoch in range(first_epoch, self.epochs):
            self._train_epoch(epoch)
            warning = self._end_epoch(epoch)
            if warning and not warned:
                self.observer.log(f"fold {self.fold} seed {self.seed} epoch {epoch + 1} warning: {warning}")
                warned = True
            self._watch(epoch)
            self.model.seconds = earlier + monotonic() - start
            self.observer.end_epoch(self.model.history)
            if epoch + 1 == self.epochs or monotonic() - shown >= LOG_SECONDS:
                self.observer.log(self._line(epoch, (monotonic() - shown) / (epoch + 1 - shown_epoch)))
                shown, shown_epoch = monotonic(), epoch + 1
            if epoch + 1 == self.epochs:
                break
            if (epoch + 1) % self.settings.epochs == 0:
                self.observer.end_course((epoch + 1) // self.settings.epochs)
            if self.observer.checkpoint and processes.rank() == 0 and monotonic() - saved >= CHECKPOINT_SECONDS:
                self._save(self.observer.checkpoint)
                self.kept_epochs = epoch + 1
                saved = monotonic()

    def _line(self, epoch: int, seconds: float) -> str:
        """Return the line of the log on an epoch that has ended, where one takes so many seconds."""
        row, left = self.model.history[-1], self.epochs - epoch - 1
        errors = "".join(f", {name} MAE {row[f'{name}_mae']:.2f}" for name in self.observer.watched)
        return (
            f"{datetime.now():%Y-%m-%d %H:%M:%S} fold {self.fold} seed {self.seed} epoch {epoch + 1}/{self.epochs} "
            f"loss {row['loss']:.4f}{errors}, learning rate {row['learning_rate']:.3g}, {duration(seconds)} an epoch"
            + (f", {duration(seconds * left)} left" if left else "")
        )

    def _train_epoch(self, epoch: int) -> None:
        """Take the steps of an epoch and append its row to the history."""
        model, method, settings = self.model, self.model.method, self.settings
        courses_behind, epoch_of_course = divmod(epoch, settings.epochs)
        torch.manual_seed(seeds_of(self.seed, self.fold, epoch))
        generator = torch.Generator().manual_seed(seeds_of(self.seed, self.fold, epoch))
        model.train()
        if epoch_of_course == 0:
            method.begin_course()
        method.begin_epoch(epoch)
        taking_part = self.part.courses <= courses_behind + 1
        weights = method.sampling_weights()
        batches = draw_batches(taking_part, settings.batch_size, generator, weights, settings.partial_batch)
        sums: dict[str, Tensor] = {}
        for number, chosen in enumerate(batches):
            learning_rate = learning_rate_at(epoch_of_course + (number + 0.5) / len(batches), settings)
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate * group["share"]
            loss, terms = method.step(self._step(chosen, generator))
            method.end_step(model.backbone)
            for name, value in {"loss": loss.detach(), **terms}.items():
                sums[name] = sums.get(name, 0) + value
        means = {name: float(total) / len(batches) for name, total in sums.items()}
        if not math.isfinite(means["loss"]):
            raise InputError(f"fold {self.fold}, epoch {epoch + 1}: the loss is {means['loss']}; lower training.learning_rate")
        model.history.append({"epoch": epoch + 1, "learning_rate": learning_rate, **means})

    def _step(self, chosen: np.ndarray, generator: torch.Generator) -> Step:
        """Return the step of the batch at these positions of the training part."""
        model, views, share = self.model, self.model.method.views, processes.share(len(chosen))
        rows, augmentation = self.part.store_rows[chosen], self.settings.augmentation
        ages, age_stds = to_device(self.labels[:, chosen], model.device)
        # What mixes faces needs those of the other processes, too.
        loaded = slice(None) if self.mixes else share
        inputs = load_views(self.store, rows, augmentation, generator, model.device, views, loaded)
        if self.mixes:
            inputs, ages, age_stds = model.method.mix(inputs, ages, age_stds, generator)
            inputs = torch.cat([view[share] for view in inputs.chunk(views)])

        def features(inputs: Tensor) -> Tensor:
            own = model.features(inputs, self.precision)
            joint = [processes.gather(view, len(chosen)) for view in own.chunk(views)] if views > 1 else []
            return torch.cat(joint) if joint else processes.gather(own, len(chosen))

        return Step(model.backbone, inputs, ages, age_stds, features, self._backward, self._update)

    def _backward(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()
        processes.average_gradients(self.optimiser)

    def _update(self) -> None:
        if self.settings.clip_norm:
            self.scaler.unscale_(self.optimiser)
            weights = [weight for group in self.optimiser.param_groups for weight in group["params"]]
            torch.nn.utils.clip_grad_norm_(weights, self.settings.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def _end_epoch(self, epoch: int) -> str:
        """Let the method end the epoch and tell of itself; return its warning."""
        model = self.model
        # A copy, for what is made in inference mode can take part in no loss.
        model.method.end_epoch(lambda: features_of(model, self.store, self.part.store_rows, self.settings).clone())
        numbers, warning = model.method.diagnostics()
        if numbers:
            model.diagnostics.append({"epoch": epoch + 1, **numbers})
        return warning

    def _watch(self, epoch: int) -> None:
        """Add the errors on the watched parts to the history, and keep the weights if they are the best so far."""
        model, settings = self.model, self.settings
        for name, part in self.observer.watched.items():
            mae = model.history[-1][f"{name}_mae"] = mean_absolute_error(model, self.store, part, settings)
            competes = name == settings.selection and epoch >= self.epochs - settings.epochs
            if competes and (model.best is None or mae < model.best["mae"]):
                model.best = {"epoch": epoch + 1, "mae": mae, "weights": copy.deepcopy(model.weights())}

    def _save(self, path: Path) -> None:
        model = self.model
        state = model.weights() | {
            "name": path.name,
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": model.history,
            "diagnostics": model.diagnostics,
            "seconds": model.seconds,
            "best": model.best,
        }
        save_tensors(state, path)

    def _restore(self) -> int:
        """Go back to the checkpoint, if there is one; return the number of epochs that are behind.

        One that is damaged or of another run is set aside, for it would stop the run at every restart.
        """
        path = self.observer.checkpoint
        if not (path and path.exists()):
            return 0
        try:
            self._resume(path)
        except Exception as error:  # what is no checkpoint may fail in any way
            ours = isinstance(error, InputError)
            self.observer.log(f"warning: {error if ours else f'{path}: not a checkpoint of this run; {SET_ASIDE}'}")
            if processes.rank() == 0:
                path.replace(f"{path}.damaged")
            self._begin()
        return len(self.model.history)

    def _resume(self, path: Path) -> None:
        """Take over a checkpoint, or leave the model as it is and raise whatever is the matter."""
        model, state = self.model, load_tensors(path, SET_ASIDE, self.model.device)
        if state.get("name", path.name) != path.name:
            raise ValueError("it is another run's")
        history, diagnostics = ([dict(row) for row in state[name]] for name in ("history", "diagnostics"))
        seconds, best = float(state["seconds"]), state["best"]
        copy.deepcopy(model).load_weights(state)
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        model.load_weights(state)
        model.history[:], model.diagnostics[:] = history, diagnostics
        model.seconds, model.best = seconds, best
