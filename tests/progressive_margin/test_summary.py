"""What is said of the margins: their numbers, and the warning when they have degenerated."""

import numpy as np
import pytest
import torch

from pml.progressive_margin import PML
from pml.progressive_margin.summary import degeneration

FEATURE_DIM, AGES = 40, range(20, 31)


def build(preset: str = "paper", **options) -> PML:
    torch.manual_seed(0)
    method = PML(FEATURE_DIM, AGES, PML.Options(preset=preset, **options)).double()
    labels = torch.tensor([20.0, 22.0, 22.0, 29.0, 30.0], dtype=torch.float64)
    method.train().loss(torch.randn(5, FEATURE_DIM, dtype=torch.float64), labels, labels * torch.nan)
    return method


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_numbers_are_those_of_the_classes_seen(preset):
    method, seen = build(preset), [0, 2, 9, 10]
    numbers, warning = method.diagnostics()
    applied = method.margins().detach().numpy()[seen]
    ordinal, variational = (values.detach().numpy() for values in method.branches())
    for name, values in (("ordinal", ordinal[seen]), ("variational", variational), ("applied", applied)):
        found = [numbers[f"{name}_{statistic}"] for statistic in ("mean", "std", "min", "max")]
        assert found == pytest.approx([values.mean(), values.std(), values.min(), values.max()])
    psi = method.statistics.inter_class_variance.numpy()
    pairs = [psi[j, k] for j in seen for k in seen if j != k]
    assert numbers["psi_mean"] == pytest.approx(np.mean(pairs))
    assert numbers["phi_mean"] == pytest.approx(method.statistics.intra_class_variance.numpy()[seen].mean())
    assert method.statistics.psi_to_others()[0] == pytest.approx(np.mean([psi[0, k] for k in seen[1:]]))
    assert len(numbers) == 14 and not warning


def test_there_is_nothing_to_say_before_the_first_image():
    assert PML(FEATURE_DIM, AGES, PML.Options()).diagnostics() == ({}, "")


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_looking_changes_nothing(preset):
    method = build(preset)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.diagnostics()
    assert all(value.equal(before[name]) for name, value in method.state_dict().items()) and method.training


@pytest.mark.parametrize(
    "options, words",
    [
        ({"margin_lambda": 0.0, "margin_beta": 0.0}, "margins of 4 of 4 classes are constant"),
        ({"margin_scale": 1e-5}, "margins spread by less than 0.0001"),
        ({"standardise": "none", "margin_scale": 1e-6}, "margins spread by less than 0.0001"),
        ({}, ""),
    ],
)
def test_degenerate_margins_are_named(options, words):
    warning = build(**options).diagnostics()[1]
    assert warning.startswith(words) and bool(warning) == bool(words)


def test_margins_that_fall_without_end_are_named_where_that_lowers_the_loss():
    rows = torch.eye(3) - 6
    assert degeneration(rows, rows).startswith("margins have fallen to -5.7 in the mean")
    assert degeneration(rows, rows, joint=True) == ""


@pytest.mark.parametrize("joint", [False, True])
def test_margins_that_move_a_logit_further_than_any_inference_would_forgive_are_named(joint):
    rows = torch.eye(3)
    assert degeneration(rows, 12 * rows, joint).startswith("margins move a logit by up to 8.0")


def test_margins_that_are_not_finite_are_named():
    rows = torch.eye(3)
    assert degeneration(rows, rows) == ""
    assert degeneration(rows, rows * torch.nan).startswith("margins are not finite")
    assert degeneration(rows / 0, rows).startswith("margins are not finite")
