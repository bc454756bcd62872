"""The checked configuration, and what rules look up in it."""

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from pml.config import IMAGENET, check_config, fold_jobs, folds, run_settings
from pml.errors import InputError

try:
    config = check_config(config)
except InputError as error:
    raise WorkflowError(str(error))

if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method and shutil.which("conda") is None:
    raise WorkflowError(
        "--use-conda, but there is no conda command here. Install Miniforge, or run in the environment of `make`: "
        "`source .venv/bin/activate && snakemake --cores 8`"
    )

SUITE = config["suite"]
ENVIRONMENT = "../../environment.yml"
WEIGHTS = {
    "resnet18": (
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    ),
    "resnet34": (
        "https://download.pytorch.org/models/resnet34-b627a593.pth",
        "sha256:b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
    ),
}


wildcard_constraints:
    suite=SUITE,
    dataset="|".join(config["datasets"]),
    experiment="|".join(config["experiments"]),
    method="|".join(config["methods"]),
    seed=r"\d+",
    job=r"\d+",
    fold=r"\d+",


def experiment_of(wildcards):
    """The experiment that a target belongs to: its own wildcard, or what the config says of its table or figure."""
    if hasattr(wildcards, "experiment"):
        return wildcards.experiment
    if hasattr(wildcards, "table"):
        return config["tables"][wildcards.table]["experiment"]
    return config["figures"][wildcards.figure]["experiment"]


# Inputs


def archive_file(wildcards):
    """The archive of a data set: downloaded, local, or drawn."""
    archive = config["datasets"][wildcards.dataset]["archive"]
    if "url" in archive:
        return f"resources/archives/{wildcards.dataset}/{Path(urlsplit(archive['url']).path).name}"
    return archive.get("path", f"results/{wildcards.suite}/archives/{wildcards.dataset}.zip")


def faces_files(wildcards):
    """The index and the face store of an experiment's data set."""
    dataset = config["experiments"][experiment_of(wildcards)]["dataset"]
    folder = f"results/{wildcards.suite}/faces/{dataset}"
    return {
        "index": f"results/{wildcards.suite}/datasets/{dataset}/index.csv",
        "faces_table": f"{folder}/faces.csv",
        "faces": f"{folder}/faces.npy",
    }


def initialisation_file(wildcards):
    """The checkpoint that an experiment starts from; nothing for random weights."""
    path = initialisation_path(wildcards.experiment)
    return [] if path == "random" else path


def method_jobs(wildcards, methods=None):
    """The run tables of the training jobs of the methods given, or of the one that the target names."""
    name = experiment_of(wildcards)
    experiment = config["experiments"][name]
    return [
        f"results/{wildcards.suite}/runs/{name}/{method}/seed{seed}/jobs/{job}.csv"
        for method in methods or [wildcards.method]
        for seed in experiment["seeds"]
        for job, _ in enumerate(fold_jobs(experiment, method), 1)
    ]


def experiment_jobs(wildcards):
    """The run tables of all training jobs of an experiment."""
    return method_jobs(wildcards, config["experiments"][wildcards.experiment]["methods"])


def figure_jobs(wildcards):
    """The run tables of the two methods that a figure compares."""
    return method_jobs(wildcards, figure_methods(wildcards))


def figure_features(wildcards):
    """The features of the two methods that a figure compares."""
    figure = config["figures"][wildcards.figure]
    return [
        f"results/{wildcards.suite}/features/{figure['experiment']}/{method}/fold{figure['fold']}.npz"
        for method in figure_methods(wildcards)
    ]


def table_metrics(wildcards):
    """The metrics of the experiment that a table shows."""
    return f"results/{wildcards.suite}/tables/metrics_{experiment_of(wildcards)}.csv"


# Parameters


def checksum_option(wildcards):
    """The option that verifies the archive, if the config gives a checksum."""
    checksum = config["datasets"][wildcards.dataset]["archive"].get("checksum")
    return f"--checksum {checksum}" if checksum else ""


def initialisation_path(experiment):
    """ "random", or the checkpoint that an experiment starts from."""
    chosen = config["experiments"][experiment]
    return f"resources/weights/{chosen['backbone']}.pth" if chosen["initialisation"] == IMAGENET else chosen["initialisation"]


