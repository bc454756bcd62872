"""One test for each row of docs/fidelity.md: what the paper says, what its released code does, what happens here."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.testing import assert_close

from pml.backbones.build import build_backbone
from pml.backbones.scale import MEAN, STD
from pml.datasets import chalearn
from pml.evaluation import metrics
from pml.folds.curriculum import courses
from pml.folds.official import official, official_train
from pml.folds.setting1 import setting1, setting1_subject_exclusive
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.progressive_margin import PML
from pml.progressive_margin.class_statistics import cosine_distance
from pml.progressive_margin.margin_softmax import margin_log_softmax
from pml.reporting import figure4
from pml.suite.check import check_config
from pml.suite.settings import Augmentation
from pml.tables import load_schema
from pml.training import loop
from pml.training.augmentation import augment, random_affine
from pml.training.batch_norm import join_batch_norm
from pml.training.data import Part
from pml.training.model import Model
from tests.several_processes import run_in_processes

ROOT = Path(__file__).parents[1]
FEATURE_DIM, CLASSES = 40, 101


def both(**options) -> tuple[PML, PML]:
    """Return PML under the presets paper and released, in float64, after one batch; `options` go to both."""
    methods = []
    for preset in ("paper", "released"):
        torch.manual_seed(0)
        methods.append(PML(FEATURE_DIM, range(CLASSES), PML.Options(preset=preset, **options)).double())
        methods[-1].train().loss(*batch(0))
    return tuple(methods)


def batch(seed: int, size: int = 64):
    """Return features of lengths that differ, labels and age_stds."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(size, FEATURE_DIM, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (size,), generator=generator).double()
    return features * (1 + labels[:, None] / 20), labels, torch.full((size,), torch.nan, dtype=torch.float64)


def targets(method: PML, labels: torch.Tensor) -> torch.Tensor:
    options = method.options
    return gaussian_label_distribution(labels, method.ages, options.sigma, options.normalise, options.floor)


# The method


def test_row_01_label_distribution():
    newborn = torch.zeros(1, dtype=torch.float64)
    for method, mass in zip(both(margin_scale=0.0, expectation_l1=0.0), (1.0, 0.60), strict=True):
        target = targets(method, newborn)
        assert method.options.sigma == 2 and target.sum().item() == pytest.approx(mass, abs=0.005)
        assert (target.min() == 1e-15) == (method.options.preset == "released")
        features, labels, age_stds = batch(1)
        expected = kl_divergence(targets(method, labels), method.log_probabilities(features)).mean()
        assert_close(method.eval().loss(features, labels, age_stds)[0], expected)


def test_row_02_loss():
    paper, released = both(margin_scale=0.0)
    features, labels, age_stds = batch(1)
    (alone, terms), (loss, more) = (method.eval().loss(features, labels, age_stds) for method in (paper, released))
    assert terms.keys() == {"margin_kl"} and alone == terms["margin_kl"]
    assert_close(more["expectation_l1"], (released.predict(features) - labels).abs().mean())
    assert_close(loss, more["margin_kl"] + 1.0 * more["expectation_l1"])


def test_row_03_margin_softmax():
    paper, released = both(margin_scale=1.0, expectation_l1=0.0)
    assert paper.classifier.bias is None and released.classifier.bias is not None
    features, labels, age_stds = batch(1)
    for method in (paper.eval(), released.eval()):
        s, m = method.classifier(features), method.margins()[labels.long()]
        if method is paper:
            others = s.exp().sum(1, keepdim=True) - s.exp()
            estimate = (s - m).exp() / ((s - m).exp() + others)
            assert (estimate.sum(1) - 1).abs().min() > 1e-6, "no distribution"
        else:
            estimate = (s - m).softmax(1)
        expected = kl_divergence(targets(method, labels), estimate.log()).mean()
        assert_close(method.loss(features, labels, age_stds)[0], expected)
    huge = torch.tensor([[1e4, -1e4, 0.0]])
    assert margin_log_softmax(huge, torch.full_like(huge, 0.1)).isfinite().all()


def test_row_04_class_centre():
    for method in both():
        for seed in (1, 2):
            method.loss(*batch(seed))
        features, labels = (torch.cat([batch(seed)[part] for seed in range(3)]) for part in (0, 1))
        for age in labels.unique():
            assert_close(method.statistics.centres[int(age)], features[labels == age].mean(0))
        method.begin_epoch(0)
        assert bool(method.statistics.counts.any()) == (method.options.preset == "paper")
        method.begin_course()
        assert not method.statistics.counts.any() and not method.statistics.centres.any()


