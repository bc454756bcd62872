"""Stage: the features that a trained run gives to the images of its fold, both the train and the test part."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pml.errors import InputError, stage_main
from pml.files import replacing
from pml.training.data import ExperimentData
from pml.training.loop import extract_features
from pml.training.run import choose_device
from pml.training.run_directory import load_model, read_run

PARTS = ("train", "test")


def write_features(run: Path, data: ExperimentData, output: Path, gpus: int = 0) -> None:
    """Write the features of all images of the run's fold, without augmentation, as arrays of `output` (.npz).

    The arrays are image (N,), part (N,) "train" or "test", age (N,) in years and features (N, D) float32; the train part comes
    first, each part in the order of folds.csv.

    Raises:
        InputError: the run has no model, or folds.csv lacks its fold, or the job was given more `gpus` than there are.
    """
    model, settings = load_model(run, choose_device(read_run(run)["settings"]["device"], gpus))
    fold = read_run(run)["fold"]
    parts = [data.part(fold, part) for part in PARTS]
    index = pd.concat([part.index for part in parts])
    if index.empty:
        raise InputError(f"fold {fold}: no images in folds.csv; known folds: {sorted(set(data.folds['fold']))}")
    store_rows = np.concatenate([part.store_rows for part in parts])
    features = extract_features(model, data.faces, store_rows, settings).cpu().numpy()
    with replacing(output) as temporary:
        np.savez(
            temporary,
            image=index["image"].to_numpy(str),
            part=np.repeat(PARTS, [len(part.index) for part in parts]),
            age=index["age"].to_numpy(float),
            features=features,
        )


@stage_main
def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pml.training.features", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run directory with a model.pt")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--faces-table", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--folds-table", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; other numbers give other last digits")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that the job was given; fewer is an error")
    parser.add_argument("--output", type=Path, required=True, help="features file to write (.npz)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    data = ExperimentData(options.index, options.faces_table, options.faces, options.folds_table)
    write_features(options.run, data, options.output, options.gpus)


if __name__ == "__main__":
    main()
