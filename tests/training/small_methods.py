"""Small methods, each of which needs one hook of the contract, and a small network to train them on."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from pml.methods.age_classifier import AgeClassifier
from pml.methods.method import Network


def small() -> Network:
    """A network of two layers with batch normalisation between them."""
    return nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()), 32


class Plain(AgeClassifier):
    """Cross-entropy with the class of the age."""

    def loss(self, features, ages, age_stds):
        loss = functional.cross_entropy(self.classifier(features), self.classes(ages))
        return loss, {"cross_entropy": loss.detach()}


class Deferred(Plain):
    """Weighs classes by how rare they are, in the second half of training alone (LDAM-DRW)."""

    def begin_training(self, training_set):
        self.epochs = training_set.epochs
        self.counts = torch.bincount(self.classes(training_set.ages), minlength=len(self.ages))

    def begin_epoch(self, epoch):
        self.deferred = epoch < self.epochs / 2

    def loss(self, features, ages, age_stds):
        classes = self.classes(ages)
        weights = torch.ones_like(features[:, 0]) if self.deferred else 1 / self.counts[classes]
        loss = (weights * functional.cross_entropy(self.classifier(features), classes, reduction="none")).sum()
        return loss, {"weight": weights.mean()}


class Sampled(Plain):
    """Draws every class equally often."""

    def begin_training(self, training_set):
        classes = self.classes(training_set.ages)
        self.weights = 1 / torch.bincount(classes)[classes]

    def sampling_weights(self):
        return self.weights


class TwoViews(Plain):
    """Pulls together the features of two views of a face."""

    views = 2

    def loss(self, features, ages, age_stds):
        first, second = features.chunk(2)
        distance = (first - second).square().mean()
        return super().loss(first, ages, age_stds)[0] + distance, {"distance": distance.detach()}


class Mixed(Plain):
    """Mixes each face and its age with another's."""

    def mix(self, inputs, ages, age_stds, generator):
        share, other = torch.rand(1, generator=generator).item(), torch.randperm(len(ages), generator=generator)
        return share * inputs + (1 - share) * inputs[other], share * ages + (1 - share) * ages[other], age_stds


class OwnNetwork(Plain):
    """Has a network of its own."""

    @classmethod
    def backbone(cls, shared, options):
        return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 5)), 5


class OwnGroup(Plain):
    """Learns the temperature of its softmax at a rate of its own."""

    def __init__(self, feature_dim, ages, options):
        super().__init__(feature_dim, ages, options)
        self.temperature = nn.Parameter(torch.ones(()))

    def loss(self, features, ages, age_stds):
        loss = functional.cross_entropy(self.classifier(features) / self.temperature, self.classes(ages))
        return loss, {"temperature": self.temperature.detach()}

    def parameter_groups(self, backbone, backbone_rate):
        others = [*backbone.parameters(), *self.classifier.parameters()]
        return [{"params": others}, {"params": [self.temperature], "share": 0.5, "weight_decay": 0}]


class Remembering(Plain):
    """Predicts the age of the training image whose features are nearest."""

    memory: Tensor
    labels: Tensor

    def __init__(self, feature_dim, ages, options):
        super().__init__(feature_dim, ages, options)
        self.register_buffer("memory", torch.empty(0, feature_dim))
        self.register_buffer("labels", torch.empty(0))

    def begin_training(self, training_set):
        self.labels = training_set.ages

    def end_epoch(self, features):
        self.memory = features()

    def loss(self, features, ages, age_stds):
        loss, terms = super().loss(features, ages, age_stds)
        nearest = torch.cdist(features, self.memory).amin(1).mean() if len(self.memory) else 0
        return loss + 0.01 * nearest, terms

    def distribution(self, features):
        return None

    def predict(self, features):
        return self.labels[torch.cdist(features, self.memory).argmin(1)].to(features.dtype)


class WithAverage(nn.Module):
    """A network that trains, and the average of its weights, which evaluates."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.network(inputs) if self.training else self.average(inputs)


class Averaged(Plain):
    """Predicts by an exponential moving average of the backbone's weights."""

    DECAY = 0.9

    @classmethod
    def backbone(cls, shared, options):
        network, feature_dim = shared()
        return WithAverage(network), feature_dim

    def end_step(self, backbone):
        pairs = zip(backbone.average.state_dict().values(), backbone.network.state_dict().values(), strict=True)
        for average, now in pairs:
            average.copy_(self.DECAY * average + (1 - self.DECAY) * now if now.is_floating_point() else now)


class Sharp(Plain):
    """Descends by the gradients at the worst point nearby (SAM), so it owns its step."""

    RADIUS = 0.05

    def step(self, step):
        loss, terms = self.loss(step.features(step.inputs), step.ages, step.age_stds)
        step.backward(loss)
        weights = [weight for part in (step.backbone, self) for weight in part.parameters() if weight.grad is not None]
        length = torch.stack([weight.grad.norm() for weight in weights]).norm()
        moves = [self.RADIUS * weight.grad / length for weight in weights]
        with torch.no_grad():
            torch._foreach_add_(weights, moves)
        step.backward(self.loss(step.features(step.inputs), step.ages, step.age_stds)[0])
        with torch.no_grad():
            torch._foreach_sub_(weights, moves)
        step.update()
        return loss, terms


METHODS = [Deferred, Sampled, TwoViews, Mixed, OwnNetwork, OwnGroup, Remembering, Averaged, Sharp]
