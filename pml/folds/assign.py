"""Draw the folds of an experiment.

    python -m pml.folds.assign --protocol lopo --index index.csv --faces faces.csv --seed 0 --output folds.csv

A protocol is a function (index, seed) -> folds: from the rows of index.csv whose image has a face, to one row (fold, image,
part) per fold and image. Its docstring says whose protocol it is and how large.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.files import read_table, write_table
from pml.folds.lopo import lopo

PROTOCOLS = {"lopo": lopo}


def assign(protocol: str, index: pd.DataFrame, seed: int, validation: float = 0.0) -> pd.DataFrame:
    """Return folds (fold, image, part), sorted by fold and image; the same seed gives the same rows.

    Args:
        index: rows of index.csv whose image has a face.
        validation: share of each fold's training subjects whose images become part "validation".

    Raises:
        InputError: the protocol is unknown, the index lacks what it needs, or no subject is left to train on.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol '{protocol}': no such protocol{suggest(protocol, PROTOCOLS)}")
    if index.empty:
        raise InputError("faces.csv: no image has a face, so there is nothing to assign; see rejected.csv for the reasons")
    folds = PROTOCOLS[protocol](index.sort_values("image"), seed)
    if validation:
        folds = hold_out_subjects(folds, index, validation, seed)
    return folds.sort_values(["fold", "image"], ignore_index=True)


def hold_out_subjects(folds: pd.DataFrame, index: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Return `folds` where `share` of each fold's training subjects, one at least, are drawn for part "validation".

    Raises:
        InputError: the share is not between 0 and 1 or leaves no subject to train on, or an image has no subject.
    """
    if not 0 < share < 1:
        raise InputError(f"--validation {share}: give a share of the training subjects between 0 and 1")
    if index["subject"].isna().any():
        raise InputError("index.csv: some images have no subject; --validation draws subjects, so leave it out")
    folds = folds.copy()
    subjects = folds["image"].map(index.set_index("image")["subject"])
    for fold, rows in folds.groupby("fold"):
        train = rows.index[rows["part"] == "train"]
        known = np.sort(subjects[train].unique())
        count = max(1, round(share * len(known)))
        if count >= len(known):
            raise InputError(f"--validation {share}: fold {fold} trains on {len(known)} subjects, of which none would be left")
        held_out = np.random.default_rng([seed, fold]).choice(known, count, replace=False)
        folds.loc[train[subjects[train].isin(held_out)], "part"] = "validation"
    return folds


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw the folds of an experiment.")
    parser.add_argument("--protocol", required=True, help=", ".join(PROTOCOLS))
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--validation", type=float, default=0.0, metavar="SHARE", help="of each fold's training subjects")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)

    index = read_table(options.index, "index")
    faces = read_table(options.faces, "faces")
    strangers = set(faces["image"]) - set(index["image"])
    if strangers:
        raise InputError(f"{options.faces}: image '{min(strangers)}' is not in {options.index}; make both from one archive")
    folds = assign(options.protocol, index[index["image"].isin(faces["image"])], options.seed, options.validation)
    write_table(folds, options.output, "folds")
    print(f"{options.protocol}: {folds['fold'].nunique()} folds of {folds['image'].nunique()} images")


if __name__ == "__main__":
    main()