def test_row_05_inter_class_variance():
    paper, released = (method.statistics for method in both())
    j, k = paper.counts.nonzero()[:2, 0]
    a, b = paper.centres[j], paper.centres[k]
    assert_close(paper.inter_class_variance[j, k], cosine_distance(a, b))
    assert_close(paper.inter_class_variance, paper.inter_class_variance.T)
    one_sided = released.inter_class_variance
    assert_close(one_sided[k, j], (1 - a @ b / (b @ b)).clamp(0, 2))
    assert one_sided[j, k] != one_sided[k, j]
    empty = (paper.counts == 0).nonzero()[0, 0]
    for psi in (paper.inter_class_variance, one_sided):
        assert psi[empty].tolist() == [float(other != empty) for other in range(CLASSES)] and not psi.diag().any()


def test_row_06_intra_class_variance():
    paper, released = (method.statistics for method in both())
    age = paper.counts.argmax()
    features, labels, _ = batch(0)
    centre, total = torch.zeros(FEATURE_DIM, dtype=torch.float64), 0.0
    for count, x in enumerate(features[labels == age]):
        before, centre = centre, centre + (x - centre) / (count + 1)
        total = total + (cosine_distance(x, before) * cosine_distance(x, centre) if count else 0.0)
    assert paper.counts[age] > 1
    assert_close(released.intra_class_variance[age], total)
    assert_close(paper.intra_class_variance[age], total / paper.counts[age])


def test_row_07_ordinal_margin():
    paper, released = both()
    for method in (paper, released):
        before = method.branches()[0]
        method.current[:, FEATURE_DIM + 1 :] += 1  # psi
        assert method.branches()[0].equal(before) == (method.options.preset == "released")
    assert paper.ordinal_margin.network is not paper.variational_margin
    assert (paper.branches()[0] > 0).any() and (paper.branches()[0] >= 0).all()
    assert released.ordinal_margin.network is released.variational_margin
    deviations = released.variational_margin(released.current[:, : FEATURE_DIM + 1])[:, 0]
    assert 0 < (deviations < 0).sum() < CLASSES
    assert (released.branches()[0].sum(1).sign() == deviations.sign()).all()


def test_row_08_variational_margin(monkeypatch):
    for method in both():
        residuals = []
        monkeypatch.setattr(method.variational_margin, "forward", lambda v, seen=residuals: seen.append(v) or v[:, :1])
        monkeypatch.setattr(method.ordinal_margin, "forward", lambda v: torch.eye(CLASSES, dtype=torch.float64))
        before = method.statistics.concatenated()
        method.loss(*batch(1))
        ended = method.statistics.concatenated()
        assert_close(residuals[-1], ended - before)
        assert method.branches()[1].shape == (CLASSES,)
        method.begin_course()
        start = method.statistics.concatenated()
        method.loss(*batch(2))
        reference = ended if method.options.preset == "paper" else start
        assert_close(residuals[-1], method.statistics.concatenated() - reference)


def test_row_09_fusion():
    for method, correction in zip(both(), (0, 1), strict=True):
        ordinal, variational = method.branches()
        fused = 1.0 * ordinal + 0.1 * variational
        expected = 0.01 * (fused - fused.mean(1, keepdim=True)) / fused.std(1, correction=correction, keepdim=True)
        assert_close(method.margins(), expected)
        assert method.margins().abs().max() <= 0.01 * CLASSES**0.5


def test_row_10_curricula():
    ages = pd.Series(np.repeat(np.arange(20, 30), np.arange(1, 11)))
    course = courses(ages, [0.2, 0.4, 0.6, 0.8], np.random.default_rng(0))
    sizes = [ages[course <= number].value_counts().sort_index().tolist() for number in range(1, 6)]
    assert sizes == [[min(count, most) for count in range(1, 11)] for most in (2, 4, 6, 8, 10)]
    paper, _ = both()
    ended_with = paper.statistics.concatenated().clone()
    paper.begin_course()
    assert paper.instructed and paper.instructor.equal(ended_with) and not paper.statistics.counts.any()


def test_row_11_inference():
    features = batch(3)[0]
    for method in both(margin_scale=5.0):
        method.eval()
        expected = method.classifier(features).softmax(1)
        assert_close(method.distribution(features), expected)
        assert_close(method.predict(features), expected @ torch.arange(CLASSES, dtype=torch.float64))


# Training, data and scores


