"""What the rules look up about archives, data sets and protocols."""


def archives_of(wildcards):
    """Where the archives of a data set are: downloaded, local, or drawn."""
    places = []
    for archive in config["datasets"][wildcards.dataset]["archives"]:
        if "url" in archive:
            places.append(f"resources/archives/{wildcards.dataset}/{archive_name(archive)}")
        else:
            places.append(archive.get("path", f"results/{wildcards.suite}/archives/{wildcards.dataset}.archive"))
    return places


def archive_inputs(wildcards):
    """The archives that a rule makes or that are there; the stage itself says how to obtain one that is missing."""
    given = {archive.get("path") for archive in config["datasets"][wildcards.dataset]["archives"]}
    return [place for place in archives_of(wildcards) if place not in given or Path(place).exists()]


def checksums_of(wildcards):
    """The checksum of each archive of a data set, or none."""
    return [archive.get("checksum", "none") for archive in config["datasets"][wildcards.dataset]["archives"]]


def download_of(wildcards):
    """The URL and the checksum of an archive that is downloaded."""
    archives = config["datasets"][wildcards.dataset]["archives"]
    return next(archive for archive in archives if "url" in archive and archive_name(archive) == wildcards.archive)


def archive_name(archive):
    """The file name of a download."""
    return Path(urlsplit(archive["url"]).path).name


def drawn_of(wildcards):
    """How many synthetic people and images are drawn."""
    archives = config["datasets"][wildcards.dataset]["archives"]
    return next(archive["synthetic"] for archive in archives if "synthetic" in archive)


def format_options(wildcards):
    """The options of a data set's format, as JSON."""
    return json.dumps(config["datasets"][wildcards.dataset]["options"])


def protocol_options(wildcards):
    """The options of an experiment's protocol, as JSON."""
    return json.dumps(config["experiments"][wildcards.experiment]["protocol_options"])


def needed_folds(wildcards):
    """The folds of an experiment that any of its methods is trained on."""
    experiment = config["experiments"][wildcards.experiment]
    return sorted({fold for method in experiment["methods"] for fold in method_folds(experiment, method)})


def image_list(wildcards):
    """The list of images that an experiment's protocol is drawn from, if it has one and it is there."""
    path = config["experiments"][wildcards.experiment]["protocol_options"].get("list")
    return path if path and Path(path).exists() else []


def dataset_tables(wildcards):
    """What the stages datasets and faces tell of a data set."""
    indexed = f"results/{wildcards.suite}/datasets/{wildcards.dataset}"
    aligned = f"results/{wildcards.suite}/faces/{wildcards.dataset}"
    return {
        "index": f"{indexed}/index.csv",
        "rejected": f"{indexed}/rejected.csv",
        "findings": f"{indexed}/findings.csv",
        "faces_table": f"{aligned}/faces.csv",
        "rejected_faces": f"{aligned}/rejected.csv",
    }
