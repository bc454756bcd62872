"""The faces and labels of one experiment, and the parts of one fold."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pml.errors import InputError
from pml.files import read_table
from pml.training.settings import fingerprint

HASHED_FACES = 100


@dataclass(frozen=True)
class Part:
    """The images of one part of a fold.

    Attributes:
        index: their rows of index.csv.
        store_rows: (N,) where their faces stand in the store.
        courses: (N,) the first curriculum that holds each; 1 for all where there are none.
    """

    index: pd.DataFrame
    store_rows: np.ndarray
    courses: np.ndarray

    @property
    def ages(self) -> torch.Tensor:
        """(N,) labels in years."""
        return torch.tensor(self.index["age"].to_numpy(), dtype=torch.float32)

    @property
    def age_stds(self) -> torch.Tensor:
        """(N,) standard deviations of the labels in years, NaN where unknown."""
        return torch.tensor(self.index["age_std"].to_numpy(float), dtype=torch.float32)


class ExperimentData:
    """The face store, the index and the folds of an experiment.

    Args:
        index, faces_table, faces, folds: paths of index.csv, faces.csv, faces.npy and folds.csv.
        label: the data's name, for run.json.

    Raises:
        InputError: a file is missing, the store and faces.csv differ in length, or folds.csv names an image without a face.
    """

    def __init__(self, index: Path, faces_table: Path, faces: Path, folds: Path, label: str = "unnamed"):
        self.label = label
        self.index = read_table(index, "index").set_index("image", drop=False)
        self.faces_table = read_table(faces_table, "faces")
        try:
            self.faces = np.load(faces, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise InputError(f"{faces}: not a face store: {error}; align again") from None
        self.folds = read_table(folds, "folds")
        self._store_row = pd.Series(range(len(self.faces_table)), index=self.faces_table["image"])
        if len(self.faces) != len(self.faces_table):
            raise InputError(f"{faces}: {len(self.faces)} faces, but {faces_table} has {len(self.faces_table)}; align again")
        absent = self.folds.loc[~self.folds["image"].isin(self._store_row.index.intersection(self.index.index)), "image"]
        if len(absent):
            raise InputError(
                f"{folds}: image '{absent.iloc[0]}' is missing from {index} or {faces_table}; assign the folds again"
            )

    def part(self, fold: int, part: str) -> Part:
        """Return the images that are in `part` (train, validation or test) of `fold`, in the order of folds.csv."""
        rows = self.folds[(self.folds["fold"] == fold) & (self.folds["part"] == part)]
        courses = rows["course"].fillna(1) if "course" in rows else pd.Series(1, rows.index)
        return Part(self.index.loc[rows["image"]], self._store_row.loc[rows["image"]].to_numpy(), courses.to_numpy(int))

    def fingerprint(self, fold: int) -> str:
        """Return a hash that changes when the labels, the alignment or the parts of the fold change.

        Of the pixels it takes a sample of the faces, since a store may be larger than memory.
        """
        rows = self.folds[self.folds["fold"] == fold]
        faces = self.faces_table.set_index("image").loc[rows["image"]]
        tables = (rows, self.index.loc[rows["image"]], faces)
        sample = self.faces[np.linspace(0, len(self.faces) - 1, HASHED_FACES).astype(int)]
        pixels = hashlib.sha256(sample.tobytes()).hexdigest()
        return fingerprint(sample.shape, pixels, [int(pd.util.hash_pandas_object(table).sum()) for table in tables])