def demo_settings(**changes):
    """Return what a config that leaves `training` out, but for `changes`, gives to PML."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["experiments"]["fgnet_lopo"] |= {"training": changes, "validation": 0.1}
    return check_config(config)["experiments"]["fgnet_lopo"]["training"]


def as_settings(training: dict) -> SimpleNamespace:
    """Return `training` as attributes, for functions that read no more than these of `Settings`."""
    return SimpleNamespace(courses=1, **training)


def test_row_12_optimiser():
    training = demo_settings()
    stated = {"optimiser": "adam", "schedule": "cosine", "learning_rate": 1e-4, "weight_decay": 5e-4, "momentum": 0.9}
    assert {name: training[name] for name in stated} == stated
    model = Model(torch.nn.Linear(2, 2), PML(2, range(2), PML.Options()), torch.device("cpu"))
    adam = loop.build_optimiser(model, as_settings(training))
    assert type(adam) is torch.optim.Adam and adam.defaults["weight_decay"] == 5e-4 and not adam.defaults["amsgrad"]
    sgd = loop.build_optimiser(model, as_settings(training | {"optimiser": "sgd"}))
    assert type(sgd) is torch.optim.SGD and sgd.defaults["momentum"] == 0.9 and not sgd.defaults["nesterov"]
    cosine, exponential = as_settings(training), as_settings(training | {"schedule": "exponential"})
    assert loop.learning_rate_at(training["epochs"] / 2, cosine) == pytest.approx(1e-4 / 2)
    assert loop.learning_rate_at(training["epochs"], cosine) == pytest.approx(0)
    assert loop.learning_rate_at(3, exponential) == pytest.approx(1e-4 * training["decay"] ** 3)

    released = demo_settings(
        learning_rate=0.001, weight_decay=0.1, schedule="polynomial", warmup_epochs=50, warmup_from=1 / 16, epochs=300,
        nesterov=True, amsgrad=True, backbone_rate=0.1,
    )  # fmt: skip
    assert released["power"] == 0.9 and not training["partial_batch"]
    adam, sgd = (loop.build_optimiser(model, as_settings(released | {"optimiser": name})) for name in ("adam", "sgd"))
    assert adam.defaults["amsgrad"] and sgd.defaults["nesterov"]
    shares = [(group["params"][0], group["share"]) for group in sgd.param_groups]
    assert shares == [(model.backbone.weight, 0.1), (model.method.classifier.weight, 1)]
    rates = [loop.learning_rate_at(epoch, as_settings(released)) for epoch in (0, 50, 175, 300)]
    assert rates == pytest.approx([0.001 / 16, 0.001, 0.001 * 0.5**0.9, 0])


def test_row_13_augmentation():
    augmentation = Augmentation(**demo_settings()["augmentation"])
    assert augmentation.flip == 0.5 and min(augmentation.scale, augmentation.rotation, augmentation.translation) > 0
    maps = random_affine(4000, augmentation, torch.Generator().manual_seed(0))
    scale = maps[:, :, :2].det().abs().rsqrt()
    drawn = torch.stack([maps[:, 1, 1].sign() * maps[:, 0, 0], scale, maps[:, 0, 1] * scale, maps[:, 0, 2], maps[:, 1, 2]])
    assert ((drawn[0] < 0).float().mean() - 0.5).abs() < 0.03
    drawn[0] = drawn[0].sign()
    assert (drawn.corrcoef() - torch.eye(5)).abs().max() < 0.06, "drawn independently"
    assert drawn.std(1).min() > 0, "all of them vary"

    assert not augmentation.one_of and list(augmentation.colour) == [0.5, 0.5, 0.5, 0.1]
    face = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    released = Augmentation(**demo_settings(augmentation={"one_of": True, "rotation": 0})["augmentation"])
    faces = augment(face.expand(400, -1, -1, -1), released, torch.Generator().manual_seed(0))
    grey = (faces * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)).std(1).amax((1, 2)) < 1e-5
    shown = [(faces - other).abs().amax((1, 2, 3)) < 1e-4 for other in (face.flip(2), face)]
    kinds = torch.stack([*shown, grey])
    assert (kinds.sum(0) <= 1).all(), "one of them, or colour"
    expected = torch.tensor([0.5 / 4, (0.5 + 0.9 + 1) / 4, 0.1 / 4])  # mirrored, the face itself, grey; a rotation by 0 is none
    assert (kinds.float().mean(1) - expected).abs().max() < 0.09


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"optimiser": "sgd", "augmentation": {"one_of": True}}], ids=["adam", "sgd"])
def test_row_14_processes(tmp_path, changes):
    one, several = ten_steps(changes), run_in_processes(2, ten_steps, tmp_path, changes)
    assert len(one["gradients"]) == 10 and all(gradient.abs().max() > 1e-3 for gradient in one["gradients"])
    assert one["state"]["method.statistics.counts"].sum() == 10 * 7
    for each in several:
        assert_close(each, one, rtol=0, atol=1e-6)
    assert_close(*several, rtol=0, atol=0)


def ten_steps(changes: dict) -> dict:
    """Train PML on ResNet-18 in float64 for ten steps of seven images, which two processes share as three and four."""
    training = demo_settings(batch_size=7, epochs=5, learning_rate=0.001, **changes)
    training["augmentation"] = Augmentation(**training["augmentation"])
    settings = as_settings(training)
    faces = np.random.default_rng(0).integers(0, 256, (17, 32, 32, 3), np.uint8)
    index = pd.DataFrame({"age": np.linspace(20, 60, 17).round(), "age_std": np.nan})
    part = Part(index, np.arange(17), np.ones(17, int))
    torch.manual_seed(0)
    backbone, feature_dim = build_backbone("resnet18", {})
    join_batch_norm(backbone, torch.device("cpu"))
    backbone.double().register_forward_pre_hook(lambda backbone, inputs: (inputs[0].double(),))
    model = Model(backbone, PML(feature_dim, range(CLASSES), PML.Options()).double(), torch.device("cpu"))
    gradients = []

    def keep_gradients(optimiser, *_):
        of_all = [weight.grad.flatten() for group in optimiser.param_groups for weight in group["params"]]
        gradients.append(torch.cat(of_all)[::100].clone())  # all would be a gigabyte

    hook = register_optimizer_step_pre_hook(keep_gradients)
    loop.Trainer(model, settings, faces, part, observer=loop.Observer(watched={"validation": part})).train()
    hook.remove()
    parts = {"backbone": model.backbone, "method": model.method}
    state = {f"{name}.{key}": value for name, module in parts.items() for key, value in module.state_dict().items()}
    margins = model.method.margins().detach()
    return {
        "gradients": gradients,
        "state": state,
        "margins": margins,
        "history": [list(row.values()) for row in model.history],
    }


def few(ages) -> Part:
    """Return a part of eight images of these ages."""
    return Part(pd.DataFrame({"age": ages, "age_std": np.nan}), np.arange(8), np.ones(8, int))


def train_few(ages, watched=None, **changes) -> Model:
    """Train PML on eight faces of noise of these ages, with `changes` to what a config gives."""
    training = demo_settings(batch_size=4, mirror_test=False, **changes)
    training["augmentation"] = Augmentation(**training["augmentation"])
    faces = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3), np.uint8)
    torch.manual_seed(0)
    backbone = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 8))
    model = Model(backbone, PML(8, range(CLASSES), PML.Options()), torch.device("cpu"))
    loop.Trainer(model, as_settings(training), faces, few(ages), observer=loop.Observer(watched=watched or {})).train()
    return model


def test_row_15_model_selection(monkeypatch):
    ages, ends = np.linspace(20, 60, 8), []
    for validation in (None, {"validation": few(ages)}):
        errors = iter([1.0, 9.0])  # the first epoch looks better than the last
        monkeypatch.setattr(loop, "predict", lambda *_, errors=errors: (ages + next(errors), None))
        ends.append(train_few(ages, validation, epochs=2))
    assert [row["validation_mae"] for row in ends[1].history] == pytest.approx([1.0, 9.0])
    assert "validation_mae" not in ends[0].history[0]
    for name, value in ends[0].method.state_dict().items():
        assert value.equal(ends[1].method.state_dict()[name]), "validation decides nothing"
    for selection, mae in (("validation", [1.0, 9.0]), ("oracle", [9.0, 1.0])):
        errors = iter(mae)
        monkeypatch.setattr(loop, "predict", lambda *_, errors=errors: (ages + next(errors), None))
        chosen = train_few(ages, {selection: few(ages)}, epochs=2, selection=selection)
        assert chosen.selected_epoch == 1 + mae.index(1.0)
        last = chosen.method.classifier.weight.equal(ends[0].method.classifier.weight)
        assert last == (chosen.selected_epoch == 2)


def test_row_16_fgnet_score():
    released = pd.read_csv(ROOT / "pml/published/fgnet_per_subject_released.csv").set_index("subject")["mae"]
    ours = pd.read_csv(ROOT / "docs/fgnet/predictions.csv").query("method == 'pml'")  # for the images of each subject
    errors = released.loc[ours["subject"]].to_numpy()
    assert (len(ours), len(released)) == (1002, 82)
    assert metrics.mae_per_subject(errors, ours["subject"]) == pytest.approx(2.161, abs=5e-4)
    assert metrics.mae(errors) == pytest.approx(2.162, abs=5e-4)
    assert {"mae", "mae_per_subject"} <= set(load_schema("metrics")["properties"])


def test_row_17_setting1():
    index = pd.DataFrame({"image": [f"{n:03d}.jpg" for n in range(400)], "subject": [str(n // 4) for n in range(400)]})
    subject = index.set_index("image")["subject"]
    for protocol, shared in ((setting1, True), (setting1_subject_exclusive, False)):
        folds = protocol(index, seed=0)
        assert folds.equals(protocol(index, seed=0)) and not folds.equals(protocol(index, seed=1))
        for _, fold in folds.groupby("fold"):
            train, test = (fold.loc[fold["part"] == part, "image"] for part in ("train", "test"))
            assert (len(train), len(test)) == (320, 80)
            assert bool(set(subject[train]) & set(subject[test])) == shared


def test_row_18_chalearn(tmp_path, monkeypatch):
    index = pd.DataFrame({"part": ["train"] * 2476 + ["validation"] * 1136 + ["test"] * 1079})
    index["image"] = index.index.astype(str)
    assert official(index, 0)["part"].value_counts().to_dict() == {"train": 3612, "test": 1079}
    table6 = {"train": 2476, "validation": 1136, "test": 1079}
    assert official_train(index, 0)["part"].value_counts().to_dict() == table6
    (tmp_path / "Train").mkdir()
    (tmp_path / "Train/image_1.jpg").touch()
    (tmp_path / "Train.csv").write_text("image_1.jpg;27.35;3.81\n")
    [row] = chalearn.load(tmp_path, chalearn.Options()).index
    assert (row["age"], row["age_std"]) == (27.35, 3.81)
    method = both()[0]
    half, whole = (targets(method, torch.tensor([age], dtype=torch.float64)) for age in (27.35, 27.0))
    assert method.expected_age(half).item() == pytest.approx(27.35) and not half.equal(whole)
    loss = PML.loss
    for changes, expected in (({}, 27.75), ({"whole_ages": True}, 27)):
        seen = set()
        monkeypatch.setattr(PML, "loss", lambda self, *batch, seen=seen: seen.update(batch[1].tolist()) or loss(self, *batch))
        train_few([27.75] * 8, epochs=1, **changes)
        assert seen == {expected}


def test_row_19_epsilon_error():
    errors, stds = np.array([0.0, 2.0, -6.0]), np.array([3.0, 2.0, 3.0])
    each = [1 - np.exp(-(error**2) / (2 * std**2)) for error, std in zip(errors, stds, strict=True)]
    assert metrics.epsilon_error(errors, stds) == pytest.approx(np.mean(each))
    assert metrics.epsilon_error(np.tile(errors, 5), np.tile(stds, 5)) == pytest.approx(np.mean(each)), "no sum"


def test_row_20_tsne(monkeypatch):
    settings = {}

    class Recorder:
        def __init__(self, **given):
            settings.update(given)

        def fit_transform(self, features):
            return features[:, :2]

    monkeypatch.setattr(figure4, "TSNE", Recorder)
    figure4.embed(np.zeros((100, 3)))
    assert settings == {"perplexity": 20, "max_iter": 1100, "init": "pca", "random_state": 0}
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["figures"]["figure4"] |= {"head": [20, 24, 28, 32, 36, 40], "tail": [54, 57, 60, 63, 66, 69]}
    assert check_config(config)["figures"]["figure4"]["head"] == [20, 24, 28, 32, 36, 40]
    histogram = pd.read_csv(ROOT / "pml/published/fgnet_age_histogram.csv")
    head, tail = figure4.head_and_tail_ages(np.repeat(*(histogram[name].to_numpy() for name in histogram.columns[:2])))
    assert len(head) == len(tail) == 6


# The equations


@pytest.mark.parametrize("number", range(1, 14))
def test_every_equation_stands_in_one_place_of_the_code(number):
    """`Eq. N` marks the code of equation N; modules that hold several announce them as `Eqs. M-N`."""
    pattern = re.compile(rf"\bEq\. {number}\b")
    places = [path.name for path in sorted((ROOT / "pml").rglob("*.py")) for _ in pattern.findall(path.read_text())]
    assert len(places) == 1, places
