"""What each hook of the contract is for, by a small method that needs it; all survive a kill and several processes."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from pml.data_name import DataName
from pml.methods.contract import check_method
from pml.methods.method import Method, TrainingSet
from pml.training import loop, run
from pml.training.data import Part
from pml.training.model import build_model, features_of, load_model, predict
from tests.several_processes import run_in_processes
from tests.training import small_methods
from tests.training.small_methods import METHODS

CPU = torch.device("cpu")
every_method = pytest.mark.parametrize("kind", METHODS, ids=[kind.__name__ for kind in METHODS])


def path_of(kind: type) -> str:
    return f"{small_methods.__name__}:{kind.__name__}"


@pytest.fixture
def small(settings):
    """Return a function that gives the settings of a small method on the small network."""

    def small(kind: type, **changes):
        changes = {"backbone": f"{small_methods.__name__}:small", "epochs": 3} | changes
        return dataclasses.replace(settings, method=path_of(kind), **changes)

    return small


@pytest.fixture
def train(small, finished):
    """Return a function that trains a small method and returns the trainer."""

    def train(kind: type, prepare=lambda trainer: None, **changes) -> loop.Trainer:
        settings = small(kind, **changes)
        torch.manual_seed(0)
        trainer = loop.Trainer(build_model(settings, CPU), settings, finished.data.store, finished.data.part(1, "train"))
        prepare(trainer)
        trainer.train()
        return trainer

    return train


@every_method
def test_small_methods_keep_the_contract(kind, capsys):
    check_method(path_of(kind), {})


@every_method
def test_a_run_that_is_interrupted_ends_with_the_same_bytes(small, finished, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    name, settings = DataName("noise", synthetic=True), small(kind)

    def contents(folder):
        run.Run(settings, finished.data, name, 0, 1, folder, CPU, keep_model=True).finish()
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}

    def interrupt(line):
        if "epoch 3/3" in line:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "_log", interrupt)
        with pytest.raises(KeyboardInterrupt):
            contents(tmp_path / "run")
    lines = []
    monkeypatch.setattr(run, "_log", lines.append)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    assert [line.split()[7] for line in lines[:2]] == ["3/3", "1/3"], "the first went on from its checkpoint"


@every_method
def test_a_model_that_was_kept_predicts_the_same(small, finished, tmp_path, kind):
    settings, name = small(kind), DataName("noise", synthetic=True)
    run.Run(settings, finished.data, name, 0, 1, tmp_path, CPU, keep_model=True).finish()
    model, _ = load_model(tmp_path, CPU)
    predicted, _ = predict(model, finished.data.store, finished.data.part(1, "test").store_rows, settings)
    np.testing.assert_allclose(predicted, pd.read_csv(tmp_path / "predictions.csv")["predicted_age"], rtol=1e-6)


@pytest.mark.slow
def test_two_processes_train_every_method_as_one(small, tmp_path):
    settings = [small(kind, batch_size=7, epochs=2) for kind in METHODS]
    one, several = train_in_float64(settings), run_in_processes(2, train_in_float64, tmp_path, settings)
    for each in several:
        assert_close(each, one, rtol=0, atol=1e-7)
    assert_close(*several, rtol=0, atol=0)


def train_in_float64(all_settings) -> dict[str, dict[str, torch.Tensor]]:
    """Train each method on batches of seven images, which two processes share as three and four; return the weights."""
    faces = np.random.default_rng(0).integers(0, 256, (17, 32, 32, 3), np.uint8)
    part = Part(pd.DataFrame({"age": np.linspace(20, 40, 17), "age_std": np.nan}), np.arange(17), np.ones(17, int))
    ended = {}
    for settings in all_settings:
        torch.manual_seed(0)
        model = build_model(settings, CPU)
        model.backbone.double().register_forward_pre_hook(lambda backbone, inputs: (inputs[0].double(),))
        model.method.double()
        loop.Trainer(model, settings, faces, part).train()
        states = {f"{part}.{name}": value for part, state in model.weights().items() for name, value in state.items()}
        ended[settings.method] = {name: value.contiguous() for name, value in states.items()}
    return ended


def test_a_method_knows_its_training_set_and_how_far_training_is(train, finished):
    trainer = train(small_methods.Deferred, epochs=4)
    part, method = finished.data.part(1, "train"), trainer.model.method
    counts = pd.Series(part.ages.round()).value_counts()
    assert {float(age): int(method.counts[int(age) - 20]) for age in counts.index} == counts.to_dict()
    weights = [row["weight"] for row in trainer.model.history]
    assert weights[:2] == [1, 1] and weights[2] < 1 and weights[3] < 1


def test_a_training_set_has_ages_as_the_loss_sees_them_and_courses(small, finished):
    settings, part = small(small_methods.Plain, whole_ages=True, courses=2), finished.data.part(1, "train")
    part = dataclasses.replace(part, courses=1 + np.arange(18) % 2)
    model, seen = build_model(settings, CPU), []
    model.method.begin_training = seen.append
    loop.Trainer(model, settings, finished.data.store, part)
    [given] = seen
    assert isinstance(given, TrainingSet) and given.epochs == 6
    assert given.ages.tolist() == np.trunc(part.ages).tolist() and given.courses.tolist() == part.courses.tolist()
    assert given.age_stds.isnan().all()


def test_a_sampler_draws_rare_classes_as_often_as_others(train):
    seen: list[float] = []

    def watch(trainer):
        # Sixteen of the images are 20 years old, two are 40.
        ages = torch.tensor([20.0] * 16 + [40.0] * 2)
        trainer.labels[0] = ages
        trainer.model.method.begin_training(TrainingSet(ages, ages * torch.nan, torch.ones(18), 1))
        loss = trainer.model.method.loss
        trainer.model.method.loss = lambda *batch: seen.extend(batch[1].tolist()) or loss(*batch)

    train(small_methods.Sampled, watch, epochs=20)
    assert len(seen) == 20 * 16 and np.mean(np.equal(seen, 40)) == pytest.approx(0.5, abs=0.1)


def test_two_views_are_two_augmentations_of_the_same_faces(train):
    distances = {}
    still = {"flip": 0, "scale": 0, "rotation": 0, "translation": 0}
    for name, changes in (("still", still), ("moved", {"rotation": 90})):

        def change(trainer, changes=changes):
            augmentation = dataclasses.replace(trainer.settings.augmentation, **changes)
            trainer.settings = dataclasses.replace(trainer.settings, augmentation=augmentation)

        distances[name] = [row["distance"] for row in train(small_methods.TwoViews, change).model.history]
    assert max(distances["still"]) < 1e-8 and min(distances["moved"]) > 1e-5


def test_mixed_faces_have_mixed_ages(small):
    """Faces that are as bright as they are old stay so when they are mixed."""
    ages = np.linspace(20, 40, 12).astype(int)
    faces = np.broadcast_to((5 * ages).astype(np.uint8)[:, None, None, None], (12, 8, 8, 3)).copy()
    part = Part(pd.DataFrame({"age": ages * 1.0, "age_std": np.nan}), np.arange(12), np.ones(12, int))
    settings = small(small_methods.Mixed, epochs=1, batch_size=12)
    model, seen = build_model(settings, CPU), []
    model.backbone, loss = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()), model.method.loss
    model.method.classifier = torch.nn.Linear(3, 21)
    model.method.loss = lambda features, ages, stds: seen.append((features, ages)) or loss(features, ages, stds)
    loop.Trainer(model, settings, faces, part).train()
    [(features, mixed)] = seen
    assert not set(mixed.tolist()) <= set(ages.tolist())
    brightness = features[:, 0].detach() * 0.229 + 0.485
    assert_close(brightness * 255 / 5, mixed, rtol=1e-4, atol=1e-3)


def test_a_network_of_its_own_is_trained_in_place_of_the_experiment_s(train):
    trainer = train(small_methods.OwnNetwork)
    assert [type(layer).__name__ for layer in trainer.model.backbone] == ["AdaptiveAvgPool2d", "Flatten", "Linear"]
    assert trainer.model.method.feature_dim == 5


def test_initial_weights_reach_the_network_that_they_are_of(small, tmp_path):
    """The experiment's, around which a method may put its own; or that of a run of the same method."""
    torch.manual_seed(1)
    plain = build_model(small(small_methods.Plain), CPU)
    for kind in (small_methods.Plain, small_methods.Averaged):
        plain.save(tmp_path / "plain.pt")
        network = build_model(small(kind, initialisation=str(tmp_path / "plain.pt")), CPU).backbone
        for part in (network.network, network.average) if kind is small_methods.Averaged else (network,):
            assert_close(part.state_dict(), plain.backbone.state_dict(), rtol=0, atol=0)
    for kind in (small_methods.Averaged, small_methods.OwnNetwork):
        torch.manual_seed(2)
        same = build_model(small(kind), CPU)
        same.save(tmp_path / "same.pt")
        network = build_model(small(kind, initialisation=str(tmp_path / "same.pt")), CPU).backbone
        assert_close(network.state_dict(), same.backbone.state_dict(), rtol=0, atol=0)


