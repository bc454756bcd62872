"""PML as a whole: the loss over the parts that the other modules test, under both presets, and what training leaves behind."""

import io
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from baselines.kl import KL
from pml.errors import InputError
from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence
from pml.progressive_margin import PML
from pml.progressive_margin.margin_softmax import margin_log_softmax
from pml.progressive_margin.margins import standardise_rows
from pml.registry import find_options

AGES, FEATURE_DIM = range(20, 31), 40
CLASSES = len(AGES)
PRESETS = ["paper", "released"]
every_preset = pytest.mark.parametrize("preset", PRESETS)


def build(preset: str = "paper", **options) -> PML:
    torch.manual_seed(0)
    return PML(FEATURE_DIM, AGES, PML.Options(preset=preset, **options)).double()


def batch(seed: int, size: int = 8):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(size, FEATURE_DIM, generator=generator, dtype=torch.float64)
    labels = 20 + 10 * torch.rand(size, generator=generator, dtype=torch.float64)
    return features, labels, torch.full((size,), float("nan"), dtype=torch.float64)


def train(method: PML, seeds) -> list[float]:
    """Return the losses of one gradient step a batch."""
    optimiser = torch.optim.SGD(method.parameters(), lr=0.05)
    losses = []
    for seed in seeds:
        loss, _ = method.train().loss(*batch(seed))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def state_of(method: PML) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in method.state_dict().items()}


def assert_same_state(method: PML, state: dict[str, torch.Tensor]) -> None:
    assert all(state[name].equal(value) for name, value in method.state_dict().items())


# Options


def test_preset_gives_only_the_defaults():
    paper, released = PML.Options(), PML.Options(preset="released")
    for name in vars(paper):
        if name in ("preset", "decoder", "sigma", "margin_lambda", "margin_beta", "margin_scale"):
            continue
        assert getattr(paper, name) != getattr(released, name), name
        switched = PML.Options(**{name: getattr(released, name)})
        assert vars(switched) == vars(paper) | {name: getattr(released, name)}
        switched = PML.Options(preset="released", **{name: getattr(paper, name)})
        assert vars(switched) == vars(released) | {name: getattr(paper, name)}
    assert PML.Options(sigma=None) == paper, "an empty value in a config is no value"


@pytest.mark.parametrize("name", [name for name in vars(PML.Options()) if name != "preset"])
@every_preset
def test_every_option_of_the_other_preset_trains_alone(preset, name):
    other = PML.Options(preset=PRESETS[1 - PRESETS.index(preset)])
    method = build(preset, **{name: getattr(other, name)})
    method.begin_epoch(0)
    assert all(map(math.isfinite, train(method, range(3))))
    assert all(parameter.isfinite().all() for parameter in method.parameters())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"preset": "papr"}, "preset is 'papr'; choose one of paper, released"),
        ({"softmax": "own"}, "softmax is 'own'; choose one of own_denominator, joint"),
        ({"standardise": "no"}, "standardise is 'no'; choose one of population, sample, none"),
        ({"normalise": "yes"}, "normalise is 'yes'; it needs true or false"),
        ({"margin_scale": "small"}, "margin_scale is 'small'; it needs a number"),
        ({"sigma": 0}, "sigma is 0; it needs a number above 0"),
        ({"floor": -1}, "floor is -1; it needs a number of at least 0"),
        ({"expectation_l1": -1}, "expectation_l1 is -1; it needs a number of at least 0"),
        ({"sigma": "wide"}, "sigma is 'wide'; it needs a number"),
        ({"softmx": "joint"}, "unknown option 'softmx'; did you mean 'softmax'"),
    ],
)
def test_refused_option_is_named_with_its_choices(options, message):
    with pytest.raises(InputError, match=f"method 'pml': {message}"):
        find_options("method", "pml", options)


# The loss of either preset, written out


def test_margins_are_standardised_lambda_ordinal_plus_beta_variational():
    method = build(margin_lambda=0.7, margin_beta=0.3, margin_scale=2.0)
    train(method, range(3))
    v, previous = method.statistics.concatenated(), method.previous
    ordinal, variational = method.ordinal_margin(v), method.variational_margin(v - previous).squeeze(1)
    expected = torch.empty(CLASSES, CLASSES, dtype=torch.float64)
    for j in range(CLASSES):
        row = torch.stack([0.7 * ordinal[j, k] + 0.3 * variational[k] for k in range(CLASSES)])
        expected[j] = 2.0 * (row - row.mean()) / row.std(correction=0)
    assert_close(method.eval().margins(), expected)


