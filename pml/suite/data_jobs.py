"""The jobs from a URL, or from nothing, to the face store and the folds."""

import re
from pathlib import Path

from pml.starts import STARTS, starts_of
from pml.suite.config import archive_name, method_folds
from pml.suite.plan import Needs, Plan, Wildcards, rule
from pml.suite.settings import class_ages, fingerprint

LABEL_FILE = re.compile(r"[\w .,()+-]+\.(csv|tsv|txt|parquet)", re.IGNORECASE)  # of a name that snakemake takes as it is


def datasets(plan: Plan) -> list[Wildcards]:
    return [{"dataset": name} for name in plan.config["datasets"]]


def experiments(plan: Plan) -> list[Wildcards]:
    return [{"experiment": name} for name in plan.config["experiments"]]


def archives(plan: Plan, kind: str) -> list[tuple[str, dict]]:
    """Return the data set and the description of each archive of a kind: url, path or synthetic."""
    found = [(name, archive) for name, dataset in plan.config["datasets"].items() for archive in dataset["archives"]]
    return [(name, archive) for name, archive in found if kind in archive]


def archive_path(plan: Plan, dataset: str, archive: dict) -> str:
    """Return where an archive is: downloaded, the user's own, or drawn."""
    if "url" in archive:
        return plan.outputs("fetch_archive", dataset=dataset, archive=archive_name(archive["url"]))["archive"]
    return archive.get("path") or plan.outputs("draw_synthetic_archive", dataset=dataset)["archive"]


def data_name(plan: Plan, dataset: str) -> dict:
    """Return the name of a data set as tables and figures have it, `pml.data_name.DataName`."""
    chosen = plan.config["datasets"][dataset]
    return {"label": chosen["label"], "synthetic": any("synthetic" in archive for archive in chosen["archives"])}


def faces(plan: Plan, experiment: str) -> dict[str, str]:
    """Return the index and the face store of an experiment's data set."""
    dataset = plan.config["experiments"][experiment]["dataset"]
    store = plan.outputs("align_faces", dataset=dataset)
    index = plan.outputs("index_images", dataset=dataset)["index"]
    return {"index": index, "faces_table": store["table"], "faces": store["faces"]}


def training_data(plan: Plan, experiment: str) -> dict[str, str]:
    """Return what a training of an experiment reads: the index, the faces or their embeddings, and the folds."""
    paths = faces(plan, experiment)
    store = paths.pop("faces")
    if plan.config["experiments"][experiment]["frozen"] is not None:
        store = plan.outputs("embed_faces", **embedding_store(plan, experiment))["embeddings"]
    return paths | {"store": store} | plan.outputs("assign_folds", experiment=experiment)


def start_of(plan: Plan, experiment: str) -> str:
    """Return what the backbone of an experiment starts from: "random" or a checkpoint.

    Of an experiment that starts from another one this is the other's, back to the first.
    """
    chosen = plan.config["experiments"][experiment]
    given = chosen["initialisation"]
    if not isinstance(given, str):
        return start_of(plan, given["experiment"])
    if given in starts_of(chosen["backbone"]):
        return plan.outputs("fetch_weights", backbone=chosen["backbone"], start=given)["weights"]
    return given


def embedded_network(plan: Plan, experiment: str) -> dict:
    """Return all that decides the features of a face under an experiment's frozen backbone."""
    chosen = plan.config["experiments"][experiment]
    copies = chosen["frozen"]["copies"]
    described = {"backbone": chosen["backbone"], "backbone_options": chosen["backbone_options"]}
    described |= {"initialisation": start_of(plan, experiment), "copies": copies}
    return described | ({"augmentation": chosen["training"]["augmentation"]} if copies else {})


def embedding_store(plan: Plan, experiment: str) -> Wildcards:
    """Return which store of embeddings a frozen experiment reads; several may share one."""
    embedded = embedded_network(plan, experiment)
    name = f"{embedded['backbone'].replace(':', '.')}-{fingerprint(embedded)[:8]}"
    return {"dataset": plan.config["experiments"][experiment]["dataset"], "network": name}


def stores(plan: Plan) -> dict[tuple[str, ...], str]:
    """Return the stores of embeddings, each with the first experiment that reads it."""
    frozen = [
        name for name, chosen in plan.config["experiments"].items() if chosen["frozen"] is not None and plan.trained(name)
    ]
    return {tuple(embedding_store(plan, name).values()): name for name in reversed(frozen)}


def embeddings(plan: Plan) -> list[Wildcards]:
    return [{"dataset": dataset, "network": network} for dataset, network in stores(plan)]


def downloads(plan: Plan) -> list[Wildcards]:
    return [{"dataset": name, "archive": archive_name(archive["url"])} for name, archive in archives(plan, "url")]


@rule("pml.datasets.fetch:fetch_archive", downloads, archive="resources/archives/{dataset}/{archive}")
def fetch_archive(plan: Plan, dataset: str, archive: str) -> Needs:
    (chosen,) = [one for name, one in archives(plan, "url") if name == dataset and archive_name(one["url"]) == archive]
    return {}, {"url": chosen["url"], "checksum": chosen["checksum"]}


