import pytest
import torch

from pml.errors import InputError
from pml.methods.method import TrainingSet


def begun(build, batch, **options):
    method = build("regression", **options)
    method.begin_training(TrainingSet(batch.ages, batch.age_stds, torch.ones(5), 3))
    return method


def outputs(method, batch):
    """The head by hand: its output counts standard deviations of the training ages from their mean."""
    weight, bias, ages = method.regressor.weight[0].tolist(), method.regressor.bias.item(), batch.ages.tolist()
    mean = sum(ages) / len(ages)
    spread = (sum((age - mean) ** 2 for age in ages) / len(ages)) ** 0.5
    return [mean + spread * (bias + sum(w * x for w, x in zip(weight, row, strict=True))) for row in batch.features.tolist()]


def huber(error, delta=2.0):
    return error**2 / 2 if abs(error) <= delta else delta * (abs(error) - delta / 2)


@pytest.mark.parametrize(("name", "cost"), [("l1", abs), ("l2", lambda error: error**2), ("huber", huber)])
def test_loss_is_the_mean_cost_of_an_error(build, batch, name, cost):
    method = begun(build, batch, loss=name, delta=2.0)
    errors = [output - age for output, age in zip(outputs(method, batch), batch.ages.tolist(), strict=True)]
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(sum(map(cost, errors)) / 5, abs=1e-9) and terms[name].item() == loss.item()


def test_prediction_is_the_output_within_the_ages(build, batch):
    method = begun(build, batch)
    expected = [min(max(output, 16), 40) for output in outputs(method, batch)]
    assert method.predict(batch.features).tolist() == pytest.approx(expected)
    assert method.distribution(batch.features) is None


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="delta is 0"):
        build("regression", delta=0)
    with pytest.raises(InputError, match="loss is 'l3'; it needs 'l1' or 'l2' or 'huber'"):
        build("regression", loss="l3")
