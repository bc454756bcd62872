"""Stage: train one method on one or more folds of an experiment, in one process or in those of torchrun."""

import argparse
import hashlib
import platform
import shutil
import sys
from pathlib import Path

import pandas as pd
import torch

from pml.errors import InputError, stage_main
from pml.files import write_table
from pml.method import PixelFreeMethod, method_class, method_options
from pml.training import processes, run_directory
from pml.training.data import ExperimentData, Part
from pml.training.loop import predict, seeds_of, train
from pml.training.precision import choose_precision
from pml.training.settings import Settings, fingerprint, load_settings

WITHOUT_GPU = "ask for none with --set-resources train_folds:gpu=0 extract_features:gpu=0"


def run_fold(
    settings: Settings, data: ExperimentData, seed: int, fold: int, directory: Path, device: torch.device, keep_model: bool
) -> None:
    """Train and test on one fold and fill its run directory; do nothing if the same run is there already."""
    key = run_fingerprint(settings, data, seed, fold)
    if run_directory.is_finished(directory, key, keep_model):
        _log(f"fold {fold} seed {seed}: finished before")
        return
    checkpoint = directory / f"checkpoint-{key[:16]}.pt"
    if processes.rank() == 0:
        run_directory.clear(directory, checkpoint)
    train_part, test_part = _parts(data, fold)
    watched = _watched_parts(settings, data, fold)
    torch.manual_seed(seeds_of(seed, fold, settings.courses * settings.epochs))
    model = run_directory.build_model(settings, device)

    def end_course(course: int) -> None:
        predicted_ages, _ = predict(model, data.faces, test_part.store_rows, settings)
        if processes.rank() == 0:
            run_directory.write_course(directory, course, test_part.index, predicted_ages)

    train(model, data.faces, train_part, settings, seed, fold, checkpoint, _log, watched, end_course)
    predicted_ages, distribution = predict(model, data.faces, test_part.store_rows, settings)
    if processes.rank() > 0:
        return
    run_directory.write_predictions(directory, test_part.index, predicted_ages, settings.age_classes, distribution)
    run_directory.write_history(directory, model)
    if keep_model:
        run_directory.write_model(directory, model)
    run_directory.write_run(
        directory,
        settings,
        fingerprint=key,
        data=data.label,
        fold=fold,
        seed=seed,
        train_images=len(train_part.index),
        test_images=len(test_part.index),
        selected_epoch=model.selected_epoch,
        face_size=data.faces.shape[1],
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        precision=choose_precision(settings.precision, device),
        processes=processes.count(),
        threads=torch.get_num_threads(),
        seconds=round(model.seconds, 1),
    )
    for leftover in directory.glob("*checkpoint-*.pt"):  # half-written ones of a killed process, too
        leftover.unlink()


def run_pixel_free_fold(settings: Settings, data: ExperimentData, seed: int, fold: int, directory: Path) -> None:
    """Predict one fold from index.csv alone and fill its run directory."""
    shutil.rmtree(directory, ignore_errors=True)
    train_part, test_part = _parts(data, fold)
    method = method_class(settings.method)(method_options(settings.method, settings.options))
    asked = test_part.index.drop(columns=["age", "age_std"])
    for course in range(1, settings.courses):
        predicted_ages = method.predict(train_part.index[train_part.courses <= course], asked)
        run_directory.write_course(directory, course, test_part.index, predicted_ages)
    predicted_ages = method.predict(train_part.index, asked)
    run_directory.write_predictions(directory, test_part.index, predicted_ages, settings.age_classes, None)
    key = run_fingerprint(settings, data, seed, fold)
    run_directory.write_run(directory, settings, fingerprint=key, data=data.label, fold=fold, seed=seed)


