"""Eq. 4, against a sum over the other entries, one image and one age at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from torch.testing import assert_close

from pml.progressive_margin.margin_softmax import margin_log_softmax


def by_hand(similarities: torch.Tensor, margins: torch.Tensor) -> torch.Tensor:
    rows = []
    for s, m in zip(similarities.tolist(), margins.tolist(), strict=True):
        shifted = [s_k - m_k for s_k, m_k in zip(s, m, strict=True)]
        rows.append([shifted[k] - logsumexp([shifted[k], *s[:k], *s[k + 1 :]]) for k in range(len(s))])
    return torch.tensor(rows, dtype=torch.float64)


def random_pair(scale: float, seed: int = 0, shape=(4, 7)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    similarities = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    return similarities, torch.randn(shape, generator=generator, dtype=torch.float64)


@settings(max_examples=60)
@given(st.integers(0, 9999), st.sampled_from([0.01, 1, 30, 1e4]), st.sampled_from([0, 0.01, 1, 50]))
def test_entry_has_its_own_margin_and_its_own_denominator(seed, scale, margin_scale):
    similarities, margins = random_pair(scale, seed)
    margins = margin_scale * margins
    assert_close(margin_log_softmax(similarities, margins), by_hand(similarities, margins), rtol=1e-11, atol=1e-11)


def test_equal_largest_similarities():
    similarities = torch.tensor([[5.0, 5.0, 5.0], [2.0, 7.0, 7.0]], dtype=torch.float64)
    margins = torch.tensor([[0.0, 1.0, -1.0]] * 2, dtype=torch.float64)
    assert_close(margin_log_softmax(similarities, margins), by_hand(similarities, margins))


@pytest.mark.parametrize("scale", [1, 30, 1e4])
def test_without_margins_it_is_log_softmax(scale):
    similarities = random_pair(scale)[0]
    found = margin_log_softmax(similarities, torch.zeros_like(similarities))
    assert_close(found, similarities.log_softmax(1), rtol=1e-12, atol=1e-12)


def test_each_entry_rises_as_its_own_margin_falls_and_no_other_moves():
    similarities, margins = random_pair(1)
    lower = margins.clone()
    lower[:, 3] -= 1
    change = margin_log_softmax(similarities, lower) - margin_log_softmax(similarities, margins)
    assert (change[:, 3] > 0).all() and change.abs().sum(1).equal(change[:, 3])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("row", [[1e4, -1e4, 0.0, 1.0], [1e4, 1e4, 1e4, -1e4], [-1e4] * 4, [0.0] * 4, [1e4, 1e4 - 1, 0, 0]])
def test_large_similarities_neither_overflow_nor_lose_their_gradient(row, dtype):
    similarities = torch.tensor([row], dtype=dtype, requires_grad=True)
    margins = torch.tensor([[0.1, -0.1, 3.0, 0.0]], dtype=dtype, requires_grad=True)
    found = margin_log_softmax(similarities, margins)
    assert found.isfinite().all()
    assert_close(found.double(), by_hand(similarities.detach().double(), margins.detach().double()), rtol=1e-6, atol=2e-3)
    found.sum().backward()
    for gradient in (similarities.grad, margins.grad):
        assert gradient.isfinite().all() and gradient.abs().max() <= 2 * len(row)


@pytest.mark.parametrize("scale", [1, 5])
def test_gradient_is_that_of_the_value(scale):
    similarities, margins = random_pair(scale, shape=(3, 5))
    assert torch.autograd.gradcheck(margin_log_softmax, (similarities.requires_grad_(), margins.requires_grad_()))
