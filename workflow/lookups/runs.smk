"""What the rules look up about experiments and their runs."""


def experiment_of(wildcards):
    """The experiment that a target belongs to: its own wildcard, or what the config says of its table, comparison or figure."""
    if hasattr(wildcards, "experiment"):
        return wildcards.experiment
    if hasattr(wildcards, "table"):
        return config["tables"][wildcards.table]["experiments"][0]
    if hasattr(wildcards, "comparison"):
        return config["comparisons"][wildcards.comparison]["experiments"][0]
    return config["figures"][wildcards.figure]["experiment"]


def dataset_of(wildcards):
    """The data set of a target, its own wildcard or its experiment's, as the config describes it."""
    if hasattr(wildcards, "dataset"):
        return config["datasets"][wildcards.dataset]
    return config["datasets"][config["experiments"][experiment_of(wildcards)]["dataset"]]


def data_label(wildcards):
    """The data set's name, with a mark where it is synthetic."""
    dataset = dataset_of(wildcards)
    return marked(dataset["label"], is_synthetic(dataset))


def data_options(wildcards):
    """The data set's name, and whether it is synthetic, as the command lines of tables and figures take it."""
    dataset = dataset_of(wildcards)
    return ["--data", dataset["label"], *(["--synthetic"] if is_synthetic(dataset) else [])]


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
    """What an experiment's initial weights wait for: nothing if they are random, a checkpoint, or runs of another experiment."""
    start = config["experiments"][wildcards.experiment]["initialisation"]
    if isinstance(start, dict):
        return pretraining_jobs(wildcards, start["experiment"])
    return [] if start == "random" else initialisation_path(wildcards)


def initialisation_path(wildcards):
    """ "random", or the checkpoint that a method starts from in an experiment."""
    chosen = config["experiments"][wildcards.experiment]
    start = chosen["initialisation"]
    if isinstance(start, dict):
        earlier = config["experiments"][start["experiment"]]
        runs = f"results/{wildcards.suite}/runs/{start['experiment']}/{wildcards.method}/seed{earlier['seeds'][0]}"
        return f"{runs}/fold{PRETRAINED_FOLD:03d}/model.pt"
    return f"resources/weights/{chosen['backbone']}.pth" if start == IMAGENET else start


def pretraining_jobs(wildcards, name):
    """The run tables of one method's first seed in the experiment `name` that another one starts from."""
    folder = f"results/{wildcards.suite}/runs/{name}/{wildcards.method}/seed{config['experiments'][name]['seeds'][0]}"
    experiment = config["experiments"][name]
    jobs = enumerate(fold_jobs(experiment, wildcards.method), 1)
    return [f"{folder}/jobs/{job}.csv" for job, numbers in jobs if PRETRAINED_FOLD in numbers]


def settings_json(wildcards):
    """What settings.json holds."""
    return json.dumps(run_settings(config, wildcards.experiment, wildcards.method, initialisation_path(wildcards)))


def job_folds(wildcards):
    """The folds of one training job."""
    return list(fold_jobs(config["experiments"][wildcards.experiment], wildcards.method))[int(wildcards.job) - 1]


def kept_models(wildcards):
    """The folds of an experiment whose weights stay on disk."""
    return folds(config["experiments"][wildcards.experiment]["keep_models"])


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


def feature_run(wildcards):
    """The run whose network gives the features, or its margins: the first seed's."""
    return first_run(wildcards, int(wildcards.fold))


def first_run(wildcards, fold):
    """The run of a method in an experiment with the first seed."""
    seed = config["experiments"][wildcards.experiment]["seeds"][0]
    method_folder = f"results/{wildcards.suite}/runs/{wildcards.experiment}/{wildcards.method}"
    return f"{method_folder}/seed{seed}/fold{fold:03d}"


def experiment_labels(name):
    """The label of each method of an experiment, with a mark where the test part chooses the epoch."""
    experiment = config["experiments"][name]
    mark = " (oracle)" if experiment["training"]["selection"] == "oracle" else ""
    return {method: config["methods"][method]["label"] + mark for method in experiment["methods"]}


def method_labels(wildcards):
    """method=Label for every method of an experiment."""
    return [f"{method}={label}" for method, label in experiment_labels(wildcards.experiment).items()]
