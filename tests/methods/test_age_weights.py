import math

import pytest
import torch

from pml.methods.age_weights import (
    count_classes,
    dense_weights,
    effective_number_weights,
    gaussian_kernel,
    inverse_weights,
    smooth,
)

COUNTS = [0, 1, 7, 40, 2000, 300, 3, 0, 0, 0, 0, 2]
SEEN = [k for k, n in enumerate(COUNTS) if n]


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def scaled(weights):
    """Return the weights with mean 1 over the images."""
    total = sum(n * w for n, w in zip(COUNTS, weights, strict=True))
    return [w * sum(COUNTS) / total for w in weights]


def reflected_gaussian(size, sigma):
    """A unit impulse filtered by a Gaussian that is cut at four sigma, its tails reflected at the ends again and again."""
    reach, middle = int(4 * sigma + 0.5), size // 2
    density = [math.exp(-(d**2) / (2 * sigma**2)) for d in range(-reach, reach + 1)]
    kernel = [0.0] * size
    for i in range(size):
        for d in range(-reach, reach + 1):
            position = (i + d) % (2 * size)
            if min(position, 2 * size - 1 - position) == middle:
                kernel[i] += density[d + reach]
    return [value / max(kernel) for value in kernel]


def convolved(values, kernel, at):
    """Return the convolution; `at` gives the value at an index, also beyond the ends."""
    half = len(kernel) // 2
    return [sum(kernel[half + d] * at(values, k + d) for d in range(-half, half + 1)) for k in range(len(values))]


def zero_beyond(values, k):
    return values[k] if 0 <= k < len(values) else 0.0


def mirrored(values, k):
    last = len(values) - 1
    return values[last - abs(last - abs(k))]


def test_images_are_counted_by_class():
    assert count_classes(torch.tensor([3, 0, 3, 1]), 5).tolist() == [1, 1, 0, 2, 0]


@pytest.mark.parametrize(("weighting", "invert"), [("inverse", lambda n: min(max(n, 5), 1000)), ("sqrt_inverse", math.sqrt)])
def test_inverse_weights_have_mean_one_over_the_images(weighting, invert):
    weights = inverse_weights(tensor(COUNTS), weighting).tolist()
    expected = scaled([1 / max(1, invert(n)) for n in COUNTS])
    assert weights == pytest.approx(expected, abs=1e-9)
    assert sum(n * w for n, w in zip(COUNTS, weights, strict=True)) == pytest.approx(sum(COUNTS))


@pytest.mark.parametrize(("size", "sigma"), [(1, 2.0), (5, 2.0), (5, 1.0), (9, 1.0), (3, 4.0)])
def test_kernel_is_a_filtered_impulse(size, sigma):
    assert gaussian_kernel(size, sigma).tolist() == pytest.approx(reflected_gaussian(size, sigma), abs=1e-9)


def test_kernel_of_the_papers_settings():
    assert gaussian_kernel(5, 2).tolist() == pytest.approx([0.858, 0.946, 1, 0.946, 0.858], abs=5e-4)


@pytest.mark.parametrize("size, sigma, name", [(4, 2.0, "kernel_size"), (0, 2.0, "kernel_size"), (5, 0.0, "kernel_sigma")])
def test_refused_kernel_is_named(size, sigma, name):
    with pytest.raises(ValueError, match=name):
        gaussian_kernel(size, sigma)


@pytest.mark.parametrize(("padding", "at"), [("constant", zero_beyond), ("reflect", mirrored)])
def test_smoothing_is_a_convolution_over_the_ages(padding, at):
    kernel = reflected_gaussian(5, 2)
    assert smooth(tensor(COUNTS), tensor(kernel), padding).tolist() == pytest.approx(convolved(COUNTS, kernel, at), abs=1e-9)
    columns = torch.stack([tensor(COUNTS), tensor(COUNTS[::-1])], dim=1)
    alone = [smooth(column, tensor(kernel), padding) for column in columns.unbind(1)]
    torch.testing.assert_close(smooth(columns, tensor(kernel), padding), torch.stack(alone, dim=1))


@pytest.mark.parametrize(("weighting", "invert"), [("inverse", lambda n: min(max(n, 5), 1000)), ("sqrt_inverse", math.sqrt)])
def test_smoothed_weights_invert_what_neighbours_share(weighting, invert):
    kernel = reflected_gaussian(5, 2)
    smoothed = convolved([invert(n) for n in COUNTS], kernel, zero_beyond)
    weights = inverse_weights(tensor(COUNTS), weighting, gaussian_kernel(5, 2)).tolist()
    assert weights == pytest.approx(scaled([1 / max(1, value) for value in smoothed]), abs=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999, 0.999999])
def test_effective_numbers_are_geometric_sums(beta):
    numbers = [sum(beta**i for i in range(max(n, 1))) for n in COUNTS]
    mean = sum(1 / numbers[k] for k in SEEN) / len(SEEN)
    expected = [1 / number / mean for number in numbers]
    assert effective_number_weights(tensor(COUNTS), beta).tolist() == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0, 2.0])
def test_dense_weights_fall_with_the_density(alpha):
    ages = list(range(20, 20 + len(COUNTS)))
    images = [age for age, n in zip(ages, COUNTS, strict=True) for _ in range(n)]
    mean = sum(images) / len(images)
    spread = (sum((age - mean) ** 2 for age in images) / len(images)) ** 0.5
    width = 1.06 * max(spread, 1) * len(images) ** -0.2

    def density(x):
        return sum(n * math.exp(-((x - age) ** 2) / (2 * width**2)) for age, n in zip(ages, COUNTS, strict=True))

    first, last = 21 - 4 * width, 31 + 4 * width
    grid = [first + (last - first) * i / 4095 for i in range(4096)]
    on_grid = [density(x) for x in grid]
    below = [sum(x <= age for x in grid) - 1 for age in ages]
    p = [(on_grid[max(i, 0)] - min(on_grid)) / (max(on_grid) - min(on_grid)) for i in below]
    expected = scaled([max(1 - alpha * each, 1e-6) for each in p])
    assert dense_weights(tensor(ages), tensor(COUNTS), alpha).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_one_age_alone_weighs_one():
    counts = tensor([0, 9, 0])
    for weights in (inverse_weights(counts, "inverse"), dense_weights(tensor([20, 21, 22]), counts, 0.9)):
        assert weights[1] == pytest.approx(1)
