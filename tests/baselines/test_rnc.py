import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from baselines.rnc import rank_n_contrast
from pml.errors import InputError

VIEWS = torch.tensor([[0, 0], [1, 0.5], [3, -1], [0.3, 0.1], [1.2, 0.4], [2.8, -0.7]], dtype=torch.float64)
THREE = torch.tensor([20.0, 22.0, 40.0], dtype=torch.float64)


def contrast(features, ages, temperature):
    """The paper's equation, a pair at a time."""
    rows, total = range(len(ages)), 0.0
    for i in rows:
        for j in rows:
            if j != i:
                far = [k for k in rows if k != i and abs(ages[i] - ages[k]) >= abs(ages[i] - ages[j])]
                similarity = {k: -math.dist(features[i], features[k]) / temperature for k in far}
                total -= math.log(math.exp(similarity[j]) / sum(map(math.exp, similarity.values())))
    return total / (len(ages) * (len(ages) - 1))


@pytest.mark.parametrize("temperature", [2.0, 0.3])
def test_loss_is_the_contrast_of_all_pairs_of_both_views_plus_the_absolute_error(build, temperature):
    method = build("rnc", temperature=temperature)
    features = torch.randn(2 * 9, 6, generator=torch.Generator().manual_seed(0)).double()
    ages = torch.tensor([16.0, 20.3, 20.3, 24.0, 28.0, 28.0, 33.6, 36.0, 40.0]).double()
    expected = contrast(features.tolist(), 2 * ages.tolist(), temperature)
    l1 = sum(abs(a - b) for a, b in zip(method.regress(features).tolist(), 2 * ages.tolist(), strict=True)) / 18
    loss, terms = method.loss(features, ages, ages)
    assert terms["contrast"].item() == pytest.approx(expected, abs=1e-9)
    assert terms["l1"].item() == pytest.approx(l1, abs=1e-9)
    assert loss.item() == pytest.approx(expected + l1, abs=1e-9)


def test_contrast_has_the_values_of_the_released_code():
    assert rank_n_contrast(VIEWS, THREE.repeat(2), 2).item() == pytest.approx(0.935498, abs=1e-6)
    assert rank_n_contrast(VIEWS[:3].repeat(2, 1), THREE.repeat(2), 2).item() == pytest.approx(0.896673, abs=1e-6)


def test_gradient_of_the_contrast_is_that_of_the_equation():
    assert torch.autograd.gradcheck(lambda x: rank_n_contrast(x, THREE.repeat(2), 2), VIEWS.clone().requires_grad_())


def test_head_learns_on_features_that_the_contrast_alone_shapes(build, batch):
    method = build("rnc")
    both, alone = (torch.cat([batch.features, -batch.features]).requires_grad_() for _ in range(2))
    method.loss(both, batch.ages, batch.age_stds)[0].backward()
    rank_n_contrast(alone, batch.ages.repeat(2), 2).backward()
    assert_close(both.grad, alone.grad)
    assert method.regressor.weight.grad.any()


def test_views_that_are_the_same_have_a_finite_gradient(build, batch):
    features = batch.features.repeat(2, 1).requires_grad_()
    build("rnc").loss(features, batch.ages, batch.age_stds)[0].backward()
    assert features.grad.isfinite().all()


def test_descent_orders_distances_of_features_by_distances_of_ages():
    torch.manual_seed(0)
    features, ages = nn.Parameter(torch.randn(10, 4).double()), torch.linspace(16, 40, 10).double()
    optimiser = torch.optim.Adam([features], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        rank_n_contrast(features, ages, 2).backward()
        optimiser.step()
    distances = torch.cdist(features, features)[0]
    assert distances.argsort().tolist() == list(range(10))


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="temperature is 0"):
        build("rnc", temperature=0)
