"""The options of a method that a run chooses for itself, by cross-validation on the people that it trains on (Sec. 4.2)."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from pml.errors import InputError
from pml.folds.draws import subjects_or_images
from pml.suite.settings import Settings
from pml.training.batches import Store
from pml.training.data import Part
from pml.training.loop import Trainer, seeds_of
from pml.training.model import build_model, predict

FOLDS = 3


def tune(
    settings: Settings,
    store: Store,
    part: Part,
    seed: int,
    fold: int,
    device: torch.device,
    embedding_dim: int | None,
    log: Callable[[str], object],
) -> tuple[Settings, list[dict[str, float]]]:
    """Return the settings with the best of their candidates among the options, and the MAE of each candidate in years.

    Each candidate is trained three times, without a third of the people in turn, and tested on them. All candidates share the
    thirds and the seeds. The first of several that are equally good is chosen.

    Args:
        part: the training part; nothing else is looked at.

    Raises:
        InputError: the part has too few people.
    """
    thirds = draw_thirds(part, seed, fold)
    trials: list[dict[str, float]] = []
    for number, candidate in enumerate(settings.candidates, 1):
        tried = dataclasses.replace(settings, options=settings.options | candidate, candidates=[])
        errors = []
        for third in range(FOLDS):
            torch.manual_seed(seeds_of(seed, fold, settings.courses * settings.epochs + 1 + third))
            model = build_model(tried, device, embedding_dim)
            Trainer(model, tried, store, part.subset(thirds != third), seed, fold).train()
            tested = part.subset(thirds == third)
            errors.append(np.abs(predict(model, store, tested.store_rows, tried)[0] - tested.ages))
        trials.append({"candidate": number, "mae": float(np.concatenate(errors).mean())})
        log(f"fold {fold} seed {seed} candidate {number}/{len(settings.candidates)} {candidate}: MAE {trials[-1]['mae']:.3f}")
    best = min(trials, key=lambda trial: trial["mae"])
    chosen = settings.options | settings.candidates[int(best["candidate"]) - 1]
    return dataclasses.replace(settings, options=chosen), trials


def draw_thirds(part: Part, seed: int, fold: int) -> np.ndarray:
    """Return (N,) the third, 0 to 2, of each image: people, or images where nobody is known, are dealt out in random order."""
    people = subjects_or_images(part.index).to_numpy()
    known = np.unique(people.astype(str))
    if len(known) < FOLDS:
        raise InputError(
            f"fold {fold}: trains on {len(known)} people, too few for cross-validation; leave methods.<name>.tuning out"
        )
    order = np.random.default_rng([seed, fold, 2]).permutation(len(known))
    third = dict(zip(known[order], np.arange(len(known)) % FOLDS, strict=True))
    return np.array([third[str(person)] for person in people])