def settings_json(wildcards):
    """What settings.json holds."""
    path = initialisation_path(wildcards.experiment)
    return json.dumps(run_settings(config, wildcards.experiment, wildcards.method, path))


def job_folds(wildcards):
    """The folds of one training job."""
    return list(fold_jobs(config["experiments"][wildcards.experiment], wildcards.method))[int(wildcards.job) - 1]


def kept_models(wildcards):
    """The folds of an experiment whose weights stay on disk."""
    return folds(config["experiments"][wildcards.experiment]["keep_models"])


def feature_run(wildcards):
    """The run whose network gives the features: the first seed's."""
    seed = config["experiments"][wildcards.experiment]["seeds"][0]
    method_folder = f"results/{wildcards.suite}/runs/{wildcards.experiment}/{wildcards.method}"
    return f"{method_folder}/seed{seed}/fold{int(wildcards.fold):03d}"


def methods_json(wildcards):
    """What the table needs of each method: its label and its published twin."""
    experiment = config["experiments"][experiment_of(wildcards)]
    pretraining = experiment["pretraining"]
    rows = []
    for method in experiment["methods"]:
        label, published = (config["methods"][method][key] for key in ("label", "published"))
        twin = {"method": published, "pretraining": pretraining} if published else None
        rows.append({"method": method, "label": label, "published": twin, "pretraining": pretraining})
    return json.dumps(rows)


def budget_note(wildcards):
    """The sentence below a table that says what the reproduced rows had to work with."""
    experiment = config["experiments"][experiment_of(wildcards)]
    training = experiment["training"]
    return (
        f"Budget: {experiment['backbone']} from {experiment['initialisation']} weights, faces of {config['face_size']} pixels, "
        f"{training['epochs']} epochs in batches of {training['batch_size']}, {training['optimiser']} at "
        f"{training['learning_rate']:g} with {training['schedule']} schedule, last epoch"
        f"{', mean over face and mirror image' if training['mirror_test'] else ''}."
    )


def dataset_of(wildcards):
    """The data set of a target's experiment, as the config describes it."""
    return config["datasets"][config["experiments"][experiment_of(wildcards)]["dataset"]]


def data_label(wildcards):
    """The data set's name, with a mark where it is synthetic."""
    dataset = dataset_of(wildcards)
    return f"{dataset['label']} (synthetic)" if "synthetic" in dataset["archive"] else dataset["label"]


def data_options(wildcards):
    """The data set's name, and whether it is synthetic, as the command lines of tables and figures take it."""
    dataset = dataset_of(wildcards)
    return ["--data", dataset["label"], *(["--synthetic"] if "synthetic" in dataset["archive"] else [])]


def method_labels(wildcards):
    """method=Label for every method of an experiment."""
    return [
        f"{method}={config['methods'][method]['label']}" for method in config["experiments"][wildcards.experiment]["methods"]
    ]


def figure_methods(wildcards):
    """The method and the baseline that a figure compares."""
    figure = config["figures"][wildcards.figure]
    return [figure["method"], figure["baseline"]]


def figure_labels(wildcards):
    """The labels of the method and the baseline that a figure compares."""
    return [config["methods"][method]["label"] for method in figure_methods(wildcards)]


def faces_option(wildcards):
    """The option that leaves the faces out of a figure, if the config asks for it."""
    return "" if config["figures"][wildcards.figure]["show_faces"] else "--hide-faces"


# Targets


def final_products():
    """What `snakemake` makes: the published copies of the suite's tables and figures."""
    of_experiments = [f"{figure}_{name}" for name in config["experiments"] for figure in ("training_curves", "errors_by_age")]
    tables = [f"tables/{name}.{extension}" for name in config["tables"] for extension in ("csv", "md", "tex")]
    tables += [f"tables/metrics_{name}.csv" for name in config["experiments"]]
    figures = [f"figures/{name}.{extension}" for name in [*config["figures"], *of_experiments] for extension in ("pdf", "png")]
    return [f"results/{product}" for product in tables + figures]