def test_loss_gives_a_sample_of_class_j_row_j_of_the_margins():
    method = build(margin_scale=1.0)
    train(method, range(2))
    features, labels, age_stds = batch(9)
    margins = method.eval().margins()
    divergences = []
    for x, label in zip(features, labels, strict=True):
        s, m = method.classifier.weight @ x, margins[int(label.round()) - 20]
        others = [torch.cat([s[:k], s[k + 1 :]]).exp().sum() for k in range(CLASSES)]
        estimate = torch.stack([(s[k] - m[k]).exp() / ((s[k] - m[k]).exp() + others[k]) for k in range(CLASSES)])
        target = gaussian_label_distribution(label[None], method.ages, 2.0)[0]
        divergences.append((target * (target / estimate).log()).sum())
    assert_close(method.loss(features, labels, age_stds)[0], torch.stack(divergences).mean())


class ReleasedByHand:
    """What the released code computes of an iteration, one image and one age at a time, on its statistics."""

    def __init__(self, method: PML):
        self.method = method
        self.centres, self.counts = np.zeros((CLASSES, FEATURE_DIM)), np.zeros(CLASSES)
        self.phi, self.psi = np.zeros(CLASSES), np.zeros((CLASSES, CLASSES))

    def loss(self, features, labels) -> float:
        before = self.table()
        classes = [round(float(label)) - AGES[0] for label in labels]
        for x, j in zip(features.numpy(), classes, strict=True):
            old = self.centres[j].copy()
            self.centres[j] = old + (x - old) / (self.counts[j] + 1)
            self.counts[j] += 1
            self.phi[j] += self.distance(x, old) * self.distance(x, self.centres[j])
        for j in range(CLASSES):
            for k in range(CLASSES):
                square = self.centres[j] @ self.centres[j]
                cosine = self.centres[j] @ self.centres[k] / square if square else 0.0
                self.psi[j, k] = 0.0 if j == k else min(max(1 - cosine, 0.0), 2.0)
        network, after = self.method.variational_margin, self.table()
        variational = network(torch.tensor(after - before))[:, 0].tolist()
        deviations = network(torch.tensor(after[:, : FEATURE_DIM + 1]))[:, 0].tolist()
        total = 0.0
        for x, label, j in zip(features.numpy(), labels.tolist(), classes, strict=True):
            width = deviations[j]
            mean = (width - min(deviations)) / (max(deviations) - min(deviations)) * CLASSES
            row = []
            for k in range(CLASSES):
                density = math.exp(-((k - mean) ** 2) / (2 * width**2)) / (math.sqrt(2 * math.pi) * width)
                row.append(density + 0.1 * variational[k])
            row = 0.01 * (np.array(row) - np.mean(row)) / np.std(row, ddof=1)
            head = self.method.classifier
            logits = head.weight.detach().numpy() @ x + head.bias.detach().numpy() - row
            estimate = np.exp(logits) / np.exp(logits).sum()
            target = [max(math.exp(-((k - label) ** 2) / 8) / (math.sqrt(2 * math.pi) * 2), 1e-15) for k in AGES]
            total += sum(t * math.log(t / q) for t, q in zip(target, estimate, strict=True))
            total += abs(estimate @ np.array(AGES) - label)
        return total / len(classes)

    def table(self) -> np.ndarray:
        return np.concatenate([self.centres, self.phi[:, None], self.psi], 1)

    @staticmethod
    def distance(a, b) -> float:
        norms = np.linalg.norm(a) * np.linalg.norm(b)
        return 1 - a @ b / norms if norms else 1.0


def test_released_preset_is_the_released_code_s_iteration():
    method = build("released", margin_scale=0.01)
    for _epoch in range(2):
        by_hand = ReleasedByHand(method)
        method.begin_epoch(0)
        for seed in range(3):
            features, labels, _ = batch(seed)
            expected = by_hand.loss(features, labels)
            assert train(method, [seed])[0] == pytest.approx(expected, rel=1e-9)


def test_expectation_l1_adds_the_error_of_the_expected_age():
    features, labels, age_stds = batch(0)
    alone, both = build().loss(features, labels, age_stds), build(expectation_l1=0.5).loss(features, labels, age_stds)
    l1 = (build().predict(features) - labels).abs().mean()
    assert_close(both[1]["expectation_l1"], l1)
    assert_close(both[0], alone[0] + 0.5 * l1)
    assert "expectation_l1" not in alone[1]


