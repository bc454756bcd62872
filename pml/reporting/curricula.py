"""Table 6: the curricula of each data set, the paper's counts and errors beside those of the folds and of the runs."""

from collections.abc import Iterable, Mapping

import pandas as pd

from pml.data_name import DataName
from pml.errors import InputError
from pml.folds.curriculum import imbalance_ratio, sample_count, thresholds
from pml.reporting.evidence import NOT_CONFIGURED, NOT_RUN, judge
from pml.reporting.table import INTERVAL, Shown, as_text, budgets, read_methods, with_interval
from pml.tables import load_schema, read_table
from pml.task import Task

COUNTED = "ChaLearn"  # the data set whose images of each age are known, so that its printed numbers can be checked


def build(task: Task) -> Shown:
    """Return Table 6: a row per experiment, method and curriculum, then the paper's rows that no one reproduces.

    Raises:
        InputError: the folds have no curricula, or the metrics lack a method.
    """
    experiments, margin = task.settings["experiments"], task.settings["margin"]
    counts = pd.read_csv(task.inputs["histogram"])["train"]
    published = read_table(task.inputs["published"], "published_curricula")
    notes = contradictions(published, COUNTED, counts[counts > 0])
    printed = published.set_index(["dataset", "dividing_line"])
    rows, reproduced = [], set()
    for experiment, files in zip(experiments, task.inputs["experiments"], strict=True):
        counted, data = count_courses(files), DataName(**experiment["data"])
        metrics = [_own_metrics(path, experiment["methods"]) for path in files["metrics"]]
        for method in experiment["methods"]:
            for course, line in enumerate([*experiment["dividing_lines"], 1], 1):
                key = (data.label, line)
                reproduced.add(key)
                twin = printed.loc[key] if key in printed.index else pd.Series(dtype=float)
                own = metrics[course - 1].loc[method["method"]].to_dict()
                lacks, obstacle = own.pop("no_interval"), experiment["obstacle"] or ""
                lacks = lacks if isinstance(lacks, str) else ""
                found, reason = judge(twin.get("mae", float("nan")), own["mae_low"], own["mae_high"], margin, obstacle, lacks)
                rows.append(
                    {"data": str(data), "curriculum": f"D{course}", "dividing_line": line, "method": method["label"]}
                    | {"experiment": experiment["experiment"], "start": method["start"]}
                    | {"note": notes.get(key), "verdict": found, "reason": reason}
                    | _of_paper(twin)
                    | counted.loc[course].to_dict()
                    | own
                )
    for key, row in printed.iterrows():
        if key not in reproduced:
            own = {"data": key[0], "curriculum": row["curriculum"], "dividing_line": key[1]}
            not_run = {"verdict": NOT_RUN, "reason": NOT_CONFIGURED, "note": notes.get(key)}
            rows.append(own | _of_paper(row) | not_run)
    table = pd.DataFrame(rows, columns=list(load_schema("curricula")["properties"]))
    contradicted = [f"{key[0]}, {printed.loc[key, 'curriculum']}: {note}." for key, note in notes.items()]
    return Shown(table, "curricula", cells_of(table), caption(experiments, contradicted))


def _own_metrics(path: str, methods: list[dict]) -> pd.DataFrame:
    """Return what the table shows of each method's metrics over all images that it was tested on, by method."""
    metrics = read_methods(path, "metrics", methods)
    own = metrics[metrics["scope"] == "own"].set_index("method")
    return own[["mae", "mae_low", "mae_high", "no_interval", "seeds", "folds", "images"]]


def _of_paper(row: Mapping) -> dict:
    return {f"published_{name}": row.get(name, float("nan")) for name in ("imbalance_ratio", "samples", "mae")}


def count_courses(files: Mapping) -> pd.DataFrame:
    """Return `samples` and `imbalance_ratio` of each curriculum (the index, from 1), means over the folds of folds.csv."""
    folds = read_table(files["folds"], "folds")
    if "course" not in folds:
        raise InputError(f"{files['folds']}: no column 'course'; give experiments.<name>.curriculum in the config")
    ages = read_table(files["index"], "index").set_index("image")["age"].round()
    train = folds[folds["part"] == "train"].assign(age=lambda rows: rows["image"].map(ages))
    rows = []
    for course in range(1, len(files["metrics"]) + 1):
        counts = train[train["course"] <= course].groupby("fold")["age"].value_counts()
        by_fold = counts.groupby("fold").agg(["sum", "max", "min"])
        rows.append({"samples": by_fold["sum"].mean(), "imbalance_ratio": (by_fold["max"] / by_fold["min"]).mean()})
    return pd.DataFrame(rows, index=range(1, len(rows) + 1))


def contradictions(published: pd.DataFrame, dataset: str, counts: pd.Series) -> dict[tuple[str, float], str]:
    """Return what the printed samples of a data set say against its printed ratios, by data set and dividing line.

    Args:
        published: the paper's Table 6.
        counts: images of each age in the very training part that its curricula were drawn from.
    """
    found = {}
    rows = published[published["dataset"] == dataset]
    for row, threshold in zip(rows.itertuples(), thresholds(counts, rows["dividing_line"].tolist()), strict=True):
        ratio = imbalance_ratio(counts, threshold)
        if sample_count(counts, threshold) == row.samples and ratio != row.imbalance_ratio:
            found[dataset, row.dividing_line] = (
                f"the paper prints {row.imbalance_ratio:g}/1, but the {row.samples:,} images that it prints are {ratio:g}/1"
            )
    return found


def caption(experiments: Iterable[dict], contradicted: Iterable[str]) -> str:
    """Return what a reader must know to read the table; `contradicted` tells what contradicts itself in the paper's."""
    sentences = [
        "The paper's Table 6 beside its reproduction: curricula from balanced to imbalanced, the images of each, and the mean "
        "absolute error in years on the test images when training on it has ended. Curriculum D(delta) holds all images of the "
        "rarest ages, a share delta of them, and of each other age as many as the most common of those has; the last one "
        "holds all. Samples and ratio are means over the protocol's folds.",
        INTERVAL,
    ]
    if any(experiment["data"]["synthetic"] for experiment in experiments):
        sentences.append("Synthetic images show that the suite works; their counts and errors compare with no published value.")
    return " ".join([*sentences, *contradicted, *(f"{name}: {note}" for name, note in budgets(experiments).items())])


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, schema `curricula`, as a reader wants it."""
    columns = {
        "Data": table["data"],
        "Curriculum": table["curriculum"] + table["dividing_line"].map(" ({:.0%})".format),
        "Method": table["method"].astype(object).fillna("–"),
        "Published ratio": as_text(table["published_imbalance_ratio"], "{:g}/1"),
        "Ratio": as_text(table["imbalance_ratio"], "{:.4g}/1"),
        "Published samples": as_text(table["published_samples"], "{:,.0f}"),
        "Samples": as_text(table["samples"], "{:,.0f}"),
        "Published MAE": as_text(table["published_mae"], "{:.3f}"),
        "MAE": with_interval(table, ["mae", "mae_low", "mae_high"]),
        **{name.capitalize(): as_text(table[name], "{:.0f}") for name in ("images", "folds", "seeds")},
        "Verdict": table["verdict"],
        "Reason": table["reason"].astype(object).fillna("–"),
    }
    return pd.DataFrame(columns)