def test_a_group_of_parameters_has_its_own_share_of_the_rate_and_its_own_decay(train):
    trainer = train(small_methods.OwnGroup, optimiser="sgd", schedule="constant")
    others, own = trainer.optimiser.param_groups
    assert own["lr"] == pytest.approx(0.5 * others["lr"]) and (others["share"], own["share"]) == (1, 0.5)
    assert own["weight_decay"] == 0 < others["weight_decay"]


def test_features_of_all_training_images_are_worked_out_at_the_end_of_an_epoch(train, finished):
    trainer = train(small_methods.Remembering)
    model, part = trainer.model, finished.data.part(1, "train")
    assert_close(model.method.memory, features_of(model, finished.data.store, part.store_rows, trainer.settings))
    predicted, distribution = predict(
        model, finished.data.store, part.store_rows, dataclasses.replace(trainer.settings, mirror_test=False)
    )
    assert distribution is None and predicted.tolist() == part.ages.tolist()


def test_features_that_nobody_asks_for_are_not_worked_out(train, monkeypatch):
    monkeypatch.setattr(loop, "features_of", lambda *_: pytest.fail("worked out"))
    train(small_methods.Plain)


def test_the_average_of_the_weights_after_each_step_predicts(train, finished):
    seen: list[dict[str, torch.Tensor]] = []

    def watch(trainer):
        method, network = trainer.model.method, trainer.model.backbone.network
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        end_step = method.end_step

        def watched(backbone):
            seen.append({name: value.clone() for name, value in network.state_dict().items()})
            end_step(backbone)

        method.end_step = watched

    trainer = train(small_methods.Averaged, watch)
    assert len(seen) == 1 + 3 * 2
    average = seen[0]["0.weight"]
    for state in seen[1:]:
        average = 0.9 * average + 0.1 * state["0.weight"]
    model, faces, rows = trainer.model, finished.data.store, np.arange(5)
    assert_close(model.backbone.average[0].weight, average)
    features = features_of(model, faces, rows, trainer.settings)
    model.backbone.network.load_state_dict(seen[0])
    assert features_of(model, faces, rows, trainer.settings).equal(features), "what trains does not predict"


