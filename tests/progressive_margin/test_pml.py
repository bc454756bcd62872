"""PML as a whole: Eq. 3 over the parts that the other modules test, and what training leaves behind."""

import io

import pytest
import torch
from torch.testing import assert_close

from baselines.kl import KL
from pml.errors import InputError
from pml.label_distribution import gaussian_label_distribution, kl_divergence
from pml.method import method_options
from pml.progressive_margin import PML
from pml.progressive_margin.margin_softmax import margin_log_softmax
from pml.progressive_margin.margins import standardise_rows

AGES, FEATURE_DIM = range(20, 31), 6
CLASSES = len(AGES)


def build(**options) -> PML:
    torch.manual_seed(0)
    return PML(FEATURE_DIM, AGES, PML.Options(**options)).double()


def batch(seed: int, size: int = 8):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(size, FEATURE_DIM, generator=generator, dtype=torch.float64)
    labels = 20 + 10 * torch.rand(size, generator=generator, dtype=torch.float64)
    return features, labels, torch.full((size,), float("nan"), dtype=torch.float64)


def train(method: PML, seeds) -> list[float]:
    """Return the losses of one gradient step a batch."""
    optimiser = torch.optim.SGD(method.parameters(), lr=0.1)
    losses = []
    for seed in seeds:
        loss, _ = method.train().loss(*batch(seed))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def statistics_of(method: PML) -> dict[str, torch.Tensor]:
    kept = [*method.statistics.named_buffers(), ("previous", method.previous_statistics)]
    return {name: buffer.clone() for name, buffer in kept}


def test_margins_are_standardised_lambda_ordinal_plus_beta_variational():  # Eq. 11
    method = build(margin_lambda=0.7, margin_beta=0.3, margin_scale=2.0)
    train(method, range(3))
    v, previous = method.statistics.concatenated(), method.previous_statistics
    ordinal, variational = method.ordinal_margin(v), method.variational_margin(v - previous)
    expected = torch.empty(CLASSES, CLASSES, dtype=torch.float64)
    for j in range(CLASSES):
        row = torch.stack([0.7 * ordinal[j, k] + 0.3 * variational[k] for k in range(CLASSES)])
        expected[j] = 2.0 * (row - row.mean()) / row.std(correction=0)
    assert_close(method.eval().margins(), expected)


def test_loss_gives_a_sample_of_class_j_row_j_of_the_margins():  # Eqs. 3 and 4
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


def test_statistics_take_in_the_batch_before_its_loss():  # Algorithm 1, lines 2-9 before line 18
    method, (features, labels, age_stds) = build(), batch(0)
    expected = build().statistics
    expected.update(features, method.classes(labels))
    method.train().loss(features, labels, age_stds)
    assert_close(method.statistics.concatenated(), expected.concatenated())


def test_residual_is_to_the_previous_iteration(monkeypatch):  # Eq. 10
    method, residuals, after = build(), [], [build().statistics.concatenated()]
    forward = method.variational_margin.forward
    monkeypatch.setattr(method.variational_margin, "forward", lambda residual: residuals.append(residual) or forward(residual))
    for seed in range(3):
        train(method, [seed])
        after.append(method.statistics.concatenated())
    for t in range(3):
        assert_close(residuals[t], after[t + 1] - after[t])


def test_evaluation_changes_no_statistics():
    method = build()
    train(method, range(2))
    before = statistics_of(method)
    features, labels, age_stds = batch(5)
    method.eval()
    method.loss(features, labels, age_stds)
    method.predict(features)
    method.distribution(features)
    assert all(before[name].equal(value) for name, value in statistics_of(method).items())


def test_inference_has_no_margin():  # Sec. 3.3
    method, features = build(margin_scale=5.0), batch(7)[0]
    train(method, range(3))
    softmax = (features @ method.classifier.weight.T).softmax(1)
    expected = softmax @ torch.arange(20, 31, dtype=torch.float64)
    method.eval()
    assert_close(method.distribution(features), softmax)
    assert_close(method.predict(features), expected)
    with torch.no_grad():
        for name, value in method.state_dict().items():
            if name not in ("ages", "classifier.weight"):
                value.add_(3)
    assert_close(method.predict(features), expected)


