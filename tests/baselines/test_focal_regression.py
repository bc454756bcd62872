import math

import pytest
from torch.testing import assert_close

from pml.errors import InputError
from tests.baselines.long_tail import begun, outputs

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]


@pytest.mark.parametrize(("name", "power"), [("l1", 1), ("l2", 2)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_loss_is_the_error_times_how_far_it_is_from_none(build, batch, name, power, gamma):
    for activation in ("sigmoid", "tanh"):
        method = begun(build, "focal_regression", loss=name, activation=activation, beta=0.3, gamma=gamma)
        expected = 0.0
        for predicted, age in zip(outputs(method, batch.features), LABELS, strict=True):
            error = abs(predicted - age)
            factor = math.tanh(0.3 * error) if activation == "tanh" else 2 / (1 + math.exp(-0.3 * error)) - 1
            expected += factor**gamma * error**power / 5
        loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
        assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["focal"].item() == loss.item()


def test_small_errors_fade(build, batch):
    method = begun(build, "focal_regression")
    for years, least, most in ((0.1, 0.0, 0.02), (30.0, 0.99, 1.0)):
        loss, terms = method.loss(batch.features, method.regress(batch.features).detach() + years, batch.age_stds)
        assert least < (loss / terms["l1"]).item() < most


def test_gradient_is_finite_where_there_is_no_error(build, batch):
    method = begun(build, "focal_regression", gamma=0.5)
    loss, _ = method.loss(batch.features, method.regress(batch.features).detach(), batch.age_stds)
    loss.backward()
    assert method.regressor.weight.grad.isfinite().all()


def test_without_gamma_it_is_plain_regression(build, batch):
    loss, terms = begun(build, "focal_regression", gamma=0.0).loss(batch.features, batch.ages, batch.age_stds)
    assert_close(loss.detach(), terms["l1"])


@pytest.mark.parametrize("option", [{"beta": 0}, {"gamma": -1}])
def test_refused_option_is_named(build, option):
    [(name, value)] = option.items()
    with pytest.raises(InputError, match=f"{name} is {value}"):
        build("focal_regression", **option)