def drawn(plan: Plan) -> list[Wildcards]:
    return [{"dataset": name} for name, _ in archives(plan, "synthetic")]


@rule("pml.datasets.synthetic.draw:draw_synthetic_archive", drawn, archive="results/{suite}/archives/{dataset}.archive")
def draw_synthetic_archive(plan: Plan, dataset: str) -> Needs:
    (chosen,) = [archive["synthetic"] for name, archive in archives(plan, "synthetic") if name == dataset]
    return {}, {"format": plan.config["datasets"][dataset]["format"], **chosen}


@rule(
    "pml.datasets.index:index_images",
    datasets,
    images="results/{suite}/datasets/{dataset}/images",
    index="results/{suite}/datasets/{dataset}/index.csv",
    landmarks="results/{suite}/datasets/{dataset}/landmarks.csv",
    rejected="results/{suite}/datasets/{dataset}/rejected.csv",
    findings="results/{suite}/datasets/{dataset}/findings.csv",
)
def index_images(plan: Plan, dataset: str) -> Needs:
    """Of the archives, those that a rule makes or that are there; the stage says how to obtain one that is missing.

    The time of a folder does not change with a file in it, so the label files that lie in it are inputs, too.
    """
    chosen = plan.config["datasets"][dataset]
    paths = [archive_path(plan, dataset, archive) for archive in chosen["archives"]]
    inputs = [
        path for path, archive in zip(paths, chosen["archives"], strict=True) if "path" not in archive or Path(path).exists()
    ]
    beside = [file for path in inputs if Path(path).is_dir() for file in sorted(Path(path).glob("*.*"))]
    inputs += [str(file) for file in beside if LABEL_FILE.fullmatch(file.name) and file.is_file()]
    settings = {"format": chosen["format"], "options": chosen["options"], "archives": paths}
    return {"archives": inputs}, settings | {"checksums": [archive.get("checksum") for archive in chosen["archives"]]}


@rule(
    "pml.faces.align:align_faces",
    datasets,
    faces="results/{suite}/faces/{dataset}/faces.npy",
    table="results/{suite}/faces/{dataset}/faces.csv",
    rejected="results/{suite}/faces/{dataset}/rejected.csv",
)
def align_faces(plan: Plan, dataset: str) -> Needs:
    indexed, size = plan.outputs("index_images", dataset=dataset), plan.config["datasets"][dataset]["face_size"]
    return {name: indexed[name] for name in ("images", "index", "landmarks")}, {"size": size} | plan.crop(dataset)


@rule("pml.training.embed:embed_faces", embeddings, embeddings="results/{suite}/embeddings/{dataset}/{network}.npy")
def embed_faces(plan: Plan, dataset: str, network: str) -> Needs:
    experiment = stores(plan)[dataset, network]
    settings = embedded_network(plan, experiment)
    weights = [] if settings["initialisation"] == "random" else [settings["initialisation"]]
    inputs = {"faces": plan.outputs("align_faces", dataset=dataset)["faces"], "initialisation": weights}
    return inputs, settings | {"device": plan.config["experiments"][experiment]["training"]["device"]}


@rule("pml.folds.assign:assign_folds", experiments, folds="results/{suite}/folds/{experiment}/folds.csv")
def assign_folds(plan: Plan, experiment: str) -> Needs:
    """The list of images, if the protocol has one, is an input once it is there; the stage complains of one that is not."""
    chosen = plan.config["experiments"][experiment]
    store = faces(plan, experiment)
    listed = chosen["protocol_options"].get("list")
    inputs = {"index": store["index"], "faces_table": store["faces_table"]}
    inputs |= {"list": listed} if listed and Path(listed).exists() else {}
    needed = sorted({fold for method in chosen["methods"] for fold in method_folds(chosen, method)})
    settings = {name: chosen[name] for name in ("protocol", "protocol_options", "validation", "curriculum")}
    return inputs, settings | {"seed": chosen["fold_seed"], "needed": needed, "ages": class_ages(chosen["training"])}


def fetched_weights(plan: Plan) -> list[Wildcards]:
    chosen = {name: of for name, of in plan.config["experiments"].items() if plan.trained(name)}
    started = [(experiment["backbone"], experiment["initialisation"]) for experiment in chosen.values()]
    named = [(backbone, name) for backbone, name in started if isinstance(name, str) and name in starts_of(backbone)]
    return [{"backbone": backbone, "start": name} for backbone, name in dict.fromkeys(named)]


@rule("pml.backbones.fetch:fetch_weights", fetched_weights, weights="resources/weights/{backbone}-{start}.pth")
def fetch_weights(plan: Plan, backbone: str, start: str) -> Needs:
    chosen = STARTS[backbone, start]
    return {}, {"files": chosen.files, "read": chosen.read}