@every_preset
def test_without_margins_it_is_the_kl_baseline(preset):
    features, labels, age_stds = batch(0)
    method = build(preset, margin_scale=0.0, floor=0.0, expectation_l1=0.0, bias=False)
    torch.manual_seed(0)
    baseline = KL(FEATURE_DIM, AGES, KL.Options(normalise=method.options.normalise)).double()
    assert baseline.classifier.weight.equal(method.classifier.weight)
    gradients = []
    for each in (method, baseline):
        x = features.clone().requires_grad_()
        loss = each.loss(x, labels, age_stds)[0]
        loss.backward()
        gradients.append((loss.detach(), x.grad, each.classifier.weight.grad))
    assert_close(*gradients, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", [{"margin_lambda": 0.0, "margin_beta": 0.0}, {"margin_lambda": 0.0}, {"margin_beta": 0.0}])
@every_preset
def test_a_branch_may_be_left_out(preset, options):
    method = build(preset, **options)
    assert all(torch.tensor(train(method, range(5))).isfinite())
    assert all(parameter.isfinite().all() for parameter in method.parameters())


@every_preset
def test_margin_moves_a_similarity_by_at_most_its_scale_times_the_root_of_the_classes(preset):
    method = build(preset, margin_scale=0.01)
    train(method, range(20))
    assert method.eval().margins().abs().max() <= 0.01 * CLASSES**0.5


# Numbers


@every_preset
def test_loss_and_gradients_are_finite_for_logits_of_ten_thousand(preset):
    method, (features, labels, age_stds) = build(preset).float(), batch(0)
    with torch.no_grad():
        method.classifier.weight.mul_(1e4)
    features = features.float().requires_grad_()
    similarities = method.classifier(features)
    assert similarities.abs().max() > 1e4
    loss, _ = method.train().loss(features, labels.float(), age_stds.float())
    loss.backward()
    assert loss.isfinite() and features.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters())


@every_preset
def test_half_precision_around_the_loss_changes_nothing_within(preset):
    exact, low = build(preset).float(), build(preset).float()
    for seed in range(3):
        features, labels, age_stds = batch(seed)
        rounded, labels, age_stds = features.bfloat16(), labels.float(), age_stds.float()
        expected, _ = exact.train().loss(rounded.float(), labels, age_stds)
        with torch.autocast("cpu", torch.bfloat16):
            found, _ = low.train().loss(rounded, labels, age_stds)
        assert found.equal(expected) and found.dtype == torch.float32
    assert_same_state(low, state_of(exact))


@every_preset
def test_gradient_is_that_of_the_loss_while_the_statistics_stand(preset):
    method, (features, labels, age_stds) = build(preset, margin_scale=1.0), batch(7, size=3)
    train(method, range(3))
    method.eval()
    assert torch.autograd.gradcheck(lambda x: method.loss(x, labels, age_stds)[0], features.requires_grad_())


@every_preset
def test_margin_networks_learn_and_statistics_pass_no_gradient(preset):
    method, (features, labels, age_stds) = build(preset, margin_scale=1.0, expectation_l1=0.0, bias=False), batch(0)
    features.requires_grad_()
    method.train().loss(features, labels, age_stds)[0].backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.any() or parameter.ndim == 1, name  # batch normalisation undoes a bias before it
    through_similarities = features.grad.clone()
    features.grad = None
    observed = build(preset, margin_scale=1.0, expectation_l1=0.0, bias=False)
    observed.observe(features.detach(), method.classes(labels))
    observed.eval().loss(features, labels, age_stds)[0].backward()
    assert_close(features.grad, through_similarities)


# Statistics over iterations, epochs and courses


def test_statistics_take_in_the_batch_before_its_loss():  # Algorithm 1, lines 2-9 before line 18
    method, (features, labels, age_stds) = build(), batch(0)
    expected = build().statistics
    expected.update(features, method.classes(labels))
    method.train().loss(features, labels, age_stds)
    assert_close(method.statistics.concatenated(), expected.concatenated())


def residuals_of(method: PML, monkeypatch) -> list[torch.Tensor]:
    """Return a list that gets every input of f^V from now on."""
    residuals, forward = [], method.variational_margin.forward
    monkeypatch.setattr(method.variational_margin, "forward", lambda residual: residuals.append(residual) or forward(residual))
    return residuals


