"""PML's head, forward and backward from the features, over plain cross-entropy's, and the literal per-sample loop over PML's.

    python -m benchmarks.head        # about a minute on one core

The loop is Eqs. 5-8 as Algorithm 1 prints them, sample by sample and age by age, followed by the same margins and loss. Bars:
PML at most 10 times plain cross-entropy, and at least 20 times faster than the loop, for batches of 32, 128 and 512.
"""

import argparse

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.paired import alternate, verdict
from pml.progressive_margin import PML
from pml.progressive_margin.class_statistics import ClassStatistics, cosine_distance

FEATURE_DIM, AGES = 512, range(101)
BATCHES = (32, 128, 512)


class LiteralStatistics(ClassStatistics):
    """The same statistics, one sample after the other (Algorithm 1)."""

    @torch.no_grad()
    def update(self, features: Tensor, classes: Tensor) -> None:
        for x, j in zip(features, classes.tolist(), strict=True):
            before = self.centres[j].clone()
            self.counts[j] += 1
            self.centres[j] += (x - before) / self.counts[j]  # Eq. 6
            if self.counts[j] > 1:
                self.scatter[j] += cosine_distance(x, before) * cosine_distance(x, self.centres[j])  # Eq. 8
        rows = [torch.stack([cosine_distance(centre, other) for other in self.centres]) for centre in self.centres]
        self.psi = torch.stack(rows).fill_diagonal_(0)  # Eq. 7

    @property
    def inter_class_variance(self) -> Tensor:
        return self.psi if hasattr(self, "psi") else super().inter_class_variance


def head(literal: bool) -> PML:
    """Return PML on features, at the start of its training."""
    torch.manual_seed(0)
    method = PML(FEATURE_DIM, AGES, PML.Options())
    if literal:
        method.statistics = LiteralStatistics(len(AGES), FEATURE_DIM)
    method.begin_course()
    return method.train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    for batch in BATCHES:
        features = torch.randn(batch, FEATURE_DIM).relu().requires_grad_()
        ages = torch.randint(15, 70, (batch,)).float()
        linear, methods = torch.nn.Linear(FEATURE_DIM, len(AGES)), {name: head(name == "loop") for name in ("PML", "loop")}

        def step(method: PML, features: Tensor = features, ages: Tensor = ages) -> None:
            method.loss(features, ages, torch.full_like(ages, torch.nan))[0].backward()

        def plain(linear: torch.nn.Module = linear, features: Tensor = features, ages: Tensor = ages) -> None:
            functional.cross_entropy(linear(features), ages.long()).backward()

        seconds = alternate({"plain": plain, **{name: lambda m=m: step(m) for name, m in methods.items()}}, rounds)
        print(verdict(f"batch {batch}: PML / plain cross-entropy", seconds["PML"] / seconds["plain"], 10))
        print(verdict(f"batch {batch}: loop / PML", seconds["loop"] / seconds["PML"], 20, at_most=False))


if __name__ == "__main__":
    main()
