"""What the rules look up about tables and figures."""


def table_json(wildcards):
    """What a table needs of each of its experiments."""
    rows = []
    for name in config["tables"][wildcards.table]["experiments"]:
        row = {"experiment": name, "metrics": metrics_file(wildcards, name), "note": budget_note(name)}
        row["pretraining"] = config["experiments"][name]["pretraining"]
        row["methods"] = [
            {"method": method, "label": label, "published": config["methods"][method]["published"]}
            for method, label in experiment_labels(name).items()
        ]
        rows.append(row)
    return json.dumps(rows)


def table_metrics(wildcards):
    """The metrics of the experiments that a table shows."""
    return [metrics_file(wildcards, name) for name in config["tables"][wildcards.table]["experiments"]]


def metrics_file(wildcards, name):
    """The metrics of one experiment."""
    return f"results/{wildcards.suite}/tables/metrics_{name}.csv"


def budget_note(name):
    """The sentence below a table that says what the reproduced rows of an experiment had to work with."""
    experiment = config["experiments"][name]
    training, start, courses = experiment["training"], experiment["initialisation"], len(experiment["curriculum"]) + 1
    weights = f"the weights learnt in {start['experiment']}" if isinstance(start, dict) else f"{start} weights"
    chosen = {
        "last": "last epoch",
        "validation": "best epoch on the validation part",
        "oracle": "best epoch on the test set",
    }[training["selection"]]
    return (
        f"Budget: {experiment['backbone']} from {weights}, faces of {config['face_size']} pixels, "
        f"{training['epochs']} epochs{f' for each of {courses} curricula' if courses > 1 else ''} in batches of {training['batch_size']}, {training['optimiser']} at "
        f"{training['learning_rate']:g} with {training['schedule']} schedule, {chosen}"
        f"{', mean over face and mirror image' if training['mirror_test'] else ''}."
    )


def comparison_json(wildcards):
    """What a comparison needs of each of its experiments."""
    rows = []
    for name in config["comparisons"][wildcards.comparison]["experiments"]:
        row = {"experiment": name, "pooled": pooled_file(wildcards, name), "note": budget_note(name)}
        rows.append(row | {"labels": experiment_labels(name)})
    return json.dumps(rows)


def comparison_pools(wildcards):
    """The predictions of the experiments that a comparison shows."""
    return [pooled_file(wildcards, name) for name in config["comparisons"][wildcards.comparison]["experiments"]]


def pooled_file(wildcards, name):
    """The test predictions of one experiment."""
    return f"results/{wildcards.suite}/evaluation/{name}/pooled.csv"


def reference_of(wildcards):
    """The experiment and the method that a comparison compares with."""
    return list(comparison_reference(config["comparisons"][wildcards.comparison]))


def table6_json(wildcards):
    """What Table 6 needs of each of its experiments."""
    rows = []
    for name in config["tables"]["table6"]["experiments"]:
        experiment = config["experiments"][name]
        dataset = config["datasets"][experiment["dataset"]]
        row = {"experiment": name, "data": dataset["label"], "synthetic": is_synthetic(dataset), "note": budget_note(name)}
        row |= {"dividing_lines": experiment["curriculum"]} | table6_tables(wildcards, name)
        rows.append(row | {"labels": experiment_labels(name)})
    return json.dumps(rows)


def table6_tables(wildcards, name):
    """The tables of one experiment that Table 6 reads."""
    folder, experiment = f"results/{wildcards.suite}", config["experiments"][name]
    courses = range(1, len(experiment["curriculum"]) + 1)
    return {
        "index": f"{folder}/datasets/{experiment['dataset']}/index.csv",
        "folds": f"{folder}/folds/{name}/folds.csv",
        "metrics": [f"{folder}/evaluation/{name}/course{course}/metrics.csv" for course in courses]
        + [metrics_file(wildcards, name)],
    }


def table6_files(wildcards):
    """The tables that Table 6 reads."""
    tables = [table6_tables(wildcards, name) for name in config["tables"]["table6"]["experiments"]]
    return [path for table in tables for path in (table["index"], table["folds"], *table["metrics"])]


def leakage_experiments():
    """The experiments of the leakage table: those that the config names, and their twins after them."""
    named = config["leakage"]
    return list(dict.fromkeys(name for pair in named.items() for name in pair if name))


def leakage_json(wildcards):
    """What the leakage table needs of each experiment."""
    rows = []
    for name in leakage_experiments():
        experiment = config["experiments"][name]
        dataset = config["datasets"][experiment["dataset"]]
        row = {"experiment": name, "data": dataset["label"], "synthetic": is_synthetic(dataset)}
        row |= {"protocol": experiment["protocol"], "twin": config["leakage"].get(name)}
        row |= leakage_tables(wildcards, name)
        rows.append(row | {"labels": experiment_labels(name)})
    return json.dumps(rows)


def leakage_tables(wildcards, name):
    """The tables of one experiment that the leakage table reads."""
    folder = f"results/{wildcards.suite}"
    return {
        "index": f"{folder}/datasets/{config['experiments'][name]['dataset']}/index.csv",
        "folds": f"{folder}/folds/{name}/folds.csv",
        "metrics": metrics_file(wildcards, name),
    }


def leakage_files(wildcards):
    """The tables that the leakage table reads."""
    return [path for name in leakage_experiments() for path in leakage_tables(wildcards, name).values()]


def figure_methods(wildcards):
    """The method and the baseline that a figure compares."""
    figure = config["figures"][wildcards.figure]
    return [figure["method"], figure["baseline"]]


def figure_labels(wildcards):
    """The labels of the method and the baseline that a figure compares."""
    labels = experiment_labels(config["figures"][wildcards.figure]["experiment"])
    return [labels[method] for method in figure_methods(wildcards)]


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


def figure_ages(wildcards):
    """The options that name the majority and minority ages, if the config does."""
    figure = config["figures"][wildcards.figure]
    chosen = {key: " ".join(map(str, figure[key])) for key in ("head", "tail") if key in figure}
    return " ".join(f"--{key} {ages}" for key, ages in chosen.items())


def faces_option(wildcards):
    """The option that leaves the faces out of a figure, if the config asks for it."""
    return "" if config["figures"][wildcards.figure]["show_faces"] else "--hide-faces"


def margins_table(wildcards):
    """The margins by age of the run that a figure of margins shows."""
    fold = margins_fold(config, wildcards.experiment, wildcards.method)
    return f"results/{wildcards.suite}/margins/{wildcards.experiment}/{wildcards.method}/fold{fold}.csv"


def margins_history(wildcards):
    """The margins over the epochs of the same run."""
    return f"{first_run(wildcards, margins_fold(config, wildcards.experiment, wildcards.method))}/margins.csv"
