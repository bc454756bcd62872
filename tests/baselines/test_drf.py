import math

import pytest
import torch
from torch.testing import assert_close

from pml.errors import InputError
from pml.methods.method import TrainingSet

TINY, EPSILON = 2.0**-126, 2.0**-23


@pytest.fixture
def forest(build, batch):
    """Two trees of depth 3 whose leaves have begun from the batch's ages."""
    method = build("drf", trees=2, depth=3, units=4, iterations=3)
    method.begin_training(TrainingSet(batch.ages, batch.age_stds, torch.ones(5), 3))
    return method


def routing_of(method, features):
    """Walk from the root to every leaf: at an even child an image has gone left, at an odd one right."""
    weight, bias = method.units.weight.tolist(), method.units.bias.tolist()
    rows = []
    for x in features.tolist():
        unit = [
            1 / (1 + math.exp(-sum(w * v for w, v in zip(row, x, strict=True)) - b))
            for row, b in zip(weight, bias, strict=True)
        ]
        trees = []
        for splits in method.splits.tolist():
            leaves = []
            for leaf in range(4):
                node, reached = 3 + leaf, 1.0
                while node > 0:
                    parent = (node - 1) // 2
                    left = unit[splits[parent]]
                    reached *= left if node == 2 * parent + 1 else 1 - left
                    node = parent
                leaves.append(reached)
            trees.append(leaves)
        rows.append(trees)
    return rows


