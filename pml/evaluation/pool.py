"""The test predictions of every run of an experiment in one table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.evaluation.metrics import pit
from pml.files import check_indexed, read_table


def pool(index_path: str, folds_path: str, job_paths: Sequence[str], course: int | None = None) -> pd.DataFrame:
    """Return the `pooled` table: one row per method, seed, fold and test image, in the order of the jobs.

    Args:
        index_path, folds_path, job_paths: of index.csv, folds.csv and the tables of finished runs.
        course: take what the runs predicted when this course of their curriculum had ended; by default, at their end.

    Raises:
        InputError: a fold or an image is unknown, a run is listed twice, lacks predictions, did not predict exactly the test
            part of its fold, or has distributions of other images.
    """
    index = read_table(index_path, "index").set_index("image")[["subject", "age", "age_std"]]
    folds = read_table(folds_path, "folds")
    check_indexed(folds["image"], folds_path, index.index, index_path)
    parts = {fold: rows.groupby("part")["image"] for fold, rows in folds.groupby("fold")}

    runs = pd.concat([read_table(path, "runs") for path in job_paths], ignore_index=True)
    twice = runs[runs.duplicated(["method", "seed", "fold"])]
    if len(twice):
        raise InputError(f"{', '.join(job_paths)}: run {twice['run'].iloc[0]} repeats a method, seed and fold; list each once")

    pooled = []
    for run in runs.itertuples():
        if run.fold not in parts:
            raise InputError(f"{folds_path}: no fold {run.fold}, which {run.run} was trained on; train again")
        path = Path(run.run) / ("predictions.csv" if course is None else f"predictions_course{course}.csv")
        predictions = read_table(path, "predictions")
        images = {part: rows.tolist() for part, rows in parts[run.fold]}
        _check_images(predictions["image"], images.get("test", []), path, run.fold)

        rows = predictions[["image", "predicted_age"]].join(index, on="image")
        rows["pit"] = _pit(Path(run.run) / "predictions.npz", rows["age"]) if course is None else np.nan
        # Whole ages as Method.classes has them: a half rounds to even.
        counts = index.loc[images.get("train", []), "age"].round().value_counts()
        rows["train_images"] = rows["age"].round().map(counts).fillna(0).astype(int)
        trained = np.sort(counts.index.to_numpy())
        rows["distance"] = np.abs(np.subtract.outer(rows["age"].round().to_numpy(), trained)).min(axis=1).astype(int)
        pooled.append(rows.assign(method=run.method, seed=run.seed, fold=run.fold))
    return pd.concat(pooled, ignore_index=True)


def _pit(path: Path, ages: pd.Series) -> np.ndarray | float:
    """Return `pit` of the distributions that a run left at `path`; a course of a curriculum and some methods leave none."""
    if not path.exists():
        return np.nan
    with np.load(path) as arrays:
        if len(arrays["distribution"]) != len(ages):
            raise InputError(
                f"{path}: 'distribution' has {len(arrays['distribution'])} rows for {len(ages)} predictions; train again"
            )
        return pit(arrays["ages"], arrays["distribution"], ages.to_numpy())


def _check_images(predicted: pd.Series, test: list[str], path: Path, fold: int) -> None:
    remedy = "the folds have changed since, train again"
    if predicted.duplicated().any():
        raise InputError(f"{path}: image '{predicted[predicted.duplicated()].iloc[0]}' is predicted twice; train again")
    if extra := set(predicted) - set(test):
        raise InputError(f"{path}: image '{min(extra)}' is not in the test part of fold {fold}; {remedy}")
    if missing := set(test) - set(predicted):
        raise InputError(f"{path}: image '{min(missing)}' of the test part of fold {fold} has no prediction; {remedy}")
