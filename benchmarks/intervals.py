"""How often intervals, verdicts and equivalence tests are right, by simulation.

    python -m benchmarks.intervals        # some ten minutes on one core

A study is the difference of two methods on the images of people: a person has 6 to 18 images, as on FG-NET, or 785 have one
each. People differ by half a year, a training by the `spread` on all that it is tested on, and images by a year. Under "leave
one person out" each person has trainings of their own; under "one split" a training is tested on all people.
Bars, with 500 studies a case: coverage 93 to 97 %, false verdicts and false equivalences at most 5.5 %, and a true difference
of 0.2 years with 82 people and ten seeds found in at least 80 %. Chance alone moves 5 % of 500 by 2 %, so each case has 2,000.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from pml.evaluation.uncertainty import estimate

PER_PERSON, ONE_SPLIT = "leave one person out", "one split"
MARGIN, LEVEL = 0.1, 0.05


class Shares(NamedTuple):
    """Of studies: whose interval holds the truth, 0; that tell it from 0; that call it equivalent where it is the margin."""

    covered: float
    false_verdicts: float
    false_equivalences: float


def simulate(
    design: str, people: int, seeds: int, spread: float, studies: int, random_seed: int = 0, truth: float = 0.0
) -> Shares:
    """Return the shares of `studies`; `spread` is the standard deviation between trainings, `truth` the true difference."""
    rng = np.random.default_rng(random_seed)
    found = []
    for _ in range(studies):
        images = np.ones(people, int) if people > 100 else rng.integers(6, 19, people)
        person = np.repeat(np.arange(people), images)
        fold = person if design == PER_PERSON else np.zeros_like(person)
        images = pd.DataFrame({"fold": fold, "subject": person, "image": np.arange(len(person))})
        rows = images.merge(pd.DataFrame({"seed": range(seeds)}), how="cross")
        training = rows["fold"].to_numpy() * seeds + rows["seed"].to_numpy()
        values = truth + rng.normal(0, 0.5, people)[rows["subject"]] + rng.normal(0, spread, training.max() + 1)[training]
        values += np.repeat(rng.normal(0, 0.7, len(person)), seeds) + rng.normal(0, 0.7, len(rows))
        about = estimate(rows, values)
        at_margin = estimate(rows, values - truth + MARGIN)
        low, high = about.interval
        found.append((low <= truth <= high, about.p_value < LEVEL, at_margin.p_outside(MARGIN) < LEVEL))
    return Shares(*np.mean(found, axis=0))


def main() -> None:
    studies = 2000
    print(f"{'design':22}{'people':>8}{'seeds':>7}{'spread':>8}{'covered':>9}{'false':>8}{'equivalent':>12}")
    for design in (PER_PERSON, ONE_SPLIT):
        for seeds in (1, 3, 10):
            for people in (6, 8, 16, 82, 785):
                for spread in (0, 0.05, 0.1, 0.2):
                    case = f"{design:22}{people:8}{seeds:7}{spread:8}"
                    if design == ONE_SPLIT and seeds == 1:
                        print(f"{case}  one training")
                        continue
                    covered, false, equivalent = simulate(design, people, seeds, spread, studies)
                    missed = not 0.93 <= covered <= 0.97 or false > 0.055 or equivalent > 0.055
                    print(f"{case}{covered:9.1%}{false:8.1%}{equivalent:12.1%}{'  missed' if missed else ''}", flush=True)
    for spread in (0, 0.05, 0.1, 0.2):
        found = simulate(PER_PERSON, 82, 10, spread, studies, truth=0.2).false_verdicts
        print(f"0.2 years, 82 people left out, ten seeds, spread {spread}: found in {found:.1%}")


if __name__ == "__main__":
    main()