def test_margin_networks_learn_and_statistics_pass_no_gradient():
    method, (features, labels, age_stds) = build(margin_scale=1.0), batch(0)
    features.requires_grad_()
    method.train().loss(features, labels, age_stds)[0].backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
    through_similarities = features.grad.clone()
    features.grad = None
    target = gaussian_label_distribution(labels, method.ages, 2.0)
    first_batch = build(margin_scale=1.0)
    first_batch.statistics.update(features.detach(), method.classes(labels))
    margins = first_batch.eval().margins().detach()[method.classes(labels)]
    kl_divergence(target, margin_log_softmax(first_batch.classifier(features), margins)).mean().backward()
    assert_close(features.grad, through_similarities)


def test_restored_state_continues_identically():
    method = build()
    train(method, range(3))
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    restored = PML(FEATURE_DIM, AGES, PML.Options()).double()
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert train(restored, range(3, 6)) == train(method, range(3, 6))
    assert all(value.equal(method.state_dict()[name]) for name, value in restored.state_dict().items())


def test_without_margins_it_is_the_kl_baseline():
    features, labels, age_stds = batch(0)
    method = build(margin_scale=0.0)
    torch.manual_seed(0)
    baseline = KL(FEATURE_DIM, AGES, KL.Options()).double()
    assert baseline.classifier.weight.equal(method.classifier.weight)
    gradients = []
    for each in (method, baseline):
        x = features.clone().requires_grad_()
        loss = each.loss(x, labels, age_stds)[0]
        loss.backward()
        gradients.append((loss.detach(), x.grad, each.classifier.weight.grad))
    assert_close(*gradients, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("options", [{"margin_lambda": 0.0, "margin_beta": 0.0}, {"margin_lambda": 0.0}, {"margin_beta": 0.0}])
def test_a_branch_may_be_left_out(options):
    method = build(**options)
    assert all(torch.tensor(train(method, range(5))).isfinite())
    assert all(parameter.isfinite().all() for parameter in method.parameters())


def test_expectation_l1_adds_the_error_of_the_expected_age():
    features, labels, age_stds = batch(0)
    alone, both = build().loss(features, labels, age_stds), build(expectation_l1=0.5).loss(features, labels, age_stds)
    l1 = (build().predict(features) - labels).abs().mean()
    assert_close(both[1]["expectation_l1"], l1)
    assert_close(both[0], alone[0] + 0.5 * l1)
    assert "expectation_l1" not in alone[1]


def test_free_margins_would_fall_without_end():
    """Why the rows are standardised: gradient descent on Eq. 3 alone takes any margin down, and its loss below zero."""
    similarities = torch.zeros(CLASSES, CLASSES)
    target = gaussian_label_distribution(torch.arange(20.0, 31.0), torch.arange(20.0, 31.0), 2.0)
    free = torch.zeros(CLASSES, CLASSES, requires_grad=True)
    optimiser, lowest, largest = torch.optim.Adam([free], lr=0.1), [], []
    for _ in range(400):
        loss = kl_divergence(target, margin_log_softmax(similarities, free)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        lowest.append(loss.item())
        largest.append(free.max().item())
    assert all(later < earlier for earlier, later in zip(largest, largest[1:], strict=False)) and largest[-1] < -5
    assert all(later < earlier for earlier, later in zip(lowest, lowest[1:], strict=False)) and lowest[-1] < -1
    assert standardise_rows(free.detach()).abs().max() <= CLASSES**0.5


def test_margin_moves_a_similarity_by_at_most_its_scale_times_the_root_of_the_classes():
    method = build(margin_scale=0.01)
    train(method, range(20))
    assert method.eval().margins().abs().max() <= 0.01 * CLASSES**0.5


@pytest.mark.parametrize("sigma", [0, -1, "wide"])
def test_sigma_is_years_above_zero(sigma):
    with pytest.raises(InputError, match="PML"):
        method_options("pml.progressive_margin:PML", {"sigma": sigma})
