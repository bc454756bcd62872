import math

import pytest
import torch

from pml.errors import InputError


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_loss_is_the_cross_entropy_weighed_by_what_is_missing(build, batch, probabilities, gamma):
    method = build("focal", gamma=gamma)
    expected = 0.0
    for label, row in zip([16, 20, 28, 34, 40], probabilities(method, batch.features), strict=True):
        p = row[label - 16]
        expected -= (1 - p) ** gamma * math.log(p) / 5
    loss, terms = method.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["focal"].item() == loss.item()


def test_without_focus_it_is_dex(build, batch):
    arguments = batch.features, batch.ages, batch.age_stds
    assert build("focal", gamma=0).loss(*arguments)[0].item() == pytest.approx(
        build("dex").loss(*arguments)[0].item(), abs=1e-9
    )


def test_easy_images_keep_less_of_their_cross_entropy_than_hard_ones(build, batch):
    focal, dex = build("focal"), build("dex")
    kept = []
    for logit in (0.0, 2.0, 5.0):
        for method in (focal, dex):
            with torch.no_grad():
                method.classifier.weight.zero_()
                method.classifier.bias.copy_(torch.where(method.ages == 16, logit, 0.0))
        hard_or_easy = batch.features[:1], batch.ages[:1], batch.age_stds[:1]
        kept.append((focal.loss(*hard_or_easy)[0] / dex.loss(*hard_or_easy)[0]).item())
    assert kept[0] > kept[1] > kept[2]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_an_image_that_is_predicted_for_sure_has_a_finite_gradient(build, batch, gamma):
    method = build("focal", gamma=gamma)
    with torch.no_grad():
        method.classifier.bias[0] = 1e4
    method.loss(batch.features[:1], batch.ages[:1], batch.age_stds[:1])[0].backward()
    assert method.classifier.weight.grad.isfinite().all()


@pytest.mark.parametrize("value", [-1, math.nan])
def test_refused_option_is_named(build, value):
    with pytest.raises(InputError, match="gamma is"):
        build("focal", gamma=value)
