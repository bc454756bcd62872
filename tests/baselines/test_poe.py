import math

import pytest
import torch

from baselines.poe import j_divergence, triplet_hinge
from pml.errors import InputError

MEANS = [[0.0, 1.0], [2.0, -1.0], [0.5, 0.5], [3.0, 0.0], [-1.0, 2.0]]
LOG_VARIANCES = [[0.0, 0.3], [-0.5, 0.2], [0.1, -0.1], [0.4, 0.0], [0.0, 0.0]]
AGES = [20.0, 23.0, 41.5, 23.0, 60.0]


def float64(values):
    return torch.tensor(values, dtype=torch.float64)


def kl(i, j):
    """Divergence of Gaussian i from Gaussian j, one dimension at a time."""
    total = 0.0
    for m, n, s, t in zip(MEANS[i], MEANS[j], LOG_VARIANCES[i], LOG_VARIANCES[j], strict=True):
        total += (math.exp(s) / math.exp(t) + (m - n) ** 2 / math.exp(t) - 1 + t - s) / 2
    return total


def hinges(margin):
    """Of every image, with the next one and with the one whose gap is nearest to that of the next but differs from it."""
    active = []
    for i, age in enumerate(AGES):
        second = (i + 1) % len(AGES)
        gap = abs(age - AGES[second])
        others = [j for j in range(len(AGES)) if j != i and abs(age - AGES[j]) != gap]
        third = min(others, key=lambda j: abs(abs(age - AGES[j]) - gap))
        near, far = (second, third) if gap < abs(age - AGES[third]) else (third, second)
        cost = kl(i, near) + kl(near, i) - kl(i, far) - kl(far, i) + margin
        if cost > 0:
            active.append(cost)
    return active


def test_distance_is_the_divergence_of_each_from_the_other():
    mean, log_variance = float64(MEANS), float64(LOG_VARIANCES)
    distances = j_divergence(mean, log_variance, torch.tensor([1, 2, 3, 4, 0]))
    assert distances.tolist() == pytest.approx([kl(i, (i + 1) % 5) + kl((i + 1) % 5, i) for i in range(5)], abs=1e-9)


@pytest.mark.parametrize("margin", [0.0, 1.0, 5.0])
def test_hinge_is_the_mean_over_the_triplets_out_of_order(margin):
    mean, log_variance = float64(MEANS), float64(LOG_VARIANCES)
    active = hinges(margin)
    assert active
    value = triplet_hinge(mean, log_variance, float64(AGES), margin).item()
    assert value == pytest.approx(sum(active) / len(active), abs=1e-9)


@pytest.mark.parametrize("ages", [[20.0], [20.0, 30.0], [20.0, 20.0, 20.0]])
def test_images_without_two_different_gaps_form_no_triplet(ages):
    mean, log_variance = torch.tensor(MEANS[: len(ages)]), torch.tensor(LOG_VARIANCES[: len(ages)])
    assert triplet_hinge(mean, log_variance, torch.tensor(ages), 5.0) == 0


def test_embeddings_in_the_order_of_the_ages_cost_nothing():
    ages = torch.tensor([20.0, 25.0, 35.0, 60.0])
    assert triplet_hinge(10 * ages[:, None], torch.zeros(4, 1), ages, 5.0) == 0
    assert triplet_hinge(10 * ages[[3, 0, 2, 1], None], torch.zeros(4, 1), ages, 5.0) > 0


def affine(layer, row):
    """A linear layer by hand."""
    weights, biases = layer.weight.tolist(), layer.bias.tolist()
    return [sum(w * x for w, x in zip(weight, row, strict=True)) + b for weight, b in zip(weights, biases, strict=True)]


def gaussians(method, rows):
    """Means and log-variances, the latter normalised over the batch."""
    means = [[max(value, 0.0) for value in affine(method.mean, row)] for row in rows]
    columns = []
    for column in zip(*(affine(method.log_variance, row) for row in rows), strict=True):
        centre = sum(column) / len(column)
        variance = sum((value - centre) ** 2 for value in column) / len(column)
        columns.append([(value - centre) / math.sqrt(variance + 1e-3) for value in column])
    return means, list(zip(*columns, strict=True))


def test_loss_is_of_the_draws_of_the_gaussians_and_of_their_order(build, batch):
    method = build("poe", draws=3, alpha=0.1, beta=0.2)
    means, log_variances = gaussians(method, batch.features.tolist())
    torch.manual_seed(5)
    noise = torch.randn(3, 5, 6, dtype=torch.float64).tolist()
    entropy = kl = 0.0
    for i, label in enumerate([16, 20, 28, 34, 40]):
        image = list(zip(means[i], log_variances[i], strict=True))
        for draw in noise:
            logits = affine(method.classifier, [m + math.exp(s / 2) * e for (m, s), e in zip(image, draw[i], strict=True)])
            entropy += (math.log(sum(map(math.exp, logits))) - logits[label - 16]) / 15
        kl += sum((m**2 + math.exp(s) - s - 1) / 2 for m, s in image) / 5

    torch.manual_seed(5)
    loss, terms = method.train().loss(batch.features, batch.ages, batch.age_stds)
    triplet = triplet_hinge(float64(means), float64(log_variances), batch.ages, 5.0).item()
    assert [terms[name].item() for name in ("cross_entropy", "kl", "triplet")] == pytest.approx(
        [entropy, kl, triplet], abs=1e-9
    )
    assert loss.item() == pytest.approx(entropy + 0.1 * kl + 0.2 * triplet, abs=1e-9)


def test_mean_of_the_embedding_predicts_without_a_draw(build, batch):
    method = build("poe")
    expected = []
    for mean in gaussians(method, batch.features.tolist())[0]:
        powers = [math.exp(logit) for logit in affine(method.classifier, mean)]
        expected.append(sum(k * power for k, power in zip(range(16, 41), powers, strict=True)) / sum(powers))
    assert method.predict(batch.features).tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("option, value", [("draws", 0), ("alpha", -1), ("beta", math.nan), ("margin", -1)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is"):
        build("poe", **{option: value})
