import copy
import dataclasses
import re
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from pml.errors import InputError
from pml.tensors import save_tensors
from pml.training import loop
from pml.training.model import build_model, features_of
from tests.damage import TENSORS

CPU = torch.device("cpu")
EPOCHS, STEPS = 5, 4


@pytest.fixture
def build(settings):
    """Return a function that builds the same untrained model at every call, with changes to the settings."""

    def build(**changes):
        changed = dataclasses.replace(settings, **changes)
        torch.manual_seed(0)
        return build_model(changed, CPU), changed

    return build


def train(model, settings, data, part=None, **given):
    part = data.part(1, "train") if part is None else part
    observed = {name: given.pop(name) for name in ("checkpoint", "log", "watched", "end_course", "end_epoch") if name in given}
    loop.Trainer(model, settings, data.store, part, **given, observer=loop.Observer(**observed)).train()
    return model


def same_weights(model, other) -> bool:
    states = zip((model.backbone, model.method), (other.backbone, other.method), strict=True)
    return all(value.equal(b.state_dict()[key]) for a, b in states for key, value in a.state_dict().items())


def rates_of(scheduler, optimiser, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return [*rates, optimiser.param_groups[0]["lr"]]


def sgd(settings):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], settings.learning_rate)


def test_cosine_schedule_is_torch_s(settings):
    settings = dataclasses.replace(settings, schedule="cosine", epochs=EPOCHS)
    optimiser = sgd(settings)
    expected = rates_of(torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * STEPS), optimiser, EPOCHS * STEPS)
    found = [loop.learning_rate_at(step / STEPS, settings) for step in range(EPOCHS * STEPS + 1)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_exponential_schedule_is_torch_s(settings):
    settings = dataclasses.replace(settings, schedule="exponential", decay=0.7, epochs=EPOCHS)
    optimiser = sgd(settings)
    expected = rates_of(torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.7), optimiser, EPOCHS)
    for epoch in range(EPOCHS):
        for fraction in (0, 0.5, 0.99):
            assert loop.learning_rate_at(epoch + fraction, settings) == pytest.approx(expected[epoch])


@pytest.mark.parametrize("power", [0.9, 2])
def test_polynomial_schedule_is_torch_s(settings, power):
    settings = dataclasses.replace(settings, schedule="polynomial", power=power, epochs=EPOCHS)
    optimiser = sgd(settings)
    expected = rates_of(torch.optim.lr_scheduler.PolynomialLR(optimiser, EPOCHS * STEPS, power), optimiser, EPOCHS * STEPS)
    found = [loop.learning_rate_at(step / STEPS, settings) for step in range(EPOCHS * STEPS + 1)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_constant_schedule_is_constant(settings):
    settings = dataclasses.replace(settings, schedule="constant")
    assert {loop.learning_rate_at(epoch / 3, settings) for epoch in range(10)} == {settings.learning_rate}


@pytest.mark.parametrize("schedule", ["cosine", "polynomial", "constant"])
@pytest.mark.parametrize("warmup", [1, 2.5, EPOCHS, 2 * EPOCHS])
def test_warm_up_rises_linearly_from_zero_and_meets_the_schedule(settings, schedule, warmup):
    settings = dataclasses.replace(settings, schedule=schedule, epochs=EPOCHS, warmup_epochs=warmup)
    for epoch in np.linspace(0, min(warmup, EPOCHS), 7):
        assert loop.learning_rate_at(epoch, settings) == pytest.approx(settings.learning_rate * epoch / warmup)
    if warmup < EPOCHS:
        assert loop.learning_rate_at(warmup + 1e-9, settings) == pytest.approx(settings.learning_rate)


def test_warm_up_from_a_share_of_the_rate_is_torch_s(settings):
    settings = dataclasses.replace(settings, schedule="constant", warmup_epochs=EPOCHS, warmup_from=1 / 16)
    optimiser = sgd(settings)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimiser, 1 / 16, total_iters=EPOCHS * STEPS)
    expected = rates_of(scheduler, optimiser, EPOCHS * STEPS)
    found = [loop.learning_rate_at(step / STEPS, settings) for step in range(EPOCHS * STEPS + 1)]
    assert found == pytest.approx(expected, rel=1e-9)