def test_residual_is_to_the_previous_iteration(monkeypatch):
    method, after = build(), [build().statistics.concatenated()]
    residuals = residuals_of(method, monkeypatch)
    for seed in range(3):
        train(method, [seed])
        after.append(method.statistics.concatenated())
    for t in range(3):
        assert_close(residuals[t], after[t + 1] - after[t])


@pytest.mark.parametrize("residual", ["course", "iteration", "boundary"])
def test_from_the_second_course_on_the_residual_is_to_the_end_of_the_one_before(monkeypatch, residual):
    method = build(residual=residual)
    residuals, empty = residuals_of(method, monkeypatch), method.statistics.concatenated()
    for course in range(3):
        instructor, ended = method.instructor.clone(), method.statistics.concatenated()
        method.begin_course()
        if course:
            instructor = ended
        assert bool(method.instructed) == (course > 0) and method.instructor.equal(instructor)
        assert method.statistics.concatenated().equal(empty)
        before = empty
        for seed in range(3):
            train(method, [10 * course + seed])
            after = method.statistics.concatenated()
            reference = {"iteration": before, "course": instructor if course else before, "boundary": instructor}[residual]
            assert_close(residuals[-1], after - reference)
            before = after


@pytest.mark.parametrize(
    "bounded",
    [{"margin_scale": 1}, {"softmax": "joint", "standardise": "none", "margin_beta": 1, "margin_scale": 1}],
    ids=["own_denominator", "joint"],
)
def test_only_against_a_boundary_does_the_first_course_learn_a_smaller_margin_for_a_frequent_class(bounded):
    """From one iteration to the next hardly anything changes, and nothing that tells a frequent class from a rare one."""
    correlations = {}
    for residual in ("boundary", "course"):
        method = build(residual=residual, margin_lambda=0, **bounded)
        optimiser, generator = torch.optim.Adam(method.parameters(), lr=0.01), torch.Generator().manual_seed(1)
        centres = torch.randn(CLASSES, FEATURE_DIM, generator=generator, dtype=torch.float64)
        frequency = torch.arange(CLASSES, 0, -1).double()  # of a class, as the exponent of 2
        for _ in range(150):
            classes = torch.multinomial(2**frequency, 32, True, generator=generator)
            features = centres[classes] + torch.randn(32, FEATURE_DIM, generator=generator, dtype=torch.float64)
            loss, _ = method.loss(features, 20.0 + classes, torch.full((32,), math.nan, dtype=torch.float64))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        variational = method.margins()[0].detach()
        correlations[residual] = np.corrcoef(frequency, variational)[0, 1]
    assert correlations["boundary"] < -0.9 and correlations["course"] > -0.75, correlations


@every_preset
def test_statistics_start_again_with_an_epoch_if_the_option_says_so(preset):
    method = build(preset)
    train(method, range(2))
    before = state_of(method)
    method.begin_epoch(0)
    if preset == "paper":
        assert_same_state(method, before)
    else:
        assert not method.current.any() and not any(buffer.any() for buffer in method.statistics.buffers())
        fresh = build(preset)
        fresh.load_state_dict(state_of(method))
        for seed in range(3):
            features, labels, _ = batch(seed)
            fresh.statistics.update(features, fresh.classes(labels))
            train(method, [seed])
        assert_close(method.current, fresh.statistics.concatenated())


@every_preset
def test_restored_state_continues_identically(preset):
    method, restored = build(preset), build(preset)
    for each in (method, restored):
        each.begin_course()
        each.begin_epoch(0)
    train(method, range(3))
    method.begin_course()
    method.begin_epoch(0)
    train(method, range(3, 6))
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    restored.load_state_dict(torch.load(file, weights_only=True))
    for each in (method, restored):
        each.begin_epoch(0)
    assert train(restored, range(6, 9)) == train(method, range(6, 9))
    assert_same_state(restored, state_of(method))


# Evaluation


@every_preset
def test_evaluation_changes_no_state_and_labels_change_no_prediction(preset):
    method = build(preset)
    train(method, range(2))
    before, features = state_of(method), batch(5)[0]
    method.eval()
    predicted = method.predict(features)
    for labels in (batch(5)[1], torch.full((8,), 30.0, dtype=torch.float64)):
        method.loss(features, labels, batch(5)[2])
        assert method.predict(features).equal(predicted)
    method.distribution(features)
    method.margins()
    assert_same_state(method, before)


