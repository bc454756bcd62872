"""A training step of every method over a step of plain cross-entropy: ResNet-34, 112 pixels, batches of 32, float32.

    python -m benchmarks.training_step        # about five minutes on two cores

The steps are those of pml.training.loop, on a store of noise faces; a round trains each method for as many. The bar is 1.05.
"""

import argparse

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from benchmarks.paired import alternate, verdict
from pml.methods.age_classifier import AgeClassifier
from pml.suite.settings import Settings
from pml.training.data import Part
from pml.training.loop import Trainer
from pml.training.model import build_model

METHODS = {
    "PML": "pml",
    "KL baseline": "kl",
    "DEX": "dex",
    "DLDL": "dldl",
    "DLDL-v2": "dldl_v2",
    "M-V Loss": "mean_variance",
    "logit adjustment": "logit_adjustment",
}
PLAIN = "plain cross-entropy"
BAR = 1.05


class CrossEntropy(AgeClassifier):
    """Cross-entropy with the class of the age, and nothing else."""

    def loss(self, features: torch.Tensor, ages: torch.Tensor, age_stds: torch.Tensor):
        return functional.cross_entropy(self.classifier(features), self.classes(ages)), {}


def settings_of(method: str, **changes: object) -> Settings:
    """Return the settings of one epoch of `method` on a CPU."""
    given = {"method": method, "options": {}, "backbone": "resnet34", "backbone_options": {}, "initialisation": "random"}
    training = {"epochs": 1, "batch_size": 32, "schedule": "constant", "device": "cpu", "mirror_test": False}
    return Settings(**(given | {"courses": 1} | training | changes))


def noise(count: int, size: int) -> tuple[np.ndarray, Part]:
    """Return `count` faces of noise and their part: ages 15 to 70."""
    generator = np.random.default_rng(0)
    index = pd.DataFrame({"age": generator.uniform(15, 70, count), "age_std": np.nan})
    return generator.integers(0, 256, (count, size, size, 3), np.uint8), Part(index, np.arange(count), np.ones(count, int))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=2, help="of each method in a round")
    options = parser.parse_args()
    torch.set_num_threads(2)
    faces, part = noise(32 * options.steps, 112)
    candidates = {}
    for name, method in {PLAIN: f"{__spec__.name}:CrossEntropy", **METHODS}.items():
        torch.manual_seed(0)
        settings = settings_of(method)
        model = build_model(settings, torch.device("cpu"))
        candidates[name] = lambda model=model, settings=settings: Trainer(model, settings, faces, part).train()
    seconds = alternate(candidates, options.rounds)
    print(f"{PLAIN}: {np.median(seconds[PLAIN]) / options.steps * 1000:.0f} ms a step")
    for name in METHODS:
        print(verdict(f"{name} / {PLAIN}", seconds[name] / seconds[PLAIN], BAR))


if __name__ == "__main__":
    main()
