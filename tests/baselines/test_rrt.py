from copy import deepcopy

import pytest
import torch
from torch import nn

from pml.errors import InputError
from pml.methods.contract import Subject, Toy
from pml.methods.method import Step
from tests.baselines.long_tail import NUMBERS, begun, outputs, weighted_l1

LABELS = [16.0, 20.3, 28.0, 33.6, 40.0]


def test_first_stage_is_plain_l1_and_the_second_a_weighted_one_of_a_second_head(build, batch):
    method = begun(build, "rrt", epochs=8, reinitialise=True)
    method.begin_epoch(5)
    plain = sum(abs(p - a) for p, a in zip(outputs(method, batch.features), LABELS, strict=True)) / 5
    assert method.loss(batch.features, batch.ages, batch.age_stds)[0].item() == pytest.approx(plain, abs=1e-9)
    method.begin_epoch(6)
    predicted = outputs(method, batch.features, "second_regressor")
    expected = weighted_l1(predicted, LABELS, {age: number**-0.5 for age, number in NUMBERS.items()})
    assert method.loss(batch.features, batch.ages, batch.age_stds)[0].item() == pytest.approx(expected, abs=1e-9)
    within = [min(max(p, 16), 40) for p in predicted]
    assert method.predict(batch.features).tolist() == pytest.approx(within)


@pytest.mark.parametrize(("epochs", "first"), [(1, 1), (3, 3), (4, 3), (25, 19), (120, 90)])
def test_second_stage_is_the_last_quarter(build, epochs, first):
    method = begun(build, "rrt", epochs=epochs)
    for epoch in range(epochs):
        method.begin_epoch(epoch)
        assert bool(method.retrains) == (epoch >= first)


def test_backbone_stands_still_in_the_second_stage(build, batch):
    method = begun(build, "rrt", epochs=4)
    backbone = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6)).double()
    groups = method.parameter_groups(backbone, 1.0)
    optimiser = torch.optim.AdamW([{**group, "lr": 0.01 * group.get("share", 1)} for group in groups], weight_decay=0.1)

    def backward(loss):
        optimiser.zero_grad()
        loss.backward()

    states = []
    for epoch in range(4):
        backbone.train()
        method.begin_epoch(epoch)
        method.step(Step(backbone, batch.features, batch.ages, batch.age_stds, backbone, backward, optimiser.step))
        states.append({name: value.clone() for name, value in backbone.state_dict().items()})
    assert not torch.equal(states[2]["0.weight"], states[1]["0.weight"])
    assert all(torch.equal(value, states[2][name]) for name, value in states[3].items())


@pytest.mark.parametrize("reinitialise", [True, False])
def test_second_head_begins_with_new_weights_or_those_of_the_first(build, reinitialise):
    method = begun(build, "rrt", epochs=4, reinitialise=reinitialise)
    method.begin_epoch(3)
    assert torch.equal(method.second_regressor.weight, method.regressor.weight) is not reinitialise


def test_restart_in_the_second_stage_ends_with_the_same_numbers():
    toy, restarted = Toy(Subject("rrt", {})), Toy(Subject("rrt", {}))
    toy.train(0, 50)
    for each, other in ((restarted.network, toy.network), (restarted.method, toy.method), (restarted.optimiser, toy.optimiser)):
        each.load_state_dict(deepcopy(other.state_dict()))
    assert torch.equal(restarted.predict(), toy.predict())
    toy.train(50, 52)
    restarted.train(50, 52)
    assert torch.equal(restarted.predict(), toy.predict())


def test_second_head_has_a_rate_of_its_own(build):
    method = build("rrt", retraining_rate=7.0)
    _, first, second = method.parameter_groups(nn.Linear(1, 1), 0.1)
    assert [id(each) for each in first["params"]] == [id(each) for each in method.regressor.parameters()]
    assert [id(each) for each in second["params"]] == [id(each) for each in method.second_regressor.parameters()]
    assert second["share"] == 7.0


@pytest.mark.parametrize("option", [{"retraining": 0}, {"retraining": 1}, {"retraining_rate": 0}])
def test_refused_option_is_named(build, option):
    [(name, value)] = option.items()
    with pytest.raises(InputError, match=f"{name} is {value}"):
        build("rrt", **option)
