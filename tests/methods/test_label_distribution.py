"""Eq. 1 and Eq. 2 against SciPy."""

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax
from scipy.stats import norm
from torch.testing import assert_close

from pml.methods.label_distribution import gaussian_label_distribution, kl_divergence, sigma_per_image

AGES = torch.arange(101, dtype=torch.float64)
LABELS = torch.tensor([0.0, 30.4, 69.5, 100.0], dtype=torch.float64)
SIGMAS = torch.tensor([2.0, 0.7, 7.16, 0.3], dtype=torch.float64)


@pytest.mark.parametrize("sigma", [2.0, SIGMAS])
def test_density_as_written_is_the_normal_density(sigma):
    expected = norm.pdf(AGES.numpy(), LABELS.numpy()[:, None], np.asarray(sigma).reshape(-1, 1))
    found = gaussian_label_distribution(LABELS, AGES, sigma, normalise=False)
    assert_close(found, torch.from_numpy(expected))


@pytest.mark.parametrize("sigma", [2.0, SIGMAS])
def test_normalised_density_is_the_normal_density_scaled_to_sum_1(sigma):
    density = norm.pdf(AGES.numpy(), LABELS.numpy()[:, None], np.asarray(sigma).reshape(-1, 1))
    found = gaussian_label_distribution(LABELS, AGES, sigma)
    assert_close(found, torch.from_numpy(density / density.sum(axis=1, keepdims=True)))


def test_density_as_written_loses_mass_at_the_first_age():
    mass = gaussian_label_distribution(LABELS[:1], AGES, 2.0, normalise=False).sum().item()
    half_the_gaussian_and_half_its_peak = 0.5 + norm.pdf(0, scale=2) / 2
    assert mass == pytest.approx(half_the_gaussian_and_half_its_peak)


def test_ages_need_not_start_at_0():
    whole = gaussian_label_distribution(LABELS[1:2], AGES, 2.0, normalise=False)
    assert_close(gaussian_label_distribution(LABELS[1:2], AGES[16:78], 2.0, normalise=False), whole[:, 16:78])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("label", [20.0, 20.3])
def test_least_sigma_leaves_the_nearest_age_alone(dtype, label):
    labels = torch.tensor([label], dtype=dtype)
    found = gaussian_label_distribution(labels, AGES.to(dtype), sigma_per_image(torch.zeros_like(labels), 2.0))
    assert_close(found, torch.eye(101, dtype=dtype)[20:21])


def test_floor_raises_only_what_is_below_it():
    plain = gaussian_label_distribution(LABELS, AGES, 2.0, normalise=False)
    raised = gaussian_label_distribution(LABELS, AGES, 2.0, normalise=False, floor=1e-15)
    assert_close(raised, torch.where(plain < 1e-15, torch.full_like(plain, 1e-15), plain), rtol=0, atol=0)


def test_sigma_is_the_image_s_own_where_it_has_one():
    found = sigma_per_image(torch.tensor([3.5, float("nan")]), 2.0)
    assert_close(found, torch.tensor([3.5, 2.0]))


def distributions(seed: int, rows: int = 5) -> np.ndarray:
    return softmax(np.random.default_rng(seed).normal(scale=3, size=(rows, 101)), axis=1)


def test_kl_divergence_is_the_relative_entropy():
    target, predicted = distributions(0), distributions(1)
    found = kl_divergence(torch.from_numpy(target), torch.from_numpy(predicted).log())
    assert_close(found, torch.from_numpy(rel_entr(target, predicted).sum(axis=1)))


def test_kl_divergence_of_equal_distributions_is_0():
    target = torch.from_numpy(distributions(0))
    assert_close(kl_divergence(target, target.log()), torch.zeros(5, dtype=torch.float64))


def test_target_of_0_counts_0_in_value_and_gradient():
    log_probabilities = torch.tensor([[-1.0, -2.0, -torch.inf]], requires_grad=True)
    divergence = kl_divergence(torch.tensor([[1.0, 0.0, 0.0]]), log_probabilities)
    divergence.sum().backward()
    assert_close(divergence, torch.tensor([1.0]))
    assert_close(log_probabilities.grad, torch.tensor([[-1.0, 0.0, 0.0]]))


def test_gradient_is_that_of_the_soft_cross_entropy():
    target = torch.from_numpy(distributions(0))
    logits = torch.from_numpy(np.random.default_rng(2).normal(size=(5, 101))).requires_grad_()
    (found,) = torch.autograd.grad(kl_divergence(target, logits.log_softmax(dim=1)).mean(), logits)
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, target), logits)
    assert_close(found, expected)
