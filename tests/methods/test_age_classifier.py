from dataclasses import dataclass

import pytest
import torch
from torch.testing import assert_close

from pml.methods.age_classifier import AgeClassifier


class Plain(AgeClassifier):
    @dataclass(frozen=True)
    class Options:
        pass

    def loss(self, features, ages, age_stds):
        return features.sum(), {}


@pytest.mark.parametrize("bias", [True, False])
def test_head_is_one_linear_layer_over_ages(bias):
    method = Plain(4, range(10, 20), Plain.Options(), bias=bias)
    shapes = {name: tuple(parameter.shape) for name, parameter in method.named_parameters()}
    assert shapes == {"classifier.weight": (10, 4)} | ({"classifier.bias": (10,)} if bias else {})


def test_log_probabilities_stand_where_probabilities_underflow():
    method = Plain(4, range(10, 20), Plain.Options())
    features = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert_close(method.log_probabilities(features).exp(), method.distribution(features))
    assert method.log_probabilities(1e4 * features).isfinite().all()


def test_certain_head_predicts_its_age():
    method = Plain(4, range(10, 20), Plain.Options())
    with torch.no_grad():
        method.classifier.bias[7] = 1e3
    assert_close(method.predict(torch.zeros(2, 4)), torch.full((2,), 17.0))
