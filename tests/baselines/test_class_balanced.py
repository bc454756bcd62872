import math

import pytest

from pml.errors import InputError
from tests.baselines.long_tail import NUMBERS, begun

CLASSES = [0, 4, 12, 18, 24]


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999])
def test_loss_is_cross_entropy_over_the_effective_number(build, batch, probabilities, beta):
    method = begun(build, "class_balanced", beta=beta)
    effective = {age: (1 - beta**number) / (1 - beta) for age, number in NUMBERS.items()}
    mean = sum(1 / number for number in effective.values()) / len(effective)
    expected = plain = 0.0
    for k, p in zip(CLASSES, probabilities(method, batch.features), strict=True):
        plain -= math.log(p[k]) / 5
        expected -= math.log(p[k]) / effective[16 + k] / mean / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9)
    assert terms["balanced_cross_entropy"].item() == loss.item()
    assert terms["cross_entropy"].item() == pytest.approx(plain, abs=1e-9)


def test_weights_go_from_equal_to_inverse_as_beta_rises(build):
    equal, inverse = (begun(build, "class_balanced", beta=beta).weights for beta in (0.0, 0.9999999))
    assert equal[0].item() == equal[4].item() == 1
    assert (inverse[0] / inverse[4]).item() == pytest.approx(9 / 2, rel=1e-5)  # two images and nine


@pytest.mark.parametrize("beta", [-0.1, 1.0])
def test_refused_option_is_named(build, beta):
    with pytest.raises(InputError, match=f"beta is {beta}"):
        build("class_balanced", beta=beta)
