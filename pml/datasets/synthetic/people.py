"""Who is drawn: identities that persist, how they age, and how many pictures there are of each at which ages."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pml.datasets.synthetic.proportions import CUES, TRAITS, Look
from pml.tables import PUBLISHED

SKINS = np.array([(0.96, 0.82, 0.73), (0.93, 0.76, 0.64), (0.86, 0.67, 0.53), (0.72, 0.52, 0.39), (0.50, 0.34, 0.25)])
HAIRS = np.array([(0.10, 0.08, 0.07), (0.22, 0.14, 0.09), (0.36, 0.23, 0.13), (0.62, 0.45, 0.25), (0.52, 0.25, 0.12)])
IRISES = np.array([(0.25, 0.15, 0.08), (0.35, 0.24, 0.12), (0.34, 0.42, 0.28), (0.33, 0.48, 0.60)])
GREY = np.array([0.82, 0.81, 0.80])


@dataclass(frozen=True)
class Person:
    """One identity. No cue of age can be trusted alone: each runs early or late in each person, and all of them together too.

    Attributes:
        pace: relative departure of the person's apparent age from the true one.
        cue_pace: by cue, the same on top of it, for that cue alone.
        onsets: age at which the hair begins to grey, and to recede (men; women never).
    """

    male: bool
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    traits: dict[str, float]
    pace: float
    cue_pace: dict[str, float]
    grey_onset: float
    recession_onset: float
    hair_length: float
    fringe: float
    bearded: bool
    freckles: float
    glasses_from: float
    seed: int


def draw_person(rng: np.random.Generator) -> Person:
    """Draw an identity."""
    male = bool(rng.random() < 0.55)
    tone = np.clip(rng.exponential(1.1), 0, 4)
    skin = np.array([np.interp(tone, range(5), SKINS[:, k]) for k in range(3)]) + rng.normal(0, 0.012, 3)
    fair = tone < 1.6
    hair = HAIRS[rng.choice(5, p=[0.22, 0.26, 0.26, 0.18, 0.08] if fair else [0.7, 0.25, 0.05, 0, 0])]
    return Person(
        male=male,
        skin=np.clip(skin, 0, 1),
        hair=np.clip(hair * rng.uniform(0.85, 1.15), 0, 1),
        iris=IRISES[rng.choice(4, p=[0.3, 0.25, 0.15, 0.3] if fair else [0.8, 0.2, 0, 0])],
        traits={name: float(np.clip(rng.normal(), -2, 2)) for name in TRAITS},
        pace=float(np.clip(rng.normal(0, 0.10), -0.25, 0.25)),
        cue_pace={name: float(np.clip(rng.normal(0, 0.22), -0.5, 0.5)) for name in CUES},
        grey_onset=float(rng.normal(38, 7)),
        recession_onset=float(rng.choice([rng.uniform(22, 40), 200.0])) if male else 200.0,
        hair_length=float(rng.uniform(0.10, 0.31) if male else rng.uniform(0.30, 1.0)),
        fringe=float(rng.random()),
        bearded=bool(male and rng.random() < 0.25),
        freckles=float(max(0, rng.normal(-0.3, 0.6))) if fair else 0.0,
        glasses_from=float(rng.choice([rng.uniform(12, 60), 200.0], p=[0.2, 0.8])),
        seed=int(rng.integers(2**31)),
    )


def look_at(person: Person, age: float, rng: np.random.Generator) -> Look:
    """Return how `person` looks at `age` (years); `rng` draws what changes from day to day, such as clothes."""
    apparent = age * (1 + person.pace)
    years = {cue: max(0.0, apparent * (1 + person.cue_pace[cue]) + rng.normal(0, 0.4)) for cue in CUES}
    growth = {cue: float(1 - np.exp(-year / 6.5)) for cue, year in years.items()}
    ageing = {cue: float(np.clip((year - 20) / 50, 0, 1.2)) for cue, year in years.items()}
    # Fair hair darkens through childhood; later it greys.
    childhood = 0.30 * (1 - growth["hairline"])
    hair = person.hair * (1 - childhood) + childhood * np.array([0.75, 0.60, 0.42]) * np.clip(person.hair.mean() * 3, 0.3, 1)
    grey = np.clip((years["grey"] - person.grey_onset) / 25, 0, 0.92)
    length = person.hair_length * np.clip(0.25 + years["hairline"] / 5, 0, 1) * rng.uniform(0.85, 1.1)
    bearded = person.bearded and years["cheeks"] > 21 and rng.random() < 0.8
    return Look(
        male=person.male,
        growth=growth,
        ageing=ageing,
        traits=person.traits,
        skin=person.skin * (1 - 0.06 * ageing["skin"] * np.array([0.6, 1.0, 1.0])),
        hair=hair * (1 - grey) + grey * GREY,
        iris=person.iris,
        clothes=np.clip(rng.uniform(0.12, 0.75) + rng.normal(0, 0.13, 3), 0.05, 0.9),
        recession=float(np.clip((years["hairline"] - person.recession_onset) / 36, 0, 1)),
        hair_length=float(length),
        hair_density=float(np.clip(0.30 + years["hairline"] / 2.5, 0, 1) * (1 - 0.35 * ageing["hairline"] * person.male)),
        fringe=person.fringe,
        beard=float(rng.uniform(0.5, 1.0)) if bearded else 0.0,
        stubble=float(person.male * np.clip((years["cheeks"] - 15) / 6, 0, 1) * rng.uniform(0.3, 1)),
        freckles=person.freckles * float(np.clip(age / 6, 0, 1)),
        glasses=bool(years["crow"] > person.glasses_from and rng.random() < 0.8),
        seed=person.seed,
    )


def published(name: str) -> pd.DataFrame:
    """Return a table of pml/published, with its first column as the index."""
    return pd.read_csv(PUBLISHED / f"{name}.csv", index_col=0)


def fgnet_histogram() -> pd.Series:
    """Return the images per age (years, the index) of FG-NET, counted from its file names."""
    return published("fgnet_age_histogram")["images"]


def draw_ages(images: int, rng: np.random.Generator, histogram: pd.Series) -> np.ndarray:
    """Return `images` ages in years (images,), rising: as the histogram has them, each share rounded up or down by chance.

    Args:
        histogram: images per age (years, the index).
    """
    # Systematic sampling: equal steps through the cumulated histogram.
    positions = (np.arange(images) + rng.random()) / images * histogram.sum()
    return histogram.index.to_numpy()[np.searchsorted(histogram.cumsum().to_numpy(), positions, side="right")]


def deal_ages(subjects: int, images: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal `images` ages out to `subjects`, between 6 and 18 each where the totals allow, each subject's rising.

    A subject's ages centre on an age of its own, as in FG-NET, where one album covers a childhood and another an adult life.
    """
    counts = _counts(subjects, images, rng)
    ages = draw_ages(images, rng, fgnet_histogram())
    # Dealing images in noisy order of age keeps the histogram exact and the albums coherent.
    ages = ages[np.argsort(np.arange(images) / images + rng.normal(0, 0.30, images))]
    owners = np.repeat(rng.permutation(subjects), counts)
    held = np.zeros((subjects, ages.max() + 1), int)
    np.add.at(held, (owners, ages), 1)
    # Two pictures at one age are rare: swap the second with the next image that suits both owners.
    for i in range(images):
        if held[owners[i], ages[i]] > 1:
            suits = (held[owners[i + 1 :], ages[i]] == 0) & (held[owners[i], ages[i + 1 :]] == 0)
            if suits.any():
                j = i + 1 + suits.argmax()
                np.add.at(held, ([owners[i], owners[j]], [ages[i], ages[j]]), -1)
                np.add.at(held, ([owners[i], owners[j]], [ages[j], ages[i]]), 1)
                ages[[i, j]] = ages[[j, i]]
    return [np.sort(ages[owners == subject]) for subject in range(subjects)]


def _counts(subjects: int, images: int, rng: np.random.Generator) -> np.ndarray:
    """Return how many images each subject has, (subjects,): some albums are thick, some thin."""
    low, high = min(6, images // subjects), max(18, -(-images // subjects))
    counts = np.full(subjects, low)
    thickness = rng.uniform(0.2, 1, subjects)
    for _ in range(images - counts.sum()):
        weights = thickness * (counts < high)
        counts[rng.choice(subjects, p=weights / weights.sum())] += 1
    return counts