def test_a_method_that_owns_its_step_may_pass_twice(train, monkeypatch):
    def weights(kind):
        return train(kind).model.backbone[0].weight

    passes: list[int] = []
    forward = torch.nn.Conv2d.forward
    monkeypatch.setattr(torch.nn.Conv2d, "forward", lambda layer, inputs: passes.append(1) or forward(layer, inputs))
    plain = weights(small_methods.Plain)
    once = len(passes)
    sharp = weights(small_methods.Sharp)
    assert len(passes) == 3 * once and not plain.equal(sharp)
    monkeypatch.setattr(small_methods.Sharp, "RADIUS", 0.0)
    assert_close(weights(small_methods.Sharp), plain)


def test_every_hook_is_called_where_the_contract_says(train):
    calls: list[str] = []
    hooks = ["begin_course", "begin_epoch", "sampling_weights", "loss", "end_step", "end_epoch", "diagnostics"]

    def watch(trainer):
        for name in hooks:
            hook = getattr(trainer.model.method, name)
            setattr(trainer.model.method, name, lambda *given, name=name, hook=hook: calls.append(name) or hook(*given))

    train(small_methods.Plain, watch, epochs=2)
    epoch = ["begin_epoch", "sampling_weights", "loss", "end_step", "loss", "end_step", "end_epoch", "diagnostics"]
    assert calls == ["begin_course", *epoch, *epoch]
    assert all(hasattr(Method, name) for name in hooks)
