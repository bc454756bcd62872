import math

import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError
from tests.baselines.long_tail import NUMBERS, begun, outputs, training_set, weighted_l1

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]
AGES = range(16, 41)


def features_of_epoch(seed):
    return torch.randn(len(training_set().ages), 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moments(features):
    """Return mean and unbiased variance of one feature for each age that has images."""
    found = {}
    ages = training_set().ages.tolist()
    for age, number in NUMBERS.items():
        values = [value for value, label in zip(features.tolist(), ages, strict=True) if label == age]
        mean = sum(values) / number
        found[age] = mean, sum((value - mean) ** 2 for value in values) / max(number - 1, 1)
    return found


def smoothed(values):
    """Average over the ages that have images under the kernel, its ends mirrored."""
    kernel = papers_kernel()

    def at(age):
        return values.get(32 - age if age < 16 else 80 - age if age > 40 else age)

    found = {}
    for age in NUMBERS:
        near = [(kernel[d + 2], at(age + d)) for d in range(-2, 3) if at(age + d) is not None]
        found[age] = sum(w * value for w, value in near) / sum(w for w, _ in near)
    return found


def papers_kernel():
    """The kernel as five Gaussians whose tails come back from the neighbouring copies, five ages apart."""
    density = [math.exp(-(d**2) / 8) for d in range(9)]
    raw = [density[0] + 2 * density[5], density[1] + density[4] + density[6], density[2] + density[3] + density[7] + density[8]]
    middle, one, two = (value / raw[0] for value in raw)
    return [two, one, middle, one, two]


def calibrated(value, label, kept):
    """Return a value with the smoothed moments in place of its age's own."""
    means = {age: mean for age, (mean, _) in kept.items()}
    variances = {age: variance for age, (_, variance) in kept.items()}
    age = round(label)
    if not variances.get(age):
        return value
    ratio = min(max(smoothed(variances)[age] / variances[age], 0.1), 10)
    return (value - means[age]) * math.sqrt(ratio) + smoothed(means)[age]


def by_hand(batch, epochs):
    """Return the calibrated features after epochs whose moments are averaged with momentum .9."""
    rows = [[0.0] * 6 for _ in LABELS]
    for d in range(6):
        kept = moments(epochs[0][:, d])
        for features in epochs[1:]:
            latest = moments(features[:, d])
            kept = {age: tuple(0.9 * old + 0.1 * new for old, new in zip(kept[age], latest[age], strict=True)) for age in kept}
        for row, label in enumerate(LABELS):
            rows[row][d] = calibrated(batch.features[row, d].item(), label, kept)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_features_take_on_the_smoothed_moments_of_their_age(build, batch, number):
    method, epochs = begun(build, "fds").train(), [features_of_epoch(seed) for seed in range(number)]
    for features in epochs:
        method.end_epoch(lambda features=features: features)
    expected = by_hand(batch, epochs)
    assert_close(method.calibrate(batch.features, batch.ages), expected, rtol=0, atol=1e-9)
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    errors = [abs(p - age) for p, age in zip(outputs(method, expected), LABELS, strict=True)]
    assert loss.item() == pytest.approx(sum(errors) / 5, abs=1e-9) and terms["l1"].item() == loss.item()


def test_features_are_as_they_are_in_the_first_epoch_and_in_prediction(build, batch):
    method = begun(build, "fds").train()
    assert_close(method.calibrate(batch.features, batch.ages), batch.features)
    method.end_epoch(lambda: features_of_epoch(0))
    before = method.eval().predict(batch.features)
    plain, _ = method.loss(batch.features, batch.ages, batch.age_stds)
    assert plain.item() == pytest.approx(
        sum(abs(p - a) for p, a in zip(outputs(method, batch.features), LABELS, strict=True)) / 5
    )
    assert_close(before, method.regress(batch.features).clamp(16, 40))


def test_kernel_of_one_age_changes_nothing(build, batch):
    method = begun(build, "fds", kernel_size=1).train()
    method.end_epoch(lambda: features_of_epoch(0))
    assert_close(method.calibrate(batch.features, batch.ages), batch.features)


def test_an_age_of_one_image_and_an_age_of_none_keep_their_features(build, batch):
    method = begun(build, "fds").train()
    method.end_epoch(lambda: features_of_epoch(0))
    ages = torch.tensor([21.0, 17.0, 21.0, 30.0, 39.0], dtype=torch.float64)
    assert_close(method.calibrate(batch.features, ages), batch.features)


def test_neighbouring_ages_come_closer(build):
    """Ages 20 and 21 differ by more in their features than their smoothed means do."""
    method = begun(build, "fds").train()
    method.end_epoch(lambda: features_of_epoch(0))
    means, smoothed_means = method.means, method.smoothed_means
    assert (smoothed_means[4] - smoothed_means[5]).norm() < (means[4] - means[5]).norm() / 2


@pytest.mark.parametrize("weights", ["none", "sqrt_inverse", "lds"])
def test_loss_is_weighted_if_asked(build, batch, weights):
    method = begun(build, "fds", weights=weights)
    if weights == "none":
        inverse = dict.fromkeys(NUMBERS, 1.0)
    elif weights == "sqrt_inverse":
        inverse = {age: number**-0.5 for age, number in NUMBERS.items()}
    else:
        inverse = {
            age: weight for age, weight in zip(AGES, begun(build, "lds").weights.tolist(), strict=True) if age in NUMBERS
        }
    expected = weighted_l1(outputs(method, batch.features), LABELS, inverse)
    assert method.loss(batch.features, batch.ages, batch.age_stds)[0].item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("option", [{"kernel_size": 2}, {"kernel_sigma": -1}, {"momentum": 1}])
def test_refused_option_is_named(build, option):
    [(name, value)] = option.items()
    with pytest.raises(InputError, match=f"{name} is {value}"):
        build("fds", **option)
