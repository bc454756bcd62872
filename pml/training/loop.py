"""One run's training, from the first epoch or a checkpoint to the last epoch."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from torch import Tensor, nn

from pml.errors import InputError
from pml.files import replacing
from pml.method import Method
from pml.training import processes
from pml.training.batches import draw_batches, load_faces, load_share
from pml.training.data import Part
from pml.training.device import to_device
from pml.training.precision import autocast, choose_precision
from pml.training.settings import Settings

CHECKPOINT_SECONDS = 60


@dataclass
class Model:
    """A method on its backbone, and what its training left behind.

    Attributes:
        history: one row per epoch.
        margins: what the method tells of its margins, one row per epoch, if it has any.
        seconds: time spent in training, interruptions left out.
        best: number, MAE and weights of the best epoch so far, if settings.selection chooses one.
    """

    backbone: nn.Module
    method: Method
    device: torch.device
    history: list[dict[str, float]] = field(default_factory=list)
    margins: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    best: dict | None = None

    @property
    def selected_epoch(self) -> int:
        """The epoch, from 1, whose weights training leaves in the model."""
        return self.best["epoch"] if self.best else len(self.history)

    def weights(self) -> dict[str, dict[str, Tensor]]:
        """Return what model.pt holds."""
        return {"backbone": self.backbone.state_dict(), "method": self.method.state_dict()}

    def load_weights(self, weights: dict[str, dict[str, Tensor]]) -> None:
        """Take over what `weights` returned."""
        self.backbone.load_state_dict(weights["backbone"])
        self.method.load_state_dict(weights["method"])


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
    """Return Adam or SGD over backbone and method, with the paper's weight decay and momentum (Sec. 4.2).

    Each of the two is a group of parameters; its `share` is what it has of the learning rate.
    """
    groups = [
        {"params": list(model.backbone.parameters()), "share": settings.backbone_rate},
        {"params": list(model.method.parameters()), "share": 1},
    ]
    shared = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimiser == "adam":
        return torch.optim.Adam(groups, **shared, amsgrad=settings.amsgrad, fused=True)
    fused = model.device.type == "cuda"
    return torch.optim.SGD(groups, **shared, momentum=settings.momentum, nesterov=settings.nesterov, fused=fused)


def train(
    model: Model,
    faces: np.ndarray,
    part: Part,
    settings: Settings,
    seed: int,
    fold: int,
    checkpoint: Path,
    log: Callable,
    watched: dict[str, Part] | None = None,
    end_course: Callable[[int], None] = lambda course: None,
) -> None:
    """Train `model` in place to the last epoch, resuming from `checkpoint` if it exists; fills its history.

    If settings.selection names a watched part, the model ends with the weights of the epoch of the last course whose MAE on
    it is lowest, the earliest of several.

    Curricula are trained in order, each for all epochs under a learning rate that starts anew; weights and the optimiser's
    state are carried over (Sec. 3.3).

    Args:
        faces: the face store, (M, H, W, 3) uint8.
        part: the training part, not empty.
        checkpoint: written at most once a minute, at the end of an epoch.
        log: called with a line of text after every epoch, and once if the margins degenerate.
        watched: parts, none of them empty, whose MAE is recorded after every epoch as `<name>_mae`.
        end_course: called with the number of each course but the last, from 1, when it has ended.

    Raises:
        InputError: the loss is no longer finite, or there are more processes than images in a batch.
    """
    optimiser = build_optimiser(model, settings)
    precision = choose_precision(settings.precision, model.device)
    scaler = torch.amp.GradScaler(model.device.type, enabled=precision == "float16")
    labels = torch.stack([part.ages.trunc() if settings.whole_ages else part.ages, part.age_stds])  # (2, N)
    epochs = settings.courses * settings.epochs
    first_epoch = _restore(checkpoint, model, optimiser, scaler)
    if settings.compile:
        model.backbone.compile()
    saved = start = monotonic()
    earlier = model.seconds
    warned = False
    for epoch in range(first_epoch, epochs):
        course, epoch_of_course = epoch // settings.epochs + 1, epoch % settings.epochs
        torch.manual_seed(seeds_of(seed, fold, epoch))
        generator = torch.Generator().manual_seed(seeds_of(seed, fold, epoch))
        batches = draw_batches(part.courses <= course, settings.batch_size, generator)
        model.backbone.train()
        model.method.train()
        if epoch_of_course == 0:
            model.method.begin_course()
        model.method.begin_epoch()
        sums: dict[str, Tensor] = {}
        for step, chosen in enumerate(batches):
            inputs = load_share(faces, part.store_rows[chosen], settings.augmentation, generator, model.device)
            learning_rate = learning_rate_at(epoch_of_course + (step + 0.5) / len(batches), settings)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * group["share"]
            features = processes.gather(_features(model, inputs, precision), len(chosen))
            loss, terms = model.method.loss(features, *to_device(labels[:, chosen], model.device))
            optimiser.zero_grad()
            scaler.scale(loss).backward()
            processes.average_gradients(optimiser)
            scaler.step(optimiser)
            scaler.update()
            for name, value in {"loss": loss.detach(), **terms}.items():
                sums[name] = sums.get(name, 0) + value
        means = {name: float(total) / len(batches) for name, total in sums.items()}
        if not math.isfinite(means["loss"]):
            raise InputError(f"fold {fold}, epoch {epoch + 1}: the loss is {means['loss']}; lower training.learning_rate")
        model.history.append({"epoch": epoch + 1, "learning_rate": learning_rate, **means})
        margins, warning = model.method.inspect()
        if margins:
            model.margins.append({"epoch": epoch + 1, **margins})
        if warning and not warned:
            log(f"fold {fold} seed {seed} epoch {epoch + 1} warning: {warning}")
            warned = True
        for name, watched_part in (watched or {}).items():
            mae = model.history[-1][f"{name}_mae"] = mean_absolute_error(model, faces, watched_part, settings)
            competes = name == settings.selection and course == settings.courses
            if competes and (model.best is None or mae < model.best["mae"]):
                model.best = {"epoch": epoch + 1, "mae": mae, "weights": copy.deepcopy(model.weights())}
        model.seconds = earlier + monotonic() - start
        log(f"fold {fold} seed {seed} epoch {epoch + 1}/{epochs} loss {means['loss']:.4f}")
        if epoch_of_course + 1 == settings.epochs and course < settings.courses:
            end_course(course)
        if processes.rank() == 0 and monotonic() - saved >= CHECKPOINT_SECONDS and epoch + 1 < epochs:
            _save(checkpoint, model, optimiser, scaler)
            saved = monotonic()
    if model.best:
        model.load_weights(model.best["weights"])


@torch.inference_mode()
def predict(
    model: Model, faces: np.ndarray, store_rows: np.ndarray, settings: Settings
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (N,) predicted ages in years and the (N, K) distributions, or None if the method has none.

    With `mirror_test`, the distribution is the mean over the face and its mirror image, and the age is decoded from it; without
    a distribution, the age is the mean of both.
    """
    views = [False, True] if settings.mirror_test else [False]
    features = [extract_features(model, faces, store_rows, settings, mirrored) for mirrored in views]
    distributions = [model.method.distribution(view) for view in features]
    if distributions[0] is None:
        return torch.stack([model.method.predict(view) for view in features]).mean(0).cpu().numpy(), None
    distribution = torch.stack(distributions).mean(0)
    return model.method.decode(distribution).cpu().numpy(), distribution.cpu().numpy()