def test_every_epoch_fold_and_seed_has_its_own_random_numbers():
    assert len({loop.seeds_of(seed, fold, epoch) for seed in range(4) for fold in range(4) for epoch in range(4)}) == 64
    assert 0 <= loop.seeds_of(2**32, 82, 100) < 2**63


@pytest.mark.parametrize("name, kind", [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_optimiser_holds_every_parameter_of_backbone_and_method(build, name, kind):
    model, settings = build(optimiser=name, momentum=0.8, weight_decay=0.1)
    optimiser = loop.build_optimiser(model, settings)
    assert type(optimiser) is kind
    for group, part in zip(optimiser.param_groups, (model.backbone, model.method), strict=True):
        assert group["weight_decay"] == 0.1 and group.get("momentum", 0.8) == 0.8
        assert {id(parameter) for parameter in group["params"]} == {id(parameter) for parameter in part.parameters()}


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_optimiser_is_fused_on_a_gpu(build, name):
    model, settings = build(optimiser=name)
    model.device = torch.device("cuda")
    assert loop.build_optimiser(model, settings).defaults["fused"]


@pytest.mark.parametrize(
    "changes, reference",
    [
        ({"optimiser": "sgd", "nesterov": True}, lambda *given: torch.optim.SGD(*given, momentum=0.9, nesterov=True)),
        ({"optimiser": "adam", "amsgrad": True}, lambda *given: torch.optim.Adam(*given, amsgrad=True)),
    ],
    ids=["nesterov", "amsgrad"],
)
def test_variants_of_the_optimisers_are_torch_s(build, changes, reference):
    model, settings = build(weight_decay=0, **changes)
    weight = model.method.classifier.weight
    twin = weight.detach().clone().requires_grad_()
    optimisers = loop.build_optimiser(model, settings), reference([twin], settings.learning_rate)
    for scale in (1.0, -0.1, 0.01):
        weight.grad, twin.grad = (torch.full_like(weight, scale) for _ in range(2))
        for optimiser in optimisers:
            optimiser.step()
        torch.testing.assert_close(weight, twin)


def test_backbone_has_its_share_of_the_rate(build, finished):
    one_step = {"optimiser": "sgd", "momentum": 0, "weight_decay": 0, "schedule": "constant", "epochs": 1, "batch_size": 18}
    moved = {}
    for share in (1, 0.1):
        model, settings = build(**one_step, backbone_rate=share)
        weights = model.backbone.layer4[0].conv1.weight, model.method.classifier.weight
        before = [weight.detach().clone() for weight in weights]
        train(model, settings, finished.data)
        moved[share] = [weight.detach() - start for weight, start in zip(weights, before, strict=True)]
    torch.testing.assert_close(moved[0.1][0], 0.1 * moved[1][0], rtol=1e-2, atol=1e-7)
    assert moved[1][0].abs().max() > 1e-5 and moved[0.1][1].equal(moved[1][1])


def test_only_the_last_blocks_are_trained_and_the_rest_keeps_its_statistics(build, finished):
    model, settings = build(trained_blocks=3, weight_decay=0.1)
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    after = train(model, settings, finished.data).backbone.state_dict()
    moved = {key for key, value in after.items() if not value.equal(before[key])}
    blocks = {".".join(key.split(".")[:2]) for key in moved}
    assert blocks == {"layer3.1", "layer4.0", "layer4.1"}


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_the_gradient_of_all_weights_together_is_cut_to_its_limit(build, finished, monkeypatch, limit):
    """Plain SGD at rate 1 moves the weights by the gradient, so the length of the way is the norm."""
    model, settings = build(optimiser="sgd", momentum=0, weight_decay=0, learning_rate=1, schedule="constant", clip_norm=limit)
    trainer = loop.Trainer(model, settings, finished.data.store, finished.data.part(1, "train"))
    weights = [weight for group in trainer.optimiser.param_groups for weight in group["params"]]
    ways, update = [], trainer._update

    def measured():
        before = [weight.detach().clone() for weight in weights]
        norm = float(torch.cat([weight.grad.flatten() for weight in weights]).norm())
        update()
        moved = torch.cat([(weight - old).flatten() for weight, old in zip(weights, before, strict=True)])
        ways.append((norm, float(moved.detach().norm())))

    monkeypatch.setattr(trainer, "_update", measured)
    trainer._train_epoch(0)
    for norm, way in ways:
        assert way == pytest.approx(min(norm, limit), rel=1e-3)
    assert any(norm > 0.5 for norm, _ in ways)


def test_whole_ages_are_what_training_sees_and_validation_does_not(build, finished, monkeypatch):
    model, settings = build(whole_ages=True, epochs=1)
    part, seen, loss = finished.data.part(1, "train"), [], model.method.loss
    monkeypatch.setattr(model.method, "loss", lambda *batch: seen.extend(batch[1].tolist()) or loss(*batch))
    monkeypatch.setattr(loop, "predict", lambda *_: (part.ages, None))
    train(model, settings, finished.data, watched={"validation": part})
    assert len(seen) == 16 and set(seen) <= {float(int(age)) for age in part.ages.tolist()}
    assert (part.ages % 1).any() and model.history[0]["validation_mae"] == 0


@pytest.mark.parametrize("maes, best", [([3, 1, 2], 2), ([1, 2, 3], 1), ([2, 1, 1], 2), ([3, 2, 1], 3)])
def test_selection_keeps_the_first_epoch_of_lowest_error_of_the_last_course(build, finished, monkeypatch, maes, best):
    model, settings = build(courses=2, epochs=3, selection="validation")
    part = finished.data.part(1, "test")
    ages, errors, ends = part.ages, iter([0, 0, 0, *maes]), []

    def predict(*_):
        ends.append(copy.deepcopy(model))
        return ages + next(errors), None

    monkeypatch.setattr(loop, "predict", predict)
    train(model, settings, finished.data, watched={"validation": part})
    assert model.selected_epoch == 3 + best and same_weights(model, ends[2 + best])
    assert len(model.history) == 6, "all epochs are trained"


def test_history_has_a_row_an_epoch_with_every_term(build, finished):
    model, settings = build()
    lines = []
    train(model, settings, finished.data, log=lines.append)
    assert [row["epoch"] for row in model.history] == [1, 2] and len(lines) == 2
    assert all(row.keys() == {"epoch", "learning_rate", "loss", "margin_kl"} for row in model.history)
    assert all(row["loss"] == row["margin_kl"] for row in model.history)


def test_every_epoch_begins_before_its_first_batch(build, finished, monkeypatch):
    model, settings = build()
    calls, loss = [], model.method.loss
    monkeypatch.setattr(model.method, "begin_epoch", calls.append)
    monkeypatch.setattr(model.method, "loss", lambda *arguments: calls.append("batch") or loss(*arguments))
    train(model, settings, finished.data)
    assert calls == [0, "batch", "batch", 1, "batch", "batch"]


def with_courses(part):
    """Return a training part whose first eight images are of the first course, and the others of the third."""
    return dataclasses.replace(part, courses=np.where(np.arange(len(part.store_rows)) < 8, 1, 3))


def test_each_course_trains_on_its_own_images_and_those_before_under_a_rate_that_starts_anew(build, finished, monkeypatch):
    model, settings = build(courses=3, batch_size=4)
    part = with_courses(finished.data.part(1, "train"))
    first, seen, calls, loss = set(part.ages[:8].tolist()), [], [], model.method.loss

    def watch(features, ages, age_stds):
        seen.append((len(model.history) // settings.epochs + 1, set(ages.tolist())))
        return loss(features, ages, age_stds)

    monkeypatch.setattr(model.method, "loss", watch)
    monkeypatch.setattr(model.method, "begin_course", lambda: calls.append(("begin", len(model.history))))
    train(model, settings, finished.data, part, end_course=lambda course: calls.append((f"end {course}", len(model.history))))
    assert [course for course, _ in seen] == [1] * 4 + [2] * 4 + [3] * 8
    assert all(ages <= first for course, ages in seen if course < 3)
    assert set.union(*(ages for course, ages in seen if course == 3)) - first
    assert calls == [("begin", 0), ("end 1", 2), ("begin", 2), ("end 2", 4), ("begin", 4)]
    rates = [row["learning_rate"] for row in model.history]
    assert rates[:2] == rates[2:4] and rates[0] > rates[1] and rates[2] > rates[1]


def test_one_course_of_all_images_is_training_without_curricula(build, finished):
    (plain, settings), (other, _) = build(), build()
    train(plain, settings, finished.data)
    part = finished.data.part(1, "train")
    train(other, settings, finished.data, dataclasses.replace(part, courses=np.ones(18, int)))
    assert (part.courses == 1).all() and same_weights(plain, other)


def test_diagnostics_have_a_row_an_epoch_and_looking_at_them_changes_nothing(build, finished, monkeypatch):
    (watched, settings), (alone, _) = build(), build()
    train(watched, settings, finished.data)
    monkeypatch.setattr(alone.method, "diagnostics", lambda: ({}, ""))
    train(alone, settings, finished.data)
    assert [row["epoch"] for row in watched.diagnostics] == [1, 2] and not alone.diagnostics
    assert same_weights(watched, alone) and watched.history == alone.history


def test_the_line_of_an_epoch_has_the_time_its_numbers_and_the_time_left(build, finished):
    lines, watched = [], {"validation": finished.data.part(1, "test")}
    model, _ = build(epochs=2)
    train(model, build(epochs=2)[1], finished.data, log=lines.append, watched=watched)
    first, last = (line for line in lines if "warning" not in line)
    row = model.history[0]
    numbers = f"loss {row['loss']:.4f}, validation MAE {row['validation_mae']:.2f}, learning rate {row['learning_rate']:.3g}"
    epoch = r"[\d.]+ s an epoch"
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d fold 1 seed 0 epoch 1/2 {re.escape(numbers)}, {epoch}, [\d.]+ s left", first
    )
    assert re.search(rf"epoch 2/2 loss .*, {epoch}$", last)


def test_epochs_of_milliseconds_have_a_line_a_run_and_all_rows(build, finished, monkeypatch):
    monkeypatch.setattr(loop, "LOG_SECONDS", 1)
    clock = iter(range(10**6))
    monkeypatch.setattr(loop, "monotonic", lambda: next(clock) / 10**4)
    lines, rows = [], []
    train(*build(epochs=5), finished.data, log=lines.append, end_epoch=lambda history: rows.append(dict(history[-1])))
    assert len(lines) == 1 and "epoch 5/5" in lines[0]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]


def test_epochs_of_more_than_a_second_have_a_line_each_and_a_pace_of_their_own(build, finished, monkeypatch):
    monkeypatch.setattr(loop, "LOG_SECONDS", 1)
    now = [0.0]
    monkeypatch.setattr(loop, "monotonic", lambda: now[0])
    lines = []

    def end_epoch(history):
        now[0] += 30 * len(history)

    train(*build(epochs=4), finished.data, log=lines.append, end_epoch=end_epoch)
    told = [line.partition("learning rate")[2].partition(", ")[2] for line in lines]
    assert told == ["30 s an epoch, 90 s left", "60 s an epoch, 2 min left", "90 s an epoch, 90 s left", "2 min an epoch"]


def test_margins_that_degenerate_are_warned_of_once(build, finished):
    lines = []
    train(*build(options={"margin_scale": 0.0}), finished.data, log=lines.append)
    [warning] = [line for line in lines if "warning" in line]
    assert warning.startswith("fold 1 seed 0 epoch 1 warning: margins spread by less than 0.0001")
    lines.clear()
    train(*build(), finished.data, log=lines.append)
    assert not [line for line in lines if "warning" in line]


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_remedy(build, finished):
    model, settings = build()
    with torch.no_grad():
        model.method.classifier.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="fold 1, epoch 1: the loss is nan; lower training.learning_rate"):
        train(model, settings, finished.data)


def test_bfloat16_runs_on_the_cpu_near_float32(build, finished):
    exact, low = build(epochs=1), build(epochs=1, precision="bfloat16")
    losses = [train(*each, finished.data).history[0]["loss"] for each in (exact, low)]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)
    assert all(parameter.dtype == torch.float32 for parameter in low[0].backbone.parameters())
    assert features_of(low[0], finished.data.store, np.arange(3), low[1]).dtype == torch.float32


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_backbone_trains_and_predicts_near_the_plain_one(build, finished):
    found = []
    for compiled in (False, True):
        model, settings = build(epochs=1, compile=compiled)
        model.backbone = nn.Sequential(nn.Conv2d(3, 512, 8, 8), nn.BatchNorm2d(512), nn.AvgPool2d(4), nn.Flatten())
        names = model.backbone.state_dict().keys()
        loss = train(model, settings, finished.data).history[0]["loss"]
        found.append([loss, *loop.predict(model, finished.data.store, np.arange(11), settings)[0]])
        assert (model.backbone._compiled_call_impl is not None) == compiled and model.backbone.state_dict().keys() == names
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_more_faces_than_a_batch_are_predicted_one_by_one_the_same(build, finished):
    model, settings = build(batch_size=5)
    rows = np.array([3, 17, 0, 8, 23, 11, 5])
    predicted, distribution = loop.predict(model, finished.data.store, rows, settings)
    assert predicted.shape == (7,) and distribution.shape == (7, 21)
    for number, row in enumerate(rows):
        alone, _ = loop.predict(model, finished.data.store, np.array([row]), settings)
        assert predicted[number] == pytest.approx(alone[0], rel=1e-5)


