import math

import pytest
from torch.testing import assert_close

from pml.errors import InputError
from tests.baselines.long_tail import NUMBERS, begun, outputs, weighted_l1

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]


@pytest.mark.parametrize(("weights", "invert"), [("inverse", lambda n: max(n, 5)), ("sqrt_inverse", math.sqrt)])
def test_loss_is_the_error_weighted_by_smoothed_inverse_numbers(build, batch, weights, invert):
    method = begun(build, "lds", weights=weights, kernel_size=3, kernel_sigma=1.0)
    # An impulse in the middle of three entries comes back at a distance of 3, so at sigma 1 the middle has 1 + 2 e^-4.5.
    middle = 1 + 2 * math.exp(-4.5)
    side = (math.exp(-0.5) + math.exp(-2) + math.exp(-8)) / middle
    ages = range(16, 41)
    values = {age: invert(NUMBERS.get(age, 0)) for age in ages}
    smoothed = {age: values[age] + side * (values.get(age - 1, 0) + values.get(age + 1, 0)) for age in ages}
    expected = weighted_l1(outputs(method, batch.features), LABELS, {age: 1 / smoothed[age] for age in NUMBERS})
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["weighted_l1"].item() == loss.item()


def test_kernel_of_one_age_is_plain_reweighting(build):
    for weights in ("inverse", "sqrt_inverse"):
        alone = begun(build, "lds", weights=weights, kernel_size=1)
        assert_close(alone.weights, begun(build, "reweighting", weights=weights).weights)


def test_a_rare_age_beside_a_frequent_one_weighs_less_than_one_alone(build):
    weights = begun(build, "lds").weights
    assert weights[21 - 16] < weights[40 - 16]  # one image beside nine, and two images alone


@pytest.mark.parametrize(
    ("options", "words"), [({"kernel_size": 4}, "kernel_size is 4"), ({"kernel_sigma": 0}, "kernel_sigma is 0")]
)
def test_refused_option_is_named(build, options, words):
    with pytest.raises(InputError, match=words):
        build("lds", **options)