def mean_absolute_error(model: Model, faces: np.ndarray, part: Part, settings: Settings) -> float:
    """Return the mean absolute error of the predictions on a part, in years."""
    predicted_ages, _ = predict(model, faces, part.store_rows, settings)
    return float(np.abs(predicted_ages - part.ages.numpy()).mean())


@torch.inference_mode()
def extract_features(
    model: Model, faces: np.ndarray, store_rows: np.ndarray, settings: Settings, mirrored: bool = False
) -> Tensor:
    """Return the (N, D) features of the faces at `store_rows`, in evaluation mode; processes share the work."""
    model.backbone.eval()
    model.method.eval()
    precision = choose_precision(settings.precision, model.device)
    own = store_rows[processes.share(len(store_rows))]
    features = [torch.empty(0, model.method.feature_dim, dtype=model.method.ages.dtype, device=model.device)]
    for start in range(0, len(own), settings.batch_size):
        inputs = load_faces(faces, own[start : start + settings.batch_size], model.device)
        features.append(_features(model, inputs.flip(3) if mirrored else inputs, precision))
    return processes.gather(torch.cat(features), len(store_rows))


def _features(model: Model, inputs: Tensor, precision: str) -> Tensor:
    with autocast(precision, model.device):
        features = model.backbone(inputs)
    # The heads work on exponentials and small variances: always in their own precision, float32.
    return features.to(model.method.ages.dtype)


def _save(path: Path, model: Model, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
    state = model.weights() | {
        "optimiser": optimiser.state_dict(),
        "scaler": scaler.state_dict(),
        "history": model.history,
        "margins": model.margins,
        "seconds": model.seconds,
        "best": model.best,
    }
    with replacing(path) as temporary, temporary.open("wb") as file:  # to a file, for PyTorch then tells of a full disk
        torch.save(state, file)


def _restore(path: Path, model: Model, optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location=model.device, weights_only=True)
    model.load_weights(state)
    optimiser.load_state_dict(state["optimiser"])
    scaler.load_state_dict(state["scaler"])
    model.history[:] = state["history"]
    model.margins[:] = state["margins"]
    model.seconds = state["seconds"]
    model.best = state["best"]
    return len(model.history)
