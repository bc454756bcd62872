"""Stage: what a reference predicts for one or more folds of an experiment, from index.csv and folds.csv alone."""

import shutil

from pml.data_name import DataName
from pml.registry import find, find_options
from pml.task import Task
from pml.training import run_directory
from pml.training.data import Labels


def look_up_folds(task: Task) -> None:
    """Fill the run directory of each fold, and list them.

    Raises:
        InputError: a fold has no training or no test images.
    """
    settings = task.settings
    labels = Labels(task.inputs["index"], task.inputs["folds"])
    options = find_options("method", settings["class"], settings["options"])
    reference = find("method", settings["class"])(options)
    facts = {name: settings[name] for name in ("method", "class", "options", "seed")}
    for fold in settings["folds"]:
        directory = run_directory.of_fold(task, fold)
        shutil.rmtree(directory, ignore_errors=True)
        train, courses = labels.rows(fold, "train")
        test, _ = labels.rows(fold, "test")
        asked = test.drop(columns=["age", "age_std"])
        for course in range(1, settings["courses"]):
            run_directory.write_predictions(directory, test, reference.predict(train[courses <= course], asked), course)
        run_directory.write_predictions(directory, test, reference.predict(train, asked))
        data = str(DataName(**settings["data"]))
        run_directory.write_run(directory, "numpy", "pandas", **facts, data=data, fold=fold)
    run_directory.write_jobs(task)
