"""The jobs from a URL, or from nothing, to the face store and the folds."""

from pathlib import Path
from urllib.parse import urlsplit

from pml.registry import WEIGHTS
from pml.suite.config import IMAGENET, method_folds
from pml.suite.plan import Needs, Plan, Wildcards, rule


def datasets(plan: Plan) -> list[Wildcards]:
    return [{"dataset": name} for name in plan.config["datasets"]]


def experiments(plan: Plan) -> list[Wildcards]:
    return [{"experiment": name} for name in plan.config["experiments"]]


def archives(plan: Plan, kind: str) -> list[tuple[str, dict]]:
    """Return the data set and the description of each archive of a kind: url, path or synthetic."""
    found = [(name, archive) for name, dataset in plan.config["datasets"].items() for archive in dataset["archives"]]
    return [(name, archive) for name, archive in found if kind in archive]


def archive_name(archive: dict) -> str:
    """Return the file name of a download."""
    return Path(urlsplit(archive["url"]).path).name


def archive_path(plan: Plan, dataset: str, archive: dict) -> str:
    """Return where an archive is: downloaded, the user's own, or drawn."""
    if "url" in archive:
        return plan.outputs("fetch_archive", dataset=dataset, archive=archive_name(archive))["archive"]
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


def downloads(plan: Plan) -> list[Wildcards]:
    return [{"dataset": name, "archive": archive_name(archive)} for name, archive in archives(plan, "url")]


@rule("pml.datasets.fetch:fetch_archive", downloads, archive="resources/archives/{dataset}/{archive}")
def fetch_archive(plan: Plan, dataset: str, archive: str) -> Needs:
    (chosen,) = [one for name, one in archives(plan, "url") if name == dataset and archive_name(one) == archive]
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
    """Of the archives, those that a rule makes or that are there; the stage says how to obtain one that is missing."""
    chosen = plan.config["datasets"][dataset]
    paths = [archive_path(plan, dataset, archive) for archive in chosen["archives"]]
    inputs = [
        path for path, archive in zip(paths, chosen["archives"], strict=True) if "path" not in archive or Path(path).exists()
    ]
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
    indexed = plan.outputs("index_images", dataset=dataset)
    return {name: indexed[name] for name in ("images", "index", "landmarks")}, {"size": plan.config["face_size"]}


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
    return inputs, settings | {"seed": chosen["fold_seed"], "needed": needed}


def fetched_weights(plan: Plan) -> list[Wildcards]:
    chosen = {name: of for name, of in plan.config["experiments"].items() if plan.trained(name)}
    started = [experiment["backbone"] for experiment in chosen.values() if experiment["initialisation"] == IMAGENET]
    return [{"backbone": backbone} for backbone in dict.fromkeys(started)]


@rule("pml.datasets.fetch:fetch_weights", fetched_weights, weights="resources/weights/{backbone}.pth")
def fetch_weights(plan: Plan, backbone: str) -> Needs:
    url, checksum = WEIGHTS[backbone]
    return {}, {"url": url, "checksum": checksum}
