"""Draw the folds of an experiment.

    python -m pml.folds.assign --protocol lopo --options '{}' --index index.csv --faces faces.csv --seed 0 --output folds.csv

With curricula (--dividing-lines 0.2 0.4 0.6 0.8) each training image also gets its course.

A protocol is a function (index, seed, **options) -> folds: from the rows of index.csv whose image has a face, to one row (fold,
image, part) per fold and image. Its docstring says whose protocol it is and how large; its options, if any, are a frozen
dataclass.
"""

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.files import read_table, write_table
from pml.folds.curriculum import courses
from pml.folds.draws import subjects_or_images
from pml.folds.lopo import lopo
from pml.folds.official import official, official_train, official_validation
from pml.folds.pretraining import pretraining
from pml.folds.setting1 import setting1, setting1_subject_exclusive
from pml.folds.setting2 import Setting2Options, setting2, setting2_subject_exclusive
from pml.options import build_options


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """There are none."""


PROTOCOLS = {
    "lopo": lopo,
    "random": setting1,
    "subject_exclusive": setting1_subject_exclusive,
    "setting1": setting1,
    "setting1_subject_exclusive": setting1_subject_exclusive,
    "setting2": setting2,
    "setting2_subject_exclusive": setting2_subject_exclusive,
    "official": official,
    "official_train": official_train,
    "official_validation": official_validation,
    "pretraining": pretraining,
}
OPTIONS = {"setting2": Setting2Options, "setting2_subject_exclusive": Setting2Options}


def protocol_options(protocol: str, options: Mapping):
    """Return the options of a protocol, filled in from `options`.

    Raises:
        InputError: the protocol or an option is unknown, or its value is refused.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol '{protocol}': no such protocol{suggest(protocol, PROTOCOLS)}")
    return build_options(OPTIONS.get(protocol, NoOptions), options, f"options of the protocol '{protocol}'")


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
    chosen = protocol_options(protocol, options or {})
    if index.empty:
        raise InputError("faces.csv: no image has a face, so there is nothing to assign; see rejected.csv for the reasons")
    folds = PROTOCOLS[protocol](index.sort_values("image"), seed, **dataclasses.asdict(chosen))
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
        raise InputError(f"--validation {share}: give a share of the training subjects between 0 and 1")
    folds = folds.copy()
    subjects = folds["image"].map(pd.Series(subjects_or_images(index).to_numpy(), index["image"]))
    for fold, rows in folds.groupby("fold"):
        train = rows.index[rows["part"] == "train"]
        known = np.sort(subjects[train].unique())
        count = max(1, round(share * len(known)))
        if count >= len(known):
            raise InputError(f"--validation {share}: fold {fold} trains on {len(known)} subjects, of which none would be left")
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


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the folds of an experiment.")
    parser.add_argument("--protocol", required=True, help=", ".join(PROTOCOLS))
    parser.add_argument("--options", type=json.loads, default={}, metavar="JSON", help="of the protocol")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--validation", type=float, default=0.0, metavar="SHARE", help="of each fold's training subjects")
    parser.add_argument("--dividing-lines", type=float, nargs="*", default=[], metavar="DELTA", help="of the curricula")
    parser.add_argument("--needed", type=int, nargs="*", default=[], metavar="FOLD", help="what is trained of them")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)

    index = read_table(options.index, "index")
    faces = read_table(options.faces, "faces")
    strangers = set(faces["image"]) - set(index["image"])
    if strangers:
        raise InputError(f"{options.faces}: image '{min(strangers)}' is not in {options.index}; make both from one archive")
    index = index[index["image"].isin(faces["image"])]
    folds = assign(options.protocol, index, options.seed, options.validation, options.options, options.dividing_lines)
    if absent := set(options.needed) - set(folds["fold"]):
        made = f"the protocol {options.protocol} makes 1 to {folds['fold'].max()} of this data"
        raise InputError(f"experiments.<name>.folds in the config: no fold {min(absent)}; {made}")
    write_table(folds, options.output, "folds")
    print(f"{options.protocol}: {folds['fold'].nunique()} folds of {folds['image'].nunique()} images")
    if options.validation:
        held_out = "subjects" if index["subject"].notna().all() else "subjects, where known, or else images"
        if index["subject"].isna().all():
            held_out = "images, since no subjects are known"
        print(f"validation: {options.validation:.0%} of each fold's training {held_out}")


if __name__ == "__main__":
    main()
