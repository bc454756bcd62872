"""Stage: draw the folds of an experiment.

A protocol is a function (index, seed, *, options) -> folds: from the rows of index.csv whose image has a face, to one row
(fold, image, part) per fold and image. Its keyword-only parameters are its options. Its docstring says whose protocol it is and
how large.

With curricula each training image also gets its course.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pml.age_range import outside
from pml.errors import InputError
from pml.folds.curriculum import courses
from pml.folds.draws import subjects_or_images
from pml.registry import find, find_options
from pml.tables import check_indexed, read_table, write_table
from pml.task import Task


def assign(
    protocol: str,
    index: pd.DataFrame,
    seed: int,
    validation: float = 0.0,
    options: Mapping | None = None,
    dividing_lines: Sequence[float] = (),
) -> pd.DataFrame:
    """Return folds (fold, image, part), sorted by fold and image; the same seed gives the same rows.

    Args:
        index: rows of index.csv whose image has a face.
        validation: share of each fold's training subjects whose images become part "validation" (see `hold_out_subjects`).
        options: the protocol's own.
        dividing_lines: of the curricula that the training images are sorted into, in a further column "course"; none without.

    Raises:
        InputError: the protocol or an option is unknown, the index lacks what it needs, or nothing is left to train on.
    """
    chosen = find_options("protocol", protocol, options or {})
    if index.empty:
        raise InputError("faces.csv: no image has a face, so there is nothing to assign; see rejected.csv for the reasons")
    folds = find("protocol", protocol)(index.sort_values("image"), seed, **dataclasses.asdict(chosen))
    if validation:
        folds = hold_out_subjects(folds, index, validation, seed)
    folds = folds.sort_values(["fold", "image"], ignore_index=True)
    return add_courses(folds, index, dividing_lines, seed) if dividing_lines else folds


def hold_out_subjects(folds: pd.DataFrame, index: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Return `folds` where `share` of each fold's training subjects, one at least, are drawn for part "validation".

    An image without a subject counts as a subject of its own: where the data set tells none, single images are held out.

    Raises:
        InputError: the share is not between 0 and 1 or leaves no subject to train on.
    """
    if not 0 < share < 1:
        raise InputError(f"validation {share}: give a share of the training subjects between 0 and 1")
    folds = folds.copy()
    subjects = folds["image"].map(pd.Series(subjects_or_images(index).to_numpy(), index["image"]))
    for fold, rows in folds.groupby("fold"):
        train = rows.index[rows["part"] == "train"]
        known = np.sort(subjects[train].unique())
        count = max(1, round(share * len(known)))
        if count >= len(known):
            raise InputError(f"validation {share}: fold {fold} trains on {len(known)} subjects, of which none would be left")
        held_out = np.random.default_rng([seed, fold]).choice(known, count, replace=False)
        folds.loc[train[subjects[train].isin(held_out)], "part"] = "validation"
    return folds


def add_courses(folds: pd.DataFrame, index: pd.DataFrame, dividing_lines: Sequence[float], seed: int) -> pd.DataFrame:
    """Return `folds` with the column "course": the first curriculum that holds each training image (see `courses`).

    Raises:
        InputError: a fold trains on too few ages for the first dividing line.
    """
    ages = folds["image"].map(index.set_index("image")["age"])
    folds = folds.assign(course=float("nan"))
    for fold, rows in folds[folds["part"] == "train"].groupby("fold"):
        try:
            # Not the generator of `hold_out_subjects`: with a validation part, too, the draws are independent.
            folds.loc[rows.index, "course"] = courses(ages[rows.index], dividing_lines, np.random.default_rng([seed, fold, 1]))
        except ValueError as error:
            raise InputError(f"fold {fold}: {error} under experiments.<name>.curriculum in the config") from None
    return folds


def check_ages(folds: pd.DataFrame, index: pd.DataFrame, first_age: int, last_age: int, whole_ages: bool = False) -> None:
    """Warn of ages that have no class.

    Raises:
        InputError: a fold trains on no other.
    """
    ages = index.set_index("image")["age"]
    without = pd.Series(outside(ages, first_age, last_age, whole_ages), ages.index)
    remedy = f"the config's training.ages are {first_age} to {last_age}"
    train = folds[folds["part"] == "train"]
    for fold, all_without in train["image"].map(without).groupby(train["fold"]).all().items():
        if all_without:
            raise InputError(f"fold {fold}: no image that it trains on is of an age that has a class; {remedy}; widen them")
    affected = ages[without & ages.index.isin(folds["image"])]
    if len(affected):
        print(
            f"warning: {len(affected)} of {folds['image'].nunique()} images, such as one of {affected.iloc[0]:g} years, are of "
            f"an age without a class and fall into the nearest one; {remedy}",
            file=sys.stderr,
        )


def assign_folds(task: Task) -> None:
    """Draw the folds.

    Raises:
        InputError: as `assign` and `check_ages`; or an image with a face is not in the index, or the config runs a fold that
            is not drawn.
    """
    chosen = task.settings
    index, faces = read_table(task.inputs["index"], "index"), read_table(task.inputs["faces_table"], "faces")
    check_indexed(faces["image"], task.inputs["faces_table"], index["image"], task.inputs["index"])
    index = index[index["image"].isin(faces["image"])]
    protocol, validation = chosen["protocol"], chosen["validation"]
    folds = assign(protocol, index, chosen["seed"], validation, chosen["protocol_options"], chosen["curriculum"])
    if absent := set(chosen["needed"]) - set(folds["fold"]):
        made = f"the protocol {protocol} makes 1 to {folds['fold'].max()} of this data"
        raise InputError(f"experiments.<name>.folds in the config: no fold {min(absent)}; {made}")
    check_ages(folds[folds["fold"].isin(chosen["needed"])], index, *chosen["ages"])
    write_table(folds, task.outputs["folds"], "folds")
    print(f"{protocol}: {folds['fold'].nunique()} folds of {folds['image'].nunique()} images", file=sys.stderr)
    if validation:
        held_out = "subjects" if index["subject"].notna().all() else "subjects, where known, or else images"
        if index["subject"].isna().all():
            held_out = "images, since no subjects are known"
        print(f"validation: {validation:.0%} of each fold's training {held_out}", file=sys.stderr)