def test_mirror_test_is_the_mean_over_the_face_and_its_mirror_image(build, finished):
    model, settings = build(mirror_test=False)
    faces = np.ascontiguousarray(finished.data.store)
    rows = np.arange(4)
    plain = loop.predict(model, faces, rows, settings)
    mirrored = loop.predict(model, faces[:, :, ::-1], rows, settings)
    both = loop.predict(model, faces, rows, dataclasses.replace(settings, mirror_test=True))
    for found, one, other in zip(both, plain, mirrored, strict=True):
        np.testing.assert_allclose(found, (one + other) / 2, rtol=1e-5)
        assert not np.allclose(one, other, rtol=1e-6)


def test_prediction_changes_nothing_in_the_model(build, finished):
    model, settings = build()
    before = copy.deepcopy(model)
    loop.predict(model, finished.data.store, np.arange(4), settings)
    assert same_weights(model, before)


def tiny() -> tuple[nn.Module, int]:
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 8), nn.BatchNorm1d(8)), 8


class TestDamagedCheckpoint:
    @pytest.fixture
    def start(self, build, finished):
        """Train a small network from its first epoch, or from a checkpoint; return it and what was said."""

        def start(checkpoint=None):
            said = []
            model = train(*build(backbone=f"{__name__}:tiny"), finished.data, checkpoint=checkpoint, log=said.append)
            return model, said

        return start

    @pytest.fixture
    def checkpoint(self, start, tmp_path, monkeypatch):
        """A checkpoint of the first of two epochs."""
        with monkeypatch.context() as patch:
            patch.setattr(loop, "CHECKPOINT_SECONDS", 0)
            start(tmp_path / "checkpoint-a.pt")
        return tmp_path / "checkpoint-a.pt"

    def check_set_aside(self, start, checkpoint):
        content = checkpoint.read_bytes()
        model, said = start(checkpoint)
        assert f"{checkpoint}: " in said[0] and "its name now ends in .damaged, and the run starts over" in said[0]
        assert "weights_only" not in said[0] and "epoch 1/2" in said[1]
        assert checkpoint.with_name("checkpoint-a.pt.damaged").read_bytes() == content and not checkpoint.exists()
        whole, _ = start()
        assert same_weights(model, whole) and model.history == whole.history

    def test_a_whole_one_is_resumed(self, start, checkpoint):
        model, said = start(checkpoint)
        assert ["epoch 2/2" in line for line in said] == [True]
        assert same_weights(model, start()[0])

    @pytest.mark.parametrize("damage", TENSORS)
    def test_it_is_set_aside_and_the_run_starts_over(self, start, checkpoint, damage):
        checkpoint.write_bytes(TENSORS[damage](checkpoint.read_bytes()))
        self.check_set_aside(start, checkpoint)

    @pytest.mark.parametrize(
        "change",
        [
            lambda state: [],
            lambda state: {},
            lambda state: state | {"name": "checkpoint-b.pt"},
            lambda state: state | {"optimiser": None},
            lambda state: state | {"method": {}},
            lambda state: state | {"history": 3},
        ],
        ids=["a list", "empty", "of another run", "no optimiser", "another method", "no history"],
    )
    def test_so_is_one_of_something_else_as_if_it_had_not_been(self, start, checkpoint, change):
        save_tensors(change(torch.load(checkpoint, weights_only=True)), checkpoint)
        self.check_set_aside(start, checkpoint)