@every_preset
def test_inference_has_no_margin(preset):  # Sec. 3.3
    method, features = build(preset, margin_scale=5.0), batch(7)[0]
    train(method, range(3))
    bias = method.classifier.bias if method.options.bias else 0
    softmax = (features @ method.classifier.weight.T + bias).softmax(1)
    expected = softmax @ torch.arange(20, 31, dtype=torch.float64)
    method.eval()
    assert_close(method.distribution(features), softmax)
    assert_close(method.predict(features), expected)
    with torch.no_grad():
        for name, value in method.state_dict().items():
            if name != "ages" and not name.startswith("classifier."):
                value.copy_(value + 3)
    assert_close(method.predict(features), expected)


# The collapse: what the loss does to margins that nothing bounds


def minimise(log_softmax, similarities: torch.Tensor, steps: int = 400) -> tuple[torch.Tensor, list[float], list[float]]:
    """Return margins that descent is free to choose for each class, and the loss and the largest margin of each step."""
    target = gaussian_label_distribution(torch.arange(20.0, 31.0), torch.arange(20.0, 31.0), 2.0)
    free = torch.zeros(CLASSES, CLASSES, requires_grad=True)
    optimiser, losses, largest = torch.optim.Adam([free], lr=0.1), [], []
    for _ in range(steps):
        loss = kl_divergence(target, log_softmax(similarities, free)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        largest.append(free.max().item())
    return free.detach(), losses, largest


def test_free_margins_under_own_denominators_fall_without_end():
    """As written, every entry nears 1 as its margin nears minus infinity: the loss falls to minus the target's entropy."""
    free, losses, largest = minimise(margin_log_softmax, torch.zeros(CLASSES, CLASSES))
    target = gaussian_label_distribution(torch.arange(20.0, 31.0), torch.arange(20.0, 31.0), 2.0)
    infimum = (target * target.log()).sum(1).mean().item()
    assert all(later < earlier for earlier, later in zip(largest, largest[1:], strict=False)) and largest[-1] < -5
    assert all(later < earlier for earlier, later in zip(losses, losses[1:], strict=False))
    assert losses[-1] == pytest.approx(infimum, abs=0.05) and losses[-1] > infimum
    lower = kl_divergence(target, margin_log_softmax(torch.zeros(CLASSES, CLASSES), free - 10)).mean().item()
    assert infimum - 1e-5 <= lower < losses[-1]


@pytest.mark.parametrize("seed", range(2))
def test_free_margins_under_a_joint_softmax_give_the_answer_away(seed):
    """softmax(s - m) ignores a shift of m, so nothing falls; but m = s - log y makes the loss 0 whatever the features say."""
    labels = torch.arange(20.0, 31.0)
    target = gaussian_label_distribution(labels, labels, 2.0)
    similarities = torch.randn(CLASSES, CLASSES, generator=torch.Generator().manual_seed(seed))

    def joint(s: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
        return (s - m).log_softmax(1)

    assert_close(joint(similarities, torch.full((CLASSES, CLASSES), -50.0)), similarities.log_softmax(1))
    free, losses, _ = minimise(joint, similarities)
    exact = similarities - target.log()
    assert losses[0] > 0.5 and losses[-1] < 1e-3
    assert_close(joint(similarities, exact).exp(), target)
    gradient = torch.autograd.grad(kl_divergence(target, joint(similarities.requires_grad_(), exact)).mean(), similarities)[0]
    assert gradient.abs().max() < 1e-6, "the features learn nothing more"


@every_preset
def test_either_preset_bounds_its_margins_by_standardising_their_rows(preset):
    """The completion: whatever the networks give, a row has mean 0 and spread 0.01, so it can neither fall nor answer."""
    method = build(preset)
    train(method, range(2))
    with torch.no_grad():
        for parameter in (*method.ordinal_margin.parameters(), *method.variational_margin.parameters()):
            parameter.mul_(100)
    margins = method.margins()
    spread = margins.std(1, correction=int(preset == "released"))
    assert method.options.standardise != "none" and method.options.margin_scale == 0.01
    assert_close(margins.mean(1), torch.zeros(CLASSES, dtype=torch.float64), atol=1e-12, rtol=0)
    assert_close(spread, torch.full((CLASSES,), 0.01, dtype=torch.float64))
    assert standardise_rows(torch.full((2, CLASSES), -1e6)).abs().max() == 0
