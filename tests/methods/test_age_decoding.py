"""The ways to decode a distribution over the ages, each against its definition."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pml.methods.age_classifier import decode
from pml.registry import find, find_options

WEIGHTS = st.lists(st.integers(0, 50), min_size=2, max_size=30).filter(sum)


@given(WEIGHTS)
def test_each_decoder_is_its_definition(weights):
    probabilities, ages = np.array(weights) / np.sum(weights), np.arange(16, 16 + len(weights))
    distribution, labels = torch.from_numpy(probabilities[None]), torch.tensor(ages, dtype=torch.float64)
    assert decode(distribution, labels, "expectation").item() == pytest.approx((probabilities * ages).sum())
    assert probabilities[int(decode(distribution, labels, "argmax").item()) - 16] == probabilities.max()
    costs = [(probabilities * np.abs(ages - age)).sum() for age in ages]
    chosen = decode(distribution, labels, "median").item()
    assert costs[int(chosen) - 16] == pytest.approx(min(costs), abs=1e-9)


@pytest.mark.parametrize("name", ["kl", "dex", "dldl_v2", "logit_adjustment", "pml"])
def test_an_option_of_every_method_with_a_distribution(name):
    torch.manual_seed(0)
    method = find("method", name)(4, range(30), find_options("method", name, {"decoder": "median"}))
    predicted, distribution = method.predict(features := torch.randn(8, 4)), method.distribution(features)
    assert predicted.tolist() == decode(distribution, method.ages, "median").tolist()
