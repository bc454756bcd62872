"""The contracts of `Method` and `Reference` as checks, for every registered class and for anybody's own.

A check is a function of a `Subject`. It passes if it raises nothing; its docstring says what holds then.
"""

import inspect
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.testing import assert_close

from pml.errors import InputError
from pml.methods.method import Method, Network, Step, TrainingSet
from pml.methods.reference import Reference
from pml.registry import find, find_options
from pml.tables import load_schema

FACES, SIZE, FEATURE_DIM = 6, 64, 64
AGE_RANGES = (range(101), range(16, 78))
DTYPES = (torch.float32, torch.float64)
ROUNDING = 1e-4  # years that a prediction may lie outside the ages
MOST_YEARS = 120
EPOCHS = 60


@dataclass(frozen=True)
class Subject:
    """A class with the options that it is checked under.

    Args:
        name: short name, or module:Class.
        options: as a config gives them.
    """

    name: str
    options: dict[str, Any]

    @property
    def kind(self) -> Any:
        """The class."""
        return find("method", self.name)

    def build(
        self, ages: Sequence[int] = AGE_RANGES[0], dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> tuple[nn.Module, Any]:
        """Return a small network and the method on it, as they are when training begins, the same at every call."""
        torch.manual_seed(0)
        options = find_options("method", self.name, self.options)
        network, feature_dim = self.kind.backbone(_small_network, options)
        method = self.kind(feature_dim, ages, options).to(device, dtype)
        _, labels, age_stds = batch(method, FACES)
        method.begin_training(TrainingSet(labels, age_stds, torch.ones_like(labels, dtype=torch.int64), EPOCHS))
        return network.to(device, dtype), method

    def begun(self, *given: Any, **named: Any) -> Any:
        """Return the method at its first batch; the arguments are those of `build`."""
        method = self.build(*given, **named)[1].train()
        method.begin_course()
        method.begin_epoch(0)
        return method


def batch(method: Method, size: int, scale: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return random features of all views, real-valued ages, the first and the last among them, and age_stds, some NaN."""
    generator, ages, device = torch.Generator().manual_seed(seed), method.ages.cpu(), method.ages.device
    features = scale * torch.randn(method.views * size, method.feature_dim, generator=generator, dtype=ages.dtype)
    labels = ages[0] + (ages[-1] - ages[0]) * torch.rand(size, generator=generator, dtype=ages.dtype)
    labels[:1], labels[-1:] = ages[-1], ages[0]
    age_stds = torch.full_like(labels, 3.0)
    age_stds[::2] = math.nan
    return features.to(device), labels.to(device), age_stds.to(device)


class Toy:
    """A training of the subject on a few patterns for faces, all of them a batch and an epoch; arguments as for `build`."""

    def __init__(self, subject: Subject, *given: Any):
        self.network, self.method = subject.build(*given)
        _, self.ages, self.age_stds = batch(self.method, FACES)
        coarse = torch.randn(FACES, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=self.ages.dtype)
        self.inputs = nn.functional.interpolate(coarse, size=(SIZE, SIZE))
        groups = [{"share": 1, **group} for group in self.method.parameter_groups(self.network, 1)]
        self.optimiser = torch.optim.Adam([group | {"lr": 0.02 * group["share"]} for group in groups])
        self.diagnostics: list[dict[str, float]] = []

    def train(self, first: int, last: int) -> None:
        """Train the epochs from `first` on, from 0, `last` left out."""
        network, method = self.network, self.method
        for epoch in range(first, last):
            torch.manual_seed(epoch)
            network.train()
            method.train()
            if epoch == 0:
                method.begin_course()
            method.begin_epoch(epoch)
            views = self.inputs.repeat(method.views, 1, 1, 1)
            generator = torch.Generator().manual_seed(epoch)
            inputs, ages, age_stds = method.mix(views, self.ages, self.age_stds, generator)
            method.step(Step(network, inputs, ages, age_stds, network, self._backward, self.optimiser.step))
            method.end_step(network)
            method.end_epoch(self.features)
            self.diagnostics.append({"epoch": epoch + 1, **method.diagnostics()[0]})

    def trained(self, epochs: int = 1) -> Any:
        """Return the method, in evaluation mode, after so many epochs; before the first ends, nobody asks for predictions."""
        self.train(0, epochs)
        return self.method.eval()

    def features(self) -> Tensor:
        """Return the (N, D) features of the faces."""
        with torch.no_grad():
            return self.network.eval()(self.inputs)

    def predict(self) -> Tensor:
        """Return the (N,) predicted ages."""
        with torch.no_grad():
            return self.method.eval().predict(self.features())

    def _backward(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()


def check_options(subject: Subject) -> None:
    """an unknown option is refused by its name"""
    try:
        find_options("method", subject.name, {"no_such_option": 1})
    except InputError as error:
        _require("unknown option 'no_such_option'" in str(error), f"the refusal says: {error}")
    else:
        _require(False, "it is accepted")


def check_backbone(subject: Subject) -> None:
    """the network gives finite features of the width that the method is built for"""
    toy = Toy(subject)
    features = toy.features()
    _require(features.shape == (FACES, toy.method.feature_dim), f"features are {tuple(features.shape)}")
    _require(features.isfinite().all(), "features are not finite")


def check_loss(subject: Subject) -> None:
    """the loss is a finite scalar with finite gradients, for batches of one and of several, and for all ages"""
    for ages in AGE_RANGES:
        for dtype in DTYPES:
            for size in (1, FACES):
                method = subject.begun(ages, dtype)
                features, labels, age_stds = batch(method, size)
                loss, _ = method.loss(features.requires_grad_(), labels, age_stds)
                _require(loss.shape == () and loss.dtype == dtype, f"it is {loss.dtype} of shape {tuple(loss.shape)}")
                _require(loss.isfinite(), f"it is {loss} for {size} images of ages {ages[0]} to {ages[-1]}")
                loss.backward()
                gradients = [each.grad for each in (features, *method.parameters()) if each.grad is not None]
                _require(all(gradient.isfinite().all() for gradient in gradients), "a gradient is not finite")
                # A loss that compares faces has no gradient for one alone.
                reaches = features.grad is not None and (size == 1 or features.grad.any())
                _require(reaches, "no gradient reaches the features")


def check_extremes(subject: Subject) -> None:
    """the loss is finite whatever the features' size and the labels' standard deviation"""
    for scale, age_std in ((1.0, math.nan), (1.0, 0.0), (1.0, 4.0), (1e4, 4.0)):
        method = subject.begun()
        features, labels, age_stds = batch(method, FACES, scale)
        loss, _ = method.loss(features, labels, torch.full_like(age_stds, age_std))
        _require(loss.isfinite(), f"it is {loss} for features times {scale:g} and age_std {age_std}")


def check_terms(subject: Subject) -> None:
    """the terms of the loss are detached scalars, under the same names at every step"""
    method = subject.begun()
    names = []
    for seed in range(3):
        _, terms = method.loss(*batch(method, FACES, seed=seed))
        for name, term in terms.items():
            _require(term.shape == () and term.isfinite(), f"'{name}' is {term}")
            _require(not term.requires_grad, f"'{name}' is not detached")
        names.append(list(terms))
    _require(names[0] == names[1] == names[2], f"names change: {names}")
    taken = {"epoch", "learning_rate", "loss"} & set(names[0])
    _require(not taken, f"history.csv has columns of its own named {taken}")


def check_batches(subject: Subject) -> None:
    """sampling weights are none or one for each training image, and mixing keeps shapes and draws from its generator alone"""
    method = subject.begun()
    weights = method.sampling_weights()
    if weights is not None:
        _require(weights.shape == (FACES,), f"weights are {tuple(weights.shape)} for {FACES} images")
        _require(weights.isfinite().all() and (weights >= 0).all() and weights.any(), f"weights are {weights}")
    _, labels, age_stds = batch(method, FACES)
    inputs = torch.randn(method.views * FACES, 3, SIZE, SIZE)
    mixed = [method.mix(inputs.clone(), labels, age_stds, torch.Generator().manual_seed(0)) for _ in range(2)]
    for first, second, given in zip(*mixed, (inputs, labels, age_stds), strict=True):
        _require(first.shape == given.shape, f"mixing makes {tuple(first.shape)} of {tuple(given.shape)}")
        assert_close(first, second, rtol=0, atol=0, equal_nan=True)


def check_distribution(subject: Subject) -> None:
    """the distribution is one over the ages, and predictions are what it decodes to; or there is none"""
    for ages in AGE_RANGES:
        for dtype in DTYPES:
            method = Toy(subject, ages, dtype).trained()
            features = batch(method, FACES)[0][:FACES]
            distribution = method.distribution(features)
            if distribution is not None:
                _require(distribution.shape == (FACES, len(ages)), f"it is {tuple(distribution.shape)}")
                _require(distribution.dtype == dtype and (distribution >= 0).all(), f"it is {distribution}")
                assert_close(distribution.sum(dim=1), torch.ones(FACES, dtype=dtype))
                # Training and export decode it themselves, after a mean over views.
                assert_close(method.predict(features), method.decode(distribution))


def check_predictions(subject: Subject) -> None:
    """predictions lie within the ages, one for each image, be they none, one or several"""
    for ages in AGE_RANGES:
        for dtype in DTYPES:
            method = Toy(subject, ages, dtype).trained()
            for scale in (1.0, 1e4):
                for size in (0, 1, FACES):
                    predicted = method.predict(batch(method, FACES, scale)[0][:size])
                    _require(predicted.shape == (size,), f"they are {tuple(predicted.shape)} for {size} images")
                    _require(predicted.dtype == dtype, f"they are {predicted.dtype} for features of {dtype}")
                    within = (predicted >= ages[0] - ROUNDING) & (predicted <= ages[-1] + ROUNDING)
                    _require(within.all(), f"they are {predicted.tolist()} for ages {ages[0]} to {ages[-1]}")


def check_independence(subject: Subject) -> None:
    """an image's prediction does not depend on its batch"""
    method = Toy(subject, AGE_RANGES[0], torch.float64).trained()
    features = batch(method, FACES)[0][:FACES]
    assert_close(method.predict(features), torch.cat([method.predict(row[None]) for row in features]))


def check_labels(subject: Subject) -> None:
    """no label enters a prediction"""
    method = Toy(subject).trained()
    for name in ("predict", "distribution"):
        asked = list(inspect.signature(getattr(method, name)).parameters)
        _require(asked == ["features"], f"{name} asks for {asked}")
    features, labels, age_stds = batch(method, FACES)
    before = method.predict(features)
    method.train().loss(features, labels.flip(0), age_stds)
    assert_close(method.eval().predict(features), before, rtol=0, atol=0)


def check_fit(subject: Subject) -> None:
    """a few faces that are trained on are predicted, at half the error of one age for all or better"""
    toy = Toy(subject)
    toy.train(0, EPOCHS)
    error, most = ((toy.ages - ages).abs().mean() for ages in (toy.predict(), toy.ages.median()))
    _require(error < most / 2, f"the mean error is {error:.2f} years, where that of one age for all is {most:.2f}")


def check_restart(subject: Subject) -> None:
    """a training that is stopped and goes on from its state ends with the same numbers"""
    toy, restarted, file = Toy(subject), Toy(subject), io.BytesIO()
    toy.train(0, 3)
    torch.save([each.state_dict() for each in (toy.network, toy.method, toy.optimiser)], file)
    toy.train(3, 6)
    file.seek(0)
    states = torch.load(file, weights_only=True)
    for each, state in zip((restarted.network, restarted.method, restarted.optimiser), states, strict=True):
        each.load_state_dict(state)
    restarted.train(3, 6)
    assert_close(restarted.predict(), toy.predict(), rtol=0, atol=0)
    for module, other in ((restarted.method, toy.method), (restarted.network, toy.network)):
        assert_close(module.state_dict(), other.state_dict(), rtol=0, atol=0, equal_nan=True)


def check_diagnostics(subject: Subject) -> None:
    """diagnostics are numbers and a text, change nothing, and are drawn if the class has a figure"""
    toy = Toy(subject)
    toy.train(0, 2)
    before = {name: value.clone() for name, value in toy.method.state_dict().items()}
    numbers, warning = toy.method.diagnostics()
    _require(all(isinstance(value, float) for value in numbers.values()), f"they are {numbers}")
    _require(isinstance(warning, str), f"the warning is {warning!r}")
    assert_close(dict(toy.method.state_dict()), before, rtol=0, atol=0, equal_nan=True)
    if toy.method.figure is not None:
        figure, table = resolve_name(toy.method.figure)(toy.method, pd.DataFrame(toy.diagnostics))
        _require(isinstance(figure, Figure) and isinstance(table, pd.DataFrame), "the figure is not a Figure and a table")


def check_gpu(subject: Subject) -> None:
    """loss and predictions stay on a GPU, if there is one"""
    if torch.cuda.is_available():
        method = subject.begun(device="cuda")
        features, labels, age_stds = batch(method, FACES)
        loss, _ = method.loss(features, labels, age_stds)
        method.end_epoch(lambda: features[:FACES])
        _require(loss.is_cuda and method.eval().predict(features).is_cuda, "a result is on the CPU")


def check_reference(subject: Subject) -> None:
    """an image's prediction is a finite age, and depends neither on its label nor on the other images that are asked for"""
    columns = {"image": list("abcdef"), "subject": ["1", "1", "2", None, "1", "3"], "age": [3.0, 8.5, 40.0, 5.0, 9.0, 70.0]}
    index = pd.DataFrame(columns).reindex(columns=list(load_schema("index")["properties"]))
    train, test = index[:3], index[3:].drop(columns=["age", "age_std"])
    given = train.copy(), test.copy()
    reference = subject.kind(find_options("method", subject.name, subject.options))
    predicted = np.asarray(reference.predict(train, test))
    _require(predicted.shape == (3,), f"predictions are {predicted.shape} for 3 images")
    _require(np.isfinite(predicted).all() and (predicted >= 0).all() and (predicted <= MOST_YEARS).all(), f"{predicted}")
    alone = [reference.predict(train, test[row : row + 1])[0] for row in range(3)]
    _require(np.array_equal(predicted, alone), f"together they are {predicted}, alone {alone}")
    _require(train.equals(given[0]) and test.equals(given[1]), "it changes the tables that it is given")


Check = Callable[[Subject], None]
METHOD_CHECKS: list[Check] = [
    check_options,
    check_backbone,
    check_loss,
    check_extremes,
    check_terms,
    check_batches,
    check_distribution,
    check_predictions,
    check_independence,
    check_labels,
    check_fit,
    check_restart,
    check_diagnostics,
    check_gpu,
]
REFERENCE_CHECKS: list[Check] = [check_options, check_reference]


def checks_of(kind: type) -> list[Check]:
    """Return the checks of the contract that a class keeps."""
    return REFERENCE_CHECKS if issubclass(kind, Reference) else METHOD_CHECKS


def check_method(name: str, options: dict[str, Any]) -> None:
    """Print a line for each check of a method's or a reference's contract.

    Args:
        name: short name, or module:Class.
        options: as a config gives them.

    Raises:
        InputError: the name is unknown, an option is refused, or a check fails.
    """
    find_options("method", name, options)
    subject, broken = Subject(name, options), []
    for check in checks_of(subject.kind):
        what = str(check.__doc__)
        try:
            check(subject)
        except Exception as error:  # whatever the class does
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            print(f"FAILED  {what}: {reason}")
            broken.append(what)
        else:
            print(f"ok      {what}")
    if broken:
        raise InputError(f"method '{name}' does not keep its contract: {'; '.join(broken)}")


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _small_network() -> Network:
    pooled = nn.AdaptiveAvgPool2d(8)
    return nn.Sequential(pooled, nn.Flatten(), nn.Linear(3 * 8 * 8, FEATURE_DIM)), FEATURE_DIM
