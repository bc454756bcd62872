"""Every registered method and reference keeps its contract, and every check of the contract finds a class that breaks it."""

import pkgutil
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional

import baselines
from baselines.constant_median import ConstantMedian
from baselines.dex import DEX
from pml.errors import InputError
from pml.methods import contract
from pml.methods.contract import Subject, check_method
from pml.registry import REGISTRIES, find

NAMES = list(REGISTRIES["method"])
METHODS = [name for name in NAMES if find("method", name).reads_pixels]
CASES = [(name, check) for name in NAMES for check in contract.checks_of(find("method", name))]


def test_every_module_of_baselines_holds_one_registered_method():
    modules = [found.name for found in pkgutil.iter_modules(baselines.__path__, "baselines.")]
    registered = [path.partition(":")[0] for path in REGISTRIES["method"].values()]
    assert sorted(registered) == sorted([*modules, "pml.progressive_margin"])


@pytest.mark.parametrize("name, check", CASES, ids=[f"{name}-{check.__name__}" for name, check in CASES])
def test_contract(name, check):
    check(Subject(name, {}))


# Their gradient is not that of the value: PML's loss sees detached statistics of the batch, RankSim's ranks have none, and the
# head of Rank-N-Contrast sees detached features.
OTHER_GRADIENT = ["pml", "ranksim", "rnc"]


@pytest.mark.parametrize("name", [name for name in METHODS if name not in OTHER_GRADIENT])
def test_gradient_is_that_of_the_loss(name):
    method = Subject(name, {}).begun(range(20, 31), torch.float64).eval()  # which counts nothing
    features, labels, age_stds = contract.batch(method, 3)
    assert torch.autograd.gradcheck(lambda x: method.loss(x, labels, age_stds)[0], features.requires_grad_())


class AnyOption(DEX):
    @dataclass(frozen=True)
    class Options:
        no_such_option: int = 0


class OtherWidth(DEX):
    @classmethod
    def backbone(cls, shared, options):
        network, feature_dim = shared()
        return nn.Sequential(network, nn.Linear(feature_dim, 3)), feature_dim


class Summed(DEX):
    def loss(self, features, ages, age_stds):
        loss, terms = super().loss(features, ages, age_stds)
        return loss * torch.ones(2), terms


class BrokenByStd(DEX):
    def loss(self, features, ages, age_stds):
        loss, terms = super().loss(features, ages, age_stds)
        return loss + 1 / age_stds.nan_to_num(1.0).min(), terms


class Attached(DEX):
    def loss(self, features, ages, age_stds):
        loss, _ = super().loss(features, ages, age_stds)
        return loss, {"cross_entropy": loss}


class OwnNoise(DEX):
    def mix(self, inputs, ages, age_stds, generator):
        return inputs + torch.randn_like(inputs), ages, age_stds


class NoSum(DEX):
    def distribution(self, features):
        return 2 * super().distribution(features)


class ApartFromIt(DEX):
    def predict(self, features):
        return self.expected_age(self.distribution(features)).round()


class Outside(DEX):
    def decode(self, distribution):
        return super().decode(distribution) + 1000


class Centred(DEX):
    def distribution(self, features):
        return super().distribution(features - features.mean(0))


class Peeking(DEX):
    def loss(self, features, ages, age_stds):
        with torch.no_grad():
            self.classifier.weight.zero_()
        return super().loss(features, ages, age_stds)


class Stubborn(DEX):
    def step(self, step):
        return self.loss(step.features(step.inputs), step.ages, step.age_stds)


class Forgetful(DEX):
    """Keeps its state where no checkpoint finds it."""

    steps = 0

    def end_step(self, backbone):
        self.steps += 1

    def loss(self, features, ages, age_stds):
        loss, terms = super().loss(features, ages, age_stds)
        return loss * (1 + self.steps), terms

    def parameter_groups(self, backbone, backbone_rate):
        return [{"params": [*backbone.parameters(), *self.parameters()], "eps": 1.0}]


class Restless(DEX):
    def diagnostics(self):
        with torch.no_grad():
            self.classifier.bias.add_(1)
        return {}, ""


class OfItsBatch(ConstantMedian):
    def predict(self, train, test):
        return super().predict(train, test) + len(test)


BROKEN = [
    (AnyOption, contract.check_options),
    (OtherWidth, contract.check_backbone),
    (Summed, contract.check_loss),
    (BrokenByStd, contract.check_extremes),
    (Attached, contract.check_terms),
    (OwnNoise, contract.check_batches),
    (NoSum, contract.check_distribution),
    (ApartFromIt, contract.check_distribution),
    (Outside, contract.check_predictions),
    (Centred, contract.check_independence),
    (Peeking, contract.check_labels),
    (Stubborn, contract.check_fit),
    (Forgetful, contract.check_restart),
    (Restless, contract.check_diagnostics),
    (OfItsBatch, contract.check_reference),
]


@pytest.mark.parametrize("kind, check", BROKEN, ids=[kind.__name__ for kind, _ in BROKEN])
def test_every_check_finds_the_class_that_breaks_it(kind, check):
    with pytest.raises((AssertionError, RuntimeError)):
        check(Subject(f"{__name__}:{kind.__name__}", {}))


def test_there_is_a_broken_class_for_every_check():
    assert {check for _, check in BROKEN} == {*contract.METHOD_CHECKS, *contract.REFERENCE_CHECKS} - {contract.check_gpu}


class Dense(DEX):
    """A method with options of its own, and two views."""

    views = 2

    @dataclass(frozen=True)
    class Options:
        weight: float = 1.0

    def loss(self, features, ages, age_stds):
        first, second = features.chunk(2)
        loss = functional.cross_entropy(self.classifier(first), self.classes(ages))
        return loss + self.options.weight * (first - second).square().mean(), {"cross_entropy": loss.detach()}


def test_a_class_of_one_s_own_is_checked_line_by_line(capsys):
    check_method(f"{__name__}:Dense", {"weight": 0.5})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(contract.METHOD_CHECKS) and all(line.startswith("ok ") for line in lines)


def test_what_fails_is_named(capsys):
    with pytest.raises(InputError, match="Attached' does not keep its contract: the terms of the loss are detached"):
        check_method(f"{__name__}:Attached", {})
    [line] = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("ok ")]
    assert line.startswith("FAILED  the terms") and line.endswith("'cross_entropy' is not detached")


@pytest.mark.parametrize("name, options, words", [("kll", {}, "mean 'kl'"), ("kl", {"sigm": 1}, "mean 'sigma'")])
def test_unknown_name_or_option_is_refused_before_any_check(capsys, name, options, words):
    with pytest.raises(InputError, match=words):
        check_method(name, options)
    assert not capsys.readouterr().out
