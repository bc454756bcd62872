"""One small batch for every method's tests."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pml.registry import find, find_options

AGES = range(16, 41)
FEATURE_DIM = 6


@pytest.fixture
def batch():
    """Five images in float64: labels at both ends and between two years, two without an age_std."""
    generator = torch.Generator().manual_seed(0)
    return SimpleNamespace(
        features=torch.randn(5, FEATURE_DIM, generator=generator, dtype=torch.float64),
        ages=torch.tensor([16.0, 20.3, 28.0, 33.6, 40.0], dtype=torch.float64),
        age_stds=torch.tensor([float("nan"), 3.1, float("nan"), 0.7, 5.2], dtype=torch.float64),
    )


@pytest.fixture
def build():
    """Return a function that builds a method in float64, the same at every call."""

    def build(name: str, **options):
        torch.manual_seed(1)
        return find("method", name)(FEATURE_DIM, AGES, find_options("method", name, options)).double()

    return build


@pytest.fixture
def probabilities():
    """Return a function that gives the softmax of a method's linear head, one image and one age at a time."""

    def probabilities(method, features) -> np.ndarray:
        weight = method.classifier.weight.detach().numpy()
        bias = np.zeros(len(weight)) if method.classifier.bias is None else method.classifier.bias.detach().numpy()
        rows = []
        for x in features.numpy():
            exponentials = [
                np.exp(sum(w * value for w, value in zip(weight[k], x, strict=True)) + bias[k]) for k in range(len(weight))
            ]
            rows.append([e / sum(exponentials) for e in exponentials])
        return np.array(rows)

    return probabilities
