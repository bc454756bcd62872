import math

import pytest
import torch

from pml.errors import InputError
from pml.methods.method import TrainingSet


def begun(build, batch, **options):
    method = build("arn_like", **options)
    method.begin_training(TrainingSet(batch.ages, batch.age_stds, torch.ones(5), 3))
    return method


def linear(layer, x):
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in rows]


def outputs(method, batch):
    """Each anchor has a regressor; what they say is mixed by the softmax of the anchors' affinities."""
    ages = batch.ages.tolist()
    mean = sum(ages) / 5
    spread = math.sqrt(sum((age - mean) ** 2 for age in ages) / 5)
    found = []
    for x in batch.features.tolist():
        affinity = [math.exp(each) for each in linear(method.affinity, x)]
        said = linear(method.regressor, x)
        found.append(mean + spread * sum(a / sum(affinity) * r for a, r in zip(affinity, said, strict=True)))
    return found


@pytest.mark.parametrize("anchors", [1, 3, 16])
def test_output_is_the_regressors_mixed_by_soft_assignment(build, batch, anchors):
    method = begun(build, batch, anchors=anchors)
    expected = outputs(method, batch)
    assert method.regress(batch.features).tolist() == pytest.approx(expected, abs=1e-9)
    assert method.predict(batch.features).tolist() == pytest.approx([min(max(age, 16), 40) for age in expected], abs=1e-9)
    assert method.distribution(batch.features) is None


def test_loss_is_the_absolute_error_in_years(build, batch):
    method = begun(build, batch)
    errors = [abs(output - age) for output, age in zip(outputs(method, batch), batch.ages.tolist(), strict=True)]
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(sum(errors) / 5, abs=1e-9) and terms["l1"].item() == loss.item()


def test_there_are_sixteen_anchors_by_default(build):
    assert build("arn_like").regressor.out_features == 16


def test_two_anchors_fit_a_kink_that_one_line_cannot(build, batch):
    """What the anchors are for: a piecewise linear age."""
    features = torch.zeros(21, 6, dtype=torch.float64)
    features[:, 0] = torch.linspace(-1, 1, 21)
    ages = 20 + 20 * features[:, 0].abs()

    def error(anchors):
        method = begun(build, batch, anchors=anchors)
        optimiser = torch.optim.Adam(method.parameters(), lr=0.05)
        for _ in range(300):
            optimiser.zero_grad()
            method.loss(features, ages, torch.full_like(ages, math.nan))[0].backward()
            optimiser.step()
        return (method.regress(features) - ages).abs().mean().item()

    assert error(1) > 4 and error(2) < 1


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="anchors is 0"):
        build("arn_like", anchors=0)
