import math

import pytest
import torch
from scipy.stats import t as student
from torch import nn
from torch.testing import assert_close

from baselines.evidential import negative_log_likelihood
from pml.errors import InputError
from pml.methods.method import TrainingSet

TRAINED_ON = [20.0] * 12 + [28.4] * 4 + [33.0] + [16.0] * 2 + [40.0] * 6 + [34.0]
# Of the Gaussian of sigma 2 that the released code of LDS makes of a unit pulse in five years, reflected at their ends.
KERNEL = [0.85828524, 0.94582765, 1.0, 0.94582765, 0.85828524]


def begun(build, **options):
    method, ages = build("evidential", **options), torch.tensor(TRAINED_ON)
    method.begin_training(TrainingSet(ages, torch.full_like(ages, math.nan), torch.ones(len(ages)), 8))
    return method


def weight_of(age):
    """The weight of an image by hand: one over the smoothed root of its age's count, 1 on average over the training images."""
    years = [round(each) for each in TRAINED_ON]

    def raw(year):
        neighbours = range(year - 2, year + 3)
        return 1 / sum(k * years.count(near) ** 0.5 for k, near in zip(KERNEL, neighbours, strict=True) if 16 <= near <= 40)

    return raw(round(age)) / (sum(map(raw, years)) / len(years))


def test_loss_is_the_likelihood_plus_the_error_times_the_evidence(build, batch):
    method = begun(build, evidence_weight=0.5)
    mean, nll, evidence = sum(TRAINED_ON) / len(TRAINED_ON), 0.0, 0.0
    spread = (sum((age - mean) ** 2 for age in TRAINED_ON) / len(TRAINED_ON)) ** 0.5
    outputs = method.evidence(batch.features).tolist()
    for (first, second), gamma, y in zip(outputs, method.regress(batch.features).tolist(), batch.ages.tolist(), strict=True):
        nu = (math.log(1 + math.exp(0.1 * first)) / 0.1 + 2) * weight_of(y)
        omega = spread**2 * math.log(1 + math.exp(0.1 * second)) / 0.1
        alpha, big = 0.3 + nu / 2, 2 * omega * (1 + nu)
        nll += (
            math.log(math.pi / nu) / 2
            - alpha * math.log(big)
            + (alpha + 0.5) * math.log(nu * (y - gamma) ** 2 + big)
            + math.lgamma(alpha)
            - math.lgamma(alpha + 0.5)
        ) / 5
        evidence += abs(y - gamma) * (2 * nu + alpha) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    # The kernel by hand has eight digits.
    assert terms["nll"].item() == pytest.approx(nll, rel=1e-6) and terms["evidence"].item() == pytest.approx(evidence, rel=1e-6)
    assert_close(loss.detach(), terms["nll"] + 0.5 * terms["evidence"])


def test_likelihood_has_the_value_of_the_released_code_and_is_a_students_t():
    error, nu, alpha, beta = (torch.tensor([each], dtype=torch.float64) for each in (3.0, 3.0, 1.8, 2.0))
    found = negative_log_likelihood(error, nu, alpha, beta).item()
    assert found == pytest.approx(3.457886, abs=1e-6)
    assert found == pytest.approx(-student.logpdf(3, 3.6, scale=math.sqrt(2 * (1 + 3) / (3 * 1.8))), abs=1e-9)


def test_a_rare_age_weighs_more_and_without_reweighting_all_weigh_one(build):
    method = begun(build)
    assert method.weights[33 - 16] > method.weights[40 - 16] > method.weights[20 - 16] > 0
    assert (begun(build, reweight=False).weights == 1).all()


def test_evidence_grows_where_faces_of_one_kind_have_one_age(build):
    torch.manual_seed(0)
    sure = torch.rand(400, 1).double() < 0.5
    features = torch.cat([sure, ~sure, torch.zeros(400, 4)], 1).double()
    labels = 25 + torch.where(sure[:, 0], 1.0, 8.0) * torch.randn(400).clamp(-1, 1).double()
    method = build("evidential", reweight=False)
    optimiser = torch.optim.Adam([*method.parameters()], lr=0.2)
    for _ in range(300):
        optimiser.zero_grad()
        method.loss(features, labels, labels)[0].backward()
        optimiser.step()
    beta = nn.functional.softplus(method.evidence(torch.eye(6).double()[:2])[:, 1], beta=0.1)
    assert beta[0] < beta[1] / 2


def test_refused_option_is_named(build):
    with pytest.raises(InputError, match="evidence_weight is -1"):
        build("evidential", evidence_weight=-1)
