"""The labels, folds and faces of one experiment, and the parts of one fold."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.files import check_indexed, read_table
from pml.suite.settings import fingerprint

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
    def ages(self) -> np.ndarray:
        """(N,) float32 labels in years."""
        return self.index["age"].to_numpy(np.float32)

    @property
    def age_stds(self) -> np.ndarray:
        """(N,) float32 standard deviations of the labels in years, NaN where unknown."""
        return self.index["age_std"].to_numpy(np.float32)


class Labels:
    """The index and the folds of an experiment, all that a reference reads.

    Args:
        index, folds: paths of index.csv and folds.csv.

    Raises:
        InputError: a file is missing, or folds.csv names an image that the index lacks.
    """

    def __init__(self, index: str | Path, folds: str | Path):
        self.index = read_table(index, "index").set_index("image", drop=False)
        self.folds = read_table(folds, "folds")
        self._path = folds
        check_indexed(self.folds["image"], folds, self.index.index, index)

    def rows(self, fold: int, part: str) -> tuple[pd.DataFrame, np.ndarray]:
        """Return the rows of index.csv of the images in `part` (train, validation or test) of `fold`, as folds.csv orders them.

        Behind them comes (N,) the first curriculum that holds each image, 1 for all where there are none.

        Raises:
            InputError: there are none, though every fold needs some to train and to test on.
        """
        rows = self.folds[(self.folds["fold"] == fold) & (self.folds["part"] == part)]
        if rows.empty and part != "validation":
            kind, known = {"train": "training"}.get(part, part), sorted(set(self.folds["fold"]))
            remedy = f"check experiments.<name>.folds in the config against the folds there: {known}"
            raise InputError(f"{self._path}: fold {fold}: no {kind} images; {remedy}")
        courses = rows["course"].fillna(1) if "course" in rows else pd.Series(1, rows.index)
        return self.index.loc[rows["image"]], courses.to_numpy(int)


class ExperimentData(Labels):
    """The face store, the index and the folds of an experiment.

    Args:
        index, faces_table, faces, folds: paths of index.csv, faces.csv, faces.npy and folds.csv.

    Raises:
        InputError: a file is missing, the store and faces.csv differ in length, or folds.csv names an image without a face.
    """

    def __init__(self, index: str | Path, faces_table: str | Path, faces: str | Path, folds: str | Path):
        super().__init__(index, folds)
        self.faces_table = read_table(faces_table, "faces")
        try:
            self.faces: np.ndarray = np.load(faces, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise InputError(f"{faces}: not a face store: {error}; align again") from None
        if len(self.faces) != len(self.faces_table):
            raise InputError(f"{faces}: {len(self.faces)} faces, but {faces_table} has {len(self.faces_table)}; align again")
        check_indexed(self.folds["image"], folds, self.faces_table["image"], faces_table)
        self._store_row = pd.Series(range(len(self.faces_table)), index=self.faces_table["image"])

    @classmethod
    def of(cls, inputs: Mapping[str, str]) -> "ExperimentData":
        """Return the data whose paths are among the inputs of a task."""
        return cls(**{name: inputs[name] for name in ("index", "faces_table", "faces", "folds")})

    def part(self, fold: int, part: str) -> Part:
        """Return the images of a part of a fold, as `rows`."""
        index, courses = self.rows(fold, part)
        return Part(index, self._store_row.loc[index["image"]].to_numpy(), courses)

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
