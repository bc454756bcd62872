"""Two methods side by side, image by image."""

import pandas as pd

from pml.evaluation.metrics import shots


def pair(tested: pd.DataFrame, reference: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of `pooled` that two methods share, with `difference`, on all images and on the few-shot ones.

    The difference is the absolute error of the method less that of the reference, in years. Rows are paired that have the same
    fold, image and seed; the seeds of a method that has none of the reference's are taken in their order. An image is few-shot
    if it is so in the training data of the reference, also where the method trained on other data: what is few-shot then
    differs, but the same images are compared.

    Args:
        tested: the rows of `pooled` of the method.
        reference: those of the reference.
    """
    if not set(tested["seed"]) & set(reference["seed"]):
        renamed = dict(zip(sorted(set(tested["seed"])), sorted(set(reference["seed"])), strict=False))
        tested = tested.assign(seed=tested["seed"].map(renamed)).dropna(subset="seed")
    error, reference_error = ((rows["predicted_age"] - rows["age"]).abs() for rows in (tested, reference))
    pairs = reference[["fold", "image", "seed", "subject", "train_images"]].assign(of_reference=reference_error)
    pairs = pairs.merge(tested[["fold", "image", "seed"]].assign(error=error), on=["fold", "image", "seed"])
    # Rounded, lest rounding pass for a difference.
    pairs["difference"] = (pairs["error"] - pairs["of_reference"]).round(9)
    return pairs, pairs[shots(pairs["train_images"]) == "few"]
