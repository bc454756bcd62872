import math

import pytest

from pml.errors import InputError
from tests.baselines.long_tail import NUMBERS, begun, outputs, weighted_l1

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]


@pytest.mark.parametrize(("weights", "invert"), [("inverse", lambda n: max(n, 5)), ("sqrt_inverse", math.sqrt)])
def test_loss_is_the_error_weighted_by_inverse_numbers(build, batch, weights, invert):
    method = begun(build, "reweighting", weights=weights)
    predicted = outputs(method, batch.features)
    expected = weighted_l1(predicted, LABELS, {age: 1 / invert(number) for age, number in NUMBERS.items()})
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["weighted_l1"].item() == loss.item()
    l1 = sum(abs(p - age) for p, age in zip(predicted, LABELS, strict=True)) / 5
    assert terms["l1"].item() == pytest.approx(l1, abs=1e-9)


def test_rare_ages_weigh_more(build):
    weights = begun(build, "reweighting").weights
    assert weights[0] > weights[28 - 16] > weights[20 - 16]


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="weights is 'square'; it needs 'inverse' or 'sqrt_inverse'"):
        build("reweighting", weights="square")
