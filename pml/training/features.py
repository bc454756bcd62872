"""Stage: the features that a trained run gives to the images of its fold, both the train and the test part."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pml.errors import InputError
from pml.files import replacing
from pml.task import Task
from pml.training.data import ExperimentData
from pml.training.device import choose_device
from pml.training.model import features_of, load_model
from pml.training.run_directory import REDO, read_run

PARTS = ("train", "test")


def extract_features(task: Task, threads: int = 1, gpus: int = 0) -> None:
    """Write the features of all images of the run's fold, without augmentation, as arrays of a .npz.

    The arrays are image (N,), part (N,) "train" or "test", age (N,) in years and features (N, D) float32; the train part comes
    first, each part in the order of folds.csv.

    Raises:
        InputError: the run has no model or one of features that are not finite, or folds.csv lacks its fold, or the job was
            given more `gpus` than there are.
    """
    torch.set_num_threads(threads)
    run, data = Path(task.settings["run"]), ExperimentData.of(task.inputs)
    facts = read_run(run, "settings", "fold")
    model, settings = load_model(run, choose_device(facts["settings"].get("device", "auto"), gpus))
    parts = [data.part(facts["fold"], part) for part in PARTS]
    index = pd.concat([part.index for part in parts])
    store_rows = np.concatenate([part.store_rows for part in parts])
    features = features_of(model, data.store, store_rows, settings).cpu().numpy()
    if not np.isfinite(features).all():
        raise InputError(f"{run / 'model.pt'}: its features are not all finite numbers; {REDO}")
    with replacing(task.outputs["features"]) as temporary:
        np.savez(
            temporary,
            image=index["image"].to_numpy(str),
            part=np.repeat(PARTS, [len(part.index) for part in parts]),
            age=index["age"].to_numpy(float),
            features=features,
        )
