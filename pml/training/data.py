"""The labels and folds of one experiment, the faces or embeddings that it reads, and the parts of one fold."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.faces.store import read_store
from pml.suite.settings import fingerprint
from pml.tables import check_indexed, read_table

HASHED_ROWS = 100


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

    def subset(self, chosen: np.ndarray) -> "Part":
        """Return the images where (N,) `chosen` is true."""
        return Part(self.index[chosen], self.store_rows[chosen], self.courses[chosen])

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
    """The index and the folds of an experiment, and the store that it reads.

    Args:
        index, faces_table, store, folds: paths of index.csv, faces.csv, the .npy of faces or of embeddings, and folds.csv.

    Attributes:
        store: of the M faces of faces.csv, read through the page cache: the faces themselves, (M, H, W, 3) uint8, or their
            embeddings, (M, V, D) float16.

    Raises:
        InputError: a file is missing or damaged, the store and faces.csv differ in length, or folds.csv names an image without
            a face.
    """

    def __init__(self, index: str | Path, faces_table: str | Path, store: str | Path, folds: str | Path):
        super().__init__(index, folds)
        self.faces_table = read_table(faces_table, "faces")
        self.store = read_store(store)
        if len(self.store) != len(self.faces_table):
            raise InputError(
                f"{store}: {len(self.store)} faces, but {faces_table} has {len(self.faces_table)}; "
                "run again the stages that write them"
            )
        check_indexed(self.folds["image"], folds, self.faces_table["image"], faces_table)
        self._store_row = pd.Series(range(len(self.faces_table)), index=self.faces_table["image"])

    @property
    def embedding_dim(self) -> int | None:
        """D of a store of embeddings; None of one of faces."""
        return self.store.shape[2] if self.store.ndim == 3 else None

    @classmethod
    def of(cls, inputs: Mapping[str, str]) -> "ExperimentData":
        """Return the data whose paths are among the inputs of a task."""
        return cls(**{name: inputs[name] for name in ("index", "faces_table", "store", "folds")})

    def part(self, fold: int, part: str) -> Part:
        """Return the images of a part of a fold, as `rows`."""
        index, courses = self.rows(fold, part)
        return Part(index, self._store_row.loc[index["image"]].to_numpy(), courses)

    def fingerprint(self, fold: int) -> str:
        """Return a hash that changes when the labels, the alignment or the parts of the fold change.

        Of the store it takes a sample, since it may be larger than memory.
        """
        rows = self.folds[self.folds["fold"] == fold]
        faces = self.faces_table.set_index("image").loc[rows["image"]]
        tables = (rows, self.index.loc[rows["image"]], faces)
        sample = self.store[np.linspace(0, len(self.store) - 1, HASHED_ROWS).astype(int)]
        content = hashlib.sha256(sample.tobytes()).hexdigest()
        return fingerprint(sample.shape, content, [int(pd.util.hash_pandas_object(table).sum()) for table in tables])