def normal(y, mean, variance):
    return math.exp(-((y - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def test_an_image_reaches_a_leaf_with_the_product_of_its_splits(forest, batch):
    assert_close(forest.routing(batch.features), torch.tensor(routing_of(forest, batch.features), dtype=torch.float64))


def test_loss_is_half_the_squared_error_of_each_tree(forest, batch):
    expected = 0.0
    for trees, age in zip(routing_of(forest, batch.features), batch.ages.tolist(), strict=True):
        for reached, means in zip(trees, forest.means.tolist(), strict=True):
            of_tree = sum(share * mean for share, mean in zip(reached, means, strict=True))
            expected += 0.5 * (age - of_tree) ** 2 / 5
    loss, terms = forest.loss(batch.features, batch.ages, batch.age_stds)
    assert loss.item() == pytest.approx(expected, abs=1e-9) and terms["squared"].item() == loss.item()


def test_distribution_is_the_mixture_of_the_leaves_over_whole_years(forest, batch):
    def below(edge, mean, variance):
        return 0.5 * (1 + math.erf((edge - mean) / math.sqrt(2 * variance)))

    ages = forest.ages.tolist()
    for trees, row in zip(routing_of(forest, batch.features), forest.distribution(batch.features).tolist(), strict=True):
        for age, found in zip(ages, row, strict=True):
            low = -math.inf if age == ages[0] else age - 0.5
            high = math.inf if age == ages[-1] else age + 0.5
            expected = 0.0
            for tree, reached in enumerate(trees):
                for leaf, share in enumerate(reached):
                    gaussian = forest.means[tree, leaf].item(), forest.variances[tree, leaf].item()
                    expected += share / 2 * (below(high, *gaussian) - below(low, *gaussian))
            assert found == pytest.approx(expected, abs=1e-9)


def test_leaves_begin_as_equal_parts_of_the_sorted_training_ages(forest):
    # Five ages for four leaves: each takes one and a quarter of them.
    parts = [[16.0] * 4 + [20.3], [20.3] * 3 + [28.0] * 2, [28.0] * 2 + [33.6] * 3, [33.6] + [40.0] * 4]
    for leaf, part in enumerate(parts):
        mean = sum(part) / 5
        variance = sum((age - mean) ** 2 for age in part) / 5
        assert forest.means[:, leaf].tolist() == pytest.approx([mean] * 2)
        assert forest.variances[:, leaf].tolist() == pytest.approx([variance + 1e4 * EPSILON] * 2)


def test_leaves_follow_the_released_code_after_an_epoch(forest, batch):
    # In its units, hundredths of years, and as it loops over images, trees and leaves.
    ages = [age / 100 for age in batch.ages.tolist()]
    means = [[mean / 100 for mean in tree] for tree in forest.means.tolist()]
    variances = [[variance / 1e4 for variance in tree] for tree in forest.variances.tolist()]
    routing = routing_of(forest, batch.features)
    for _ in range(3):
        fresh_means, fresh_variances = [], []
        for tree in range(2):
            pairs = list(zip(means[tree], variances[tree], strict=True))
            zeta = []
            for y, reached in zip(ages, routing, strict=True):
                joint = [share * max(normal(y, *pair), TINY) for share, pair in zip(reached[tree], pairs, strict=True)]
                zeta.append([each / sum(joint) for each in joint])
            totals = [sum(row[leaf] for row in zeta) for leaf in range(4)]
            mean = [sum(row[leaf] * y for row, y in zip(zeta, ages, strict=True)) / totals[leaf] for leaf in range(4)]
            spread = [sum(row[leaf] * (y - mean[leaf]) ** 2 for row, y in zip(zeta, ages, strict=True)) for leaf in range(4)]
            fresh_means.append(mean)
            fresh_variances.append([each / total + EPSILON for each, total in zip(spread, totals, strict=True)])
        means, variances = fresh_means, fresh_variances
    forest.loss(batch.features[:2], batch.ages[:2], batch.age_stds[:2])
    forest.loss(batch.features[2:], batch.ages[2:], batch.age_stds[2:])
    forest.end_epoch(lambda: pytest.fail("no pass over the training images is needed"))
    for tree in range(2):
        assert forest.means[tree].tolist() == pytest.approx([100 * mean for mean in means[tree]], abs=1e-9)
        assert forest.variances[tree].tolist() == pytest.approx([1e4 * variance for variance in variances[tree]], abs=1e-9)
    assert not forest.history


def test_an_update_makes_the_ages_likelier(forest, batch):
    def likelihood():
        density = torch.distributions.Normal(forest.means, forest.variances.sqrt()).log_prob(batch.ages[:, None, None]).exp()
        return (routing * density).sum(2).log().sum().item()

    with torch.no_grad():
        routing = forest.routing(batch.features)
        before = likelihood()
        forest.update_leaves(routing, batch.ages)
    assert likelihood() > before


def test_a_leaf_that_no_image_reaches_keeps_its_gaussian(forest, batch):
    routing = torch.zeros(5, 2, 4, dtype=torch.float64)
    routing[:, :, 0] = 1
    means, variances = forest.means.clone(), forest.variances.clone()
    forest.update_leaves(routing, batch.ages)
    assert_close(forest.means[:, 1:], means[:, 1:])
    assert_close(forest.variances[:, 1:], variances[:, 1:])
    assert forest.means[:, 0].tolist() == pytest.approx([batch.ages.mean().item()] * 2)


def test_an_age_far_from_all_leaves_is_shared_by_the_routing_alone(build, batch):
    method = build("drf", trees=1, depth=2, units=4, iterations=1)
    method.means.copy_(torch.tensor([[500.0, 900.0]]))
    method.variances.copy_(torch.tensor([[0.01, 4.0]]))
    with torch.no_grad():
        routing = method.routing(batch.features)
    method.update_leaves(routing, batch.ages)
    expected = (routing[:, 0] * batch.ages[:, None]).sum(0) / routing[:, 0].sum(0)
    assert_close(method.means[0], expected)


def test_only_batches_that_are_trained_on_count_and_the_last_fifty(forest, batch):
    forest.eval().loss(batch.features, batch.ages, batch.age_stds)
    assert not forest.history
    forest.train()
    for _ in range(60):
        forest.loss(batch.features, batch.ages, batch.age_stds)
    assert len(forest.history) == 50


def test_each_tree_draws_its_splits_without_replacement(build):
    method = build("drf")
    assert method.splits.shape == (5, 31) and method.means.shape == (5, 32)
    assert all(len(set(row)) == 31 and max(row) < 128 for row in method.splits.tolist())


@pytest.mark.parametrize(("option", "value"), [("trees", 0), ("depth", 1), ("units", 30), ("iterations", 0)])
def test_refused_option_is_named(build, option, value):
    with pytest.raises(InputError, match=f"{option} is {value}"):
        build("drf", **{option: value})