def run_fingerprint(settings: Settings, data: ExperimentData, seed: int, fold: int) -> str:
    """Return a hash of settings, data, seed, fold and the content of the initial checkpoint; code is not part of it."""
    checkpoint = Path(settings.initialisation)
    content = hashlib.sha256(checkpoint.read_bytes()).hexdigest() if checkpoint.is_file() else None
    return fingerprint(settings.as_dict(), content, seed, data.fingerprint(fold))


def _parts(data: ExperimentData, fold: int) -> tuple[Part, Part]:
    """Return the train and the test part of a fold, neither of them empty."""
    parts = data.part(fold, "train"), data.part(fold, "test")
    for part, name in zip(parts, ("training", "test"), strict=True):
        if part.index.empty:
            raise InputError(f"fold {fold}: no {name} images; check experiments.<name>.folds in the config against folds.csv")
    return parts


def _watched_parts(settings: Settings, data: ExperimentData, fold: int) -> dict[str, Part]:
    """Return the parts of a fold whose error is followed through training; the test part only for an oracle."""
    validation_part = data.part(fold, "validation")
    watched = {} if validation_part.index.empty else {"validation": validation_part}
    if settings.selection == "oracle":
        watched["oracle"] = data.part(fold, "test")
    if settings.selection == "validation" and not watched:
        raise InputError(
            f"fold {fold}: training.selection is 'validation', but no image is held out; "
            "set experiments.<name>.validation above 0, or training.selection to last"
        )
    return watched


def choose_device(name: str, gpus: int = 0) -> torch.device:
    """Return the device that the config asks for, which is a GPU if the job was given any.

    Raises:
        InputError: a GPU is asked for and there is none; or the job was given more `gpus` than there are, or the config leaves
            them idle.
    """
    if gpus and name == "cpu":
        raise InputError(f"training.device is 'cpu', but the job was given {gpus} GPU(s); set it to 'auto', or {WITHOUT_GPU}")
    # A driver too old for this PyTorch still counts its GPUs.
    usable = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus > usable:
        raise InputError(
            f"the job was given {gpus} GPU(s), but PyTorch can use {usable} on {platform.node()}; look at the "
            f"node's driver and at the CUDA version of this PyTorch, or {WITHOUT_GPU}"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("training.device is 'cuda', but this machine shows no GPU; set it to 'auto' or 'cpu'")
    return torch.device(name)


def _log(line: str) -> None:
    if processes.rank() == 0:
        print(line, file=sys.stderr, flush=True)


@stage_main
def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pml.training.run", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="settings.json of the method in this experiment")
    parser.add_argument("--name", required=True, help="the method's name in the config")
    parser.add_argument("--data", required=True, help="the data set's name, for run.json")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--faces-table", type=Path, required=True)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--folds-table", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="+", required=True, help="the folds to run, one after the other")
    parser.add_argument("--keep-models", type=int, nargs="*", default=[], help="the folds whose model.pt is kept")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; other numbers give other last digits")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that the job was given; fewer is an error")
    parser.add_argument("--runs", type=Path, required=True, help="folder for the run directories")
    parser.add_argument("--output", type=Path, required=True, help="table of the finished runs")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = load_settings(arguments.settings)
    data = ExperimentData(arguments.index, arguments.faces_table, arguments.faces, arguments.folds_table, arguments.data)
    pixel_free = issubclass(method_class(settings.method), PixelFreeMethod)
    device = torch.device("cpu") if pixel_free else choose_device(settings.device, arguments.gpus)
    processes.join(device)
    rows = []
    for fold in arguments.folds:
        directory = arguments.runs / f"fold{fold:03d}"
        if not pixel_free:
            run_fold(settings, data, arguments.seed, fold, directory, device, fold in arguments.keep_models)
        elif processes.rank() == 0:
            run_pixel_free_fold(settings, data, arguments.seed, fold, directory)
        rows.append({"method": arguments.name, "seed": arguments.seed, "fold": fold, "run": str(directory)})
    if processes.rank() == 0:
        write_table(pd.DataFrame(rows), arguments.output, "runs")
    processes.leave()


if __name__ == "__main__":
    main()
