"""The test predictions of every run of an experiment in one table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pml.errors import InputError
from pml.evaluation.metrics import pit
from pml.tables import check_indexed, read_table
from pml.training.run_directory import check_run, read_distribution, read_runs


def pool(
    index_path: str, folds_path: str, job_paths: Sequence[str], course: int | None = None, exclusive: bool = False
) -> pd.DataFrame:
    """Return the `pooled` table: one row per method, seed, fold and test image, in the order of the jobs.

    Args:
        index_path, folds_path, job_paths: of index.csv, folds.csv and the tables of finished runs.
        course: take what the runs predicted when this course of their curriculum had ended; by default, at their end.
        exclusive: whether the protocol keeps the subjects of training and test apart.

    Raises:
        InputError: a fold or an image is unknown, a run is listed twice or no longer, lacks predictions, did not predict
            exactly the test part of its fold, or has other files than it left; or a subject is in training and test though
            the protocol keeps them apart.
    """
    index = read_table(index_path, "index").set_index("image")[["subject", "age", "age_std"]]
    folds = read_table(folds_path, "folds")
    check_indexed(folds["image"], folds_path, index.index, index_path)
    if exclusive:
        _check_apart(folds, index["subject"], folds_path)
    parts = {fold: rows.groupby("part")["image"] for fold, rows in folds.groupby("fold")}

    pooled = []
    for run in read_runs(job_paths).itertuples():
        if run.fold not in parts:
            raise InputError(f"{folds_path}: no fold {run.fold}, which {run.run} was trained on; train again")
        path = Path(run.run) / ("predictions.csv" if course is None else f"predictions_course{course}.csv")
        check_run(Path(run.run), path.name, "predictions.npz")
        predictions = read_table(path, "predictions")
        images = {part: rows.tolist() for part, rows in parts[run.fold]}
        _check_images(predictions["image"], images.get("test", []), path, run.fold)

        rows = predictions[["image", "predicted_age"]].join(index, on="image")
        rows["pit"] = _pit(Path(run.run), rows["age"]) if course is None else np.nan
        # Whole ages as Method.classes has them: a half rounds to even.
        counts = index.loc[images.get("train", []), "age"].round().value_counts()
        rows["train_images"] = rows["age"].round().map(counts).fillna(0).astype(int)
        trained = np.sort(counts.index.to_numpy())
        rows["distance"] = np.abs(np.subtract.outer(rows["age"].round().to_numpy(), trained)).min(axis=1).astype(int)
        pooled.append(rows.assign(method=run.method, seed=run.seed, fold=run.fold))
    return pd.concat(pooled, ignore_index=True)


def _pit(run: Path, ages: pd.Series) -> np.ndarray | float:
    """Return `pit` of the distributions that a run left; some methods leave none."""
    found = read_distribution(run, len(ages))
    return np.nan if found is None else pit(*found, ages.to_numpy())


def _check_apart(folds: pd.DataFrame, subjects: pd.Series, path: str) -> None:
    known = folds.assign(subject=folds["image"].map(subjects)).dropna(subset="subject")
    people = known.assign(tested=known["part"] == "test").drop_duplicates(["fold", "subject", "tested"])
    both = people[people.duplicated(["fold", "subject"])]
    if len(both):
        fold, subject = both[["fold", "subject"]].iloc[0]
        remedy = "run again assign_folds, which writes it, then train again"
        raise InputError(
            f"{path}: fold {fold} trains and tests on subject '{subject}', whom its protocol keeps apart; {remedy}"
        )


def _check_images(predicted: pd.Series, test: list[str], path: Path, fold: int) -> None:
    remedy = "the folds have changed since, train again"
    if extra := set(predicted) - set(test):
        raise InputError(f"{path}: image '{min(extra)}' is not in the test part of fold {fold}; {remedy}")
    if missing := set(test) - set(predicted):
        raise InputError(f"{path}: image '{min(missing)}' of the test part of fold {fold} has no prediction; {remedy}")
