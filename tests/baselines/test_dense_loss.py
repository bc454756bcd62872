import math

import pytest
from torch.testing import assert_close

from pml.errors import InputError
from tests.baselines.long_tail import NUMBERS, begun, outputs, weighted_l1

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]


def density_weights(alpha):
    """1 - alpha p for each age, the density p from every image, scaled between its extremes on the package's grid."""
    images = [age for age, number in NUMBERS.items() for _ in range(number)]
    mean = sum(images) / len(images)
    width = 1.06 * (sum((age - mean) ** 2 for age in images) / len(images)) ** 0.5 * len(images) ** -0.2
    first, last = 16 - 4 * width, 40 + 4 * width
    grid = [first + (last - first) * i / 4095 for i in range(4096)]
    density = [sum(math.exp(-(((x - image) / width) ** 2) / 2) for image in images) for x in grid]
    least, most = min(density), max(density)
    at = {age: density[sum(x <= age for x in grid) - 1] for age in NUMBERS}
    return {age: max(1 - alpha * (at[age] - least) / (most - least), 1e-6) for age in NUMBERS}


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
def test_loss_is_the_error_weighted_against_the_density(build, batch, alpha):
    method = begun(build, "dense_loss", alpha=alpha)
    expected = weighted_l1(outputs(method, batch.features), LABELS, density_weights(alpha))
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["weighted_l1"].item() == loss.item()


def test_without_strength_it_is_plain_l1(build, batch):
    loss, terms = begun(build, "dense_loss", alpha=0.0).loss(batch.features, batch.ages, batch.age_stds)
    assert_close(loss.detach(), terms["l1"])


def test_ages_where_few_images_lie_weigh_more(build):
    weights = begun(build, "dense_loss").weights
    assert weights[40 - 16] > weights[28 - 16] > weights[20 - 16]


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="alpha is -1"):
        build("dense_loss", alpha=-1)
