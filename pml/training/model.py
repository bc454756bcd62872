"""A method on its backbone: how it is built, saved and loaded, and what it makes of faces."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pml.backbones.build import build_backbone, build_frozen, load_fitting, read_weights
from pml.backbones.trunk import build_trunk, freeze
from pml.errors import InputError
from pml.methods.method import Method, Network
from pml.registry import find, find_options
from pml.suite.settings import Settings, build_settings
from pml.tensors import load_tensors, save_tensors
from pml.training import processes
from pml.training.batch_norm import join_batch_norm
from pml.training.batches import Store, load
from pml.training.precision import autocast, choose_precision
from pml.training.run_directory import REDO, check_run, read_run


@dataclass
class Model:
    """A method on its backbone, and what its training left behind.

    Attributes:
        history: one row per epoch.
        diagnostics: what the method tells of itself, one row per epoch, if it tells anything.
        seconds: time spent in training, interruptions left out.
        best: number, MAE and weights of the best epoch so far, if settings.selection chooses one.
        still: the modules of the backbone that are not trained.
    """

    backbone: nn.Module
    method: Method
    device: torch.device
    still: list[nn.Module] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    diagnostics: list[dict[str, float]] = field(default_factory=list)
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

    def save(self, path: Path) -> None:
        """Write model.pt: weights only."""
        save_tensors(self.weights(), path)

    def train(self) -> None:
        """Begin to train; what stands still keeps the means and variances of its normalisation."""
        self.backbone.train()
        self.method.train()
        for module in self.still:
            module.eval()

    def features(self, inputs: Tensor, precision: str) -> Tensor:
        """Return the (N, D) features of inputs of the backbone."""
        with autocast(precision, self.device):
            features = self.backbone(inputs)
        # The heads work on exponentials and small variances: always in their own precision, float32.
        return features.to(self.method.ages.dtype)


def build_model(settings: Settings, device: torch.device, embedding_dim: int | None = None) -> Model:
    """Return the untrained method of `settings` on its backbone with the initial weights; the caller seeds torch.

    Args:
        embedding_dim: width of the embeddings that a trunk learns on, where the backbone of the settings is frozen.

    Raises:
        InputError: the method looks at no pixels, or has a network that needs them where the backbone is frozen; or the initial
            weights are missing or of another network; or the backbone has fewer blocks than are to be trained.
    """
    kind = find("method", settings.method)
    if not kind.reads_pixels:
        raise InputError(f"method '{settings.method}' looks at no pixels, so it has no model; name another method")
    options = find_options("method", settings.method, settings.options)
    weights = {} if settings.initialisation == "random" else read_weights(settings.initialisation)
    fits, asked = settings.initialisation == "random", False

    def shared() -> Network:
        nonlocal fits, asked
        asked = True
        if settings.frozen is not None and embedding_dim is not None:
            network, feature_dim = build_trunk(embedding_dim, settings.frozen)
        else:
            network, feature_dim = build_backbone(settings.backbone, settings.backbone_options)
        fits = fits or load_fitting(network, weights)
        return network, feature_dim

    backbone, feature_dim = kind.backbone(shared, options)
    # The checkpoint of a run whose method has a network of its own, or puts one around the experiment's, is of that network.
    if not (fits or load_fitting(backbone, weights)):
        raise InputError(
            f"{settings.initialisation}: weights of another network than the backbone of this experiment; "
            "name the matching backbone"
        )
    if settings.frozen is not None and not asked:
        raise InputError(f"method '{settings.method}' has a network of its own, which needs pixels; leave 'frozen' out")
    still = [] if settings.trained_blocks is None else freeze(backbone, settings.trained_blocks)
    join_batch_norm(backbone, device)
    method = kind(feature_dim, settings.age_classes, options)
    # The layout in which convolutions are fastest, on CPUs as on GPUs.
    return Model(backbone.to(device, memory_format=torch.channels_last), method.to(device), device, still)


def load_model(directory: Path, device: torch.device) -> tuple[Model, Settings]:
    """Return the trained model of a run directory, and its settings; of a run on embeddings, what follows the frozen backbone.

    Raises:
        InputError: the directory holds no finished run, or one of other settings than today's; or its model was not kept, or is
            damaged, or of another run.
    """
    facts, path = read_run(directory), directory / "model.pt"
    values = facts.get("settings", {})
    if not path.exists():
        raise InputError(f"{path}: no such file; add the run's fold to 'keep_models' in its config and run the workflow again")
    settings = build_settings(values, f"{directory / 'run.json'}: settings")
    model = build_model(dataclasses.replace(settings, initialisation="random"), device, facts.get("embedding_dim"))
    weights = load_tensors(path, REDO, device)
    check_run(directory, path.name)
    load_trained(model, weights, path, REDO)
    return model, settings


def load_trained(model: Model, weights: dict, path: Path, remedy: str) -> None:
    """Give a model the weights that were read from `path`, of each part by name.

    Raises:
        InputError: they are those of another model, or are not all numbers; it ends in the `remedy`.
    """
    try:
        model.load_weights(weights)
    except Exception:  # torch raises a different type for every kind of thing that are no weights
        raise InputError(f"{path}: weights of another model than run.json tells of; {remedy}") from None
    # A method's own may be infinite, such as the logarithm of how often an age was seen.
    for name, value in [*model.backbone.state_dict().items(), *model.method.state_dict().items()]:
        if value.is_floating_point() and value.isnan().any():
            raise InputError(f"{path}: weights '{name}' are not all numbers; {remedy}")


def load_model_of_faces(directory: Path, device: torch.device) -> tuple[Model, Settings]:
    """Return the model of a run directory as `load_model`, with its frozen backbone in front if it has one: it takes faces.

    Raises:
        InputError: as `load_model`; or the weights of the frozen backbone are no longer there.
    """
    model, settings = load_model(directory, device)
    if settings.embedded is not None:
        network, _ = build_frozen(settings.backbone, settings.backbone_options, settings.embedded["initialisation"])
        model.backbone = nn.Sequential(network, model.backbone)
        model.backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model, settings


@torch.inference_mode()
def predict(model: Model, store: Store, store_rows: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (N,) predicted ages in years and the (N, K) distributions, or None if the method has none.

    With `mirror_test`, the distribution is the mean over the face and its mirror image, and the age is decoded from it; without
    a distribution, the age is the mean of both.
    """
    views = [False, True] if settings.mirror_test else [False]
    features = [features_of(model, store, store_rows, settings, mirrored) for mirrored in views]
    distributions = [each for view in features if (each := model.method.distribution(view)) is not None]
    if not distributions:
        return torch.stack([model.method.predict(view) for view in features]).mean(0).cpu().numpy(), None
    distribution = torch.stack(distributions).mean(0)
    return model.method.decode(distribution).cpu().numpy(), distribution.cpu().numpy()


@torch.inference_mode()
def features_of(model: Model, store: Store, store_rows: np.ndarray, settings: Settings, mirrored: bool = False) -> Tensor:
    """Return the (N, D) features of what stands at `store_rows`, in evaluation mode; processes share the work."""
    model.backbone.eval()
    model.method.eval()
    precision = choose_precision(settings, model.device, store)
    own = store_rows[processes.share(len(store_rows))]
    features = [torch.empty(0, model.method.feature_dim, dtype=model.method.ages.dtype, device=model.device)]
    for start in range(0, len(own), settings.batch_size):
        inputs = load(store, own[start : start + settings.batch_size], model.device, mirrored)
        features.append(model.features(inputs, precision))
    return processes.gather(torch.cat(features), len(store_rows))
