"""Tables 2 to 5 of the paper: its published rows and the reproduced ones side by side."""

from collections.abc import Iterable, Sequence

import pandas as pd

from pml.data_name import DataName
from pml.errors import InputError, suggest
from pml.files import load_schema, read_table
from pml.reporting.table import EPSILON, Shown, as_text, budgets, read_methods, with_interval
from pml.task import Task

MEASURES = ("mae", "epsilon_error")
SAME = ["epsilon_error_low", "epsilon_error_high", "mae_per_subject", "seeds", "folds", "images"]


def build(task: Task) -> Shown:
    """Return a table of the paper.

    Raises:
        InputError: the metrics lack a method, or no table of the paper names a published twin.
    """
    inputs, experiments = task.inputs, task.settings["experiments"]
    known = set(pd.concat([read_table(path, "published") for path in inputs["others"]])["method"])
    metrics = []
    for path, experiment in zip(inputs["metrics"], experiments, strict=True):
        metrics.append(read_methods(path, "metrics", experiment["methods"]))
        _check_twins(experiment["methods"], known)
    table = compare(read_table(inputs["published"], "published"), experiments, metrics)
    cluster = "subjects" if any((of_methods["subjects"] > 0).any() for of_methods in metrics) else "images"
    return Shown(table, "table", cells_of(table), caption(task.settings["name"], table, cluster, experiments), best(table))


def compare(published: pd.DataFrame, experiments: Sequence[dict], metrics: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the `table`: the published rows in their order, each followed by its reproductions, then the other methods.

    A reproduction belongs to the published row that has one of its names and its pretraining, if there is one.

    Args:
        published: the paper's rows, schema `published`.
        experiments: those that reproduce the table, on one data set, each with its own pretraining.
        metrics: of each experiment, schema `metrics`.
    """
    data = DataName(**experiments[0]["data"])
    printed_rows = published.assign(epsilon_error=published.get("epsilon_error", float("nan"))).to_dict("records")
    twins: list[list[dict]] = [[] for _ in printed_rows]
    others: list[dict] = []
    for experiment, of_methods in zip(experiments, metrics, strict=True):
        for method in experiment["methods"]:
            place = _find_twin(method, experiment["pretraining"], printed_rows)
            twin = {} if place is None else printed_rows[place]
            row = _reproduced_row(method, experiment, of_methods, twin)
            (others if place is None else twins[place]).append(row)
    rows = []
    for printed, of_printed in zip(printed_rows, twins, strict=True):
        row = {name: printed[name] for name in ("method", "reference", "year", "pretraining")}
        row |= {"source": "published", "data": data.label, "verdict": "see reproduced row" if of_printed else "published only"}
        rows += [row | {f"published_{measure}": printed[measure] for measure in MEASURES}, *of_printed]
    table = pd.DataFrame(rows + others, columns=list(load_schema("table")["properties"]))
    whole = ["year", "images_common", "seeds", "folds", "images"]
    return table.astype(dict.fromkeys(whole, "Int64"))


def verdict(published: float, low: float, high: float, synthetic: bool) -> str:
    """Return in a few fixed words how a published value lies to the 95 % interval of its reproduction; NaN if there is none."""
    if synthetic:
        return "synthetic: not comparable"
    if pd.isna(published):
        return "no published value"
    if pd.isna(low):
        return "no interval"
    if published < low:
        return "higher than published"
    return "lower than published" if published > high else "within interval"


def _names(method: dict) -> list[str]:
    published = method["published"]
    return [published] if isinstance(published, str) else published or []


def _check_twins(methods: Iterable[dict], known: set[str]) -> None:
    for method in methods:
        for name in _names(method):
            if name not in known:
                where = f"config: methods.{method['method']}.published"
                raise InputError(f"{where}: no published table names '{name}'{suggest(name, known)}")


def _find_twin(method: dict, pretraining: str, printed_rows: Sequence[dict]) -> int | None:
    """Return the place of the published row of a method and pretraining; the first name that has one wins."""
    places = {(printed["method"], printed["pretraining"]): place for place, printed in enumerate(printed_rows)}
    return next((places[name, pretraining] for name in _names(method) if (name, pretraining) in places), None)


def _reproduced_row(method: dict, experiment: dict, metrics: pd.DataFrame, twin: dict) -> dict:
    """Return a row with the metrics of a method, and what its published twin, if it has one, says of them."""
    of_method = metrics[metrics["method"] == method["method"]].set_index("scope")
    own, common, data = of_method.loc["own"], of_method.loc["common"], DataName(**experiment["data"])
    row = {"data": str(data), "method": method["label"], "source": "reproduced"}
    row |= {"experiment": experiment["experiment"]} | {name: own[name] for name in SAME}
    row |= {"start": method["start"], "pretraining": experiment["pretraining"] if method["start"] else "none"}
    row |= {"mae_common": common["mae"], "images_common": common["images"]}
    row |= {"reproduced_low": own["mae_low"], "reproduced_high": own["mae_high"]}
    verdicts = {}
    for measure in MEASURES:
        published, reproduced = twin.get(measure, float("nan")), own[measure]
        row |= {f"published_{measure}": published, f"reproduced_{measure}": reproduced}
        verdicts[measure] = verdict(published, own[f"{measure}_low"], own[f"{measure}_high"], data.synthetic)
    row |= {"difference": float("nan") if data.synthetic else row["reproduced_mae"] - row["published_mae"]}
    measured = not pd.isna(own["epsilon_error"])
    return row | {"verdict": verdicts["mae"], "epsilon_error_verdict": verdicts["epsilon_error"] if measured else None}


def caption(name: str, table: pd.DataFrame, cluster: str, experiments: Sequence[dict]) -> str:
    """Return what a reader must know to read the table's numbers.

    Args:
        name: of the table in the paper.
        table: schema `table`.
        cluster: what the intervals draw, "subjects" or "images".
    """
    data, notes = DataName(**experiments[0]["data"]), budgets(experiments)
    epsilon = _has_epsilon(table)
    sentences = [
        f"The paper's {name} beside its reproduction: mean absolute error in years{' and ε-error' if epsilon else ''} "
        f"on {data}.",
        f"In brackets the 95 % interval from a bootstrap over the {cluster} that were tested, which leaves out the variation "
        "between trainings; the verdict compares it with the published value of the same pretraining. Difference: reproduced "
        "minus published.",
    ]
    if epsilon:
        sentences.append(EPSILON)
    heads = table[table["source"] == "reproduced"].drop_duplicates("experiment").set_index("experiment")
    several = len(heads) > 1
    if several:
        sentences.append(
            "Common: on the images that every method of the experiment was tested on, the best of each experiment in bold."
        )
    else:
        images = heads["images_common"].iloc[0]
        sentences.append(f"Common: on the {images} images that every reproduced method was tested on, best in bold.")
    if notes:
        of = " of an experiment" if several else ""
        shared = "share one backbone and one budget, the config's, which is not that of the published rows."
        sentences.append(f"Reproduced rows{of} {shared}")
    if data.synthetic:
        sentences.append("Reproduced rows ran on synthetic images: they show that the suite works, not how good a method is.")
    pretraining = {experiment["experiment"]: experiment["pretraining"] for experiment in experiments}
    for experiment, head in heads.iterrows():
        of = f"{experiment} (pretraining {pretraining[experiment]}, {head['images_common']} images common)"
        note = notes.get(experiment)
        sentences += [f"{of}: {note}" if note else f"{of}."] if several else filter(None, [note])
    return " ".join(sentences)


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the paper, schema `table`, as a reader wants it.

    Columns that no row fills are left out. Rows name their experiment where their pretraining does not tell it.
    """
    published = table["source"] == "published"
    columns = {
        "Method": table["method"],
        "Source": ("published " + as_text(table["year"], "{:.0f}")).where(published, "reproduced on " + table["data"]),
        "Pretraining": table["pretraining"],
        "Start": table["start"].astype(object).fillna("–"),
        "Published": as_text(table["published_mae"].where(published)),
        "Reproduced": with_interval(table, ["reproduced_mae", "reproduced_low", "reproduced_high"]),
        "Difference": as_text(table["difference"], "{:+.2f}"),
        "Per subject": as_text(table["mae_per_subject"]),
        "Common": as_text(table["mae_common"]),
        **{name.capitalize(): as_text(table[name], "{:.0f}") for name in ("images", "folds", "seeds")},
        "Verdict": table["verdict"],
    }
    if (table.groupby("pretraining")["experiment"].nunique() > 1).any():
        columns["Source"] += table["experiment"].map(", {}".format, na_action="ignore").fillna("")
    if table["mae_per_subject"].isna().all():
        del columns["Per subject"]
    if _has_epsilon(table):
        measured = ["reproduced_epsilon_error", "epsilon_error_low", "epsilon_error_high"]
        columns["Published ε"] = as_text(table["published_epsilon_error"].where(published), "{:.3f}")
        columns["Reproduced ε"] = with_interval(table, measured, "{:.3f}")
        columns["Verdict ε"] = table["epsilon_error_verdict"].astype(object).fillna("–")
    return pd.DataFrame(columns)


def best(table: pd.DataFrame) -> pd.DataFrame:
    """Mark the best MAE of each experiment on the common images, in the one column "Common"."""
    return (table["mae_common"] == table.groupby("experiment")["mae_common"].transform("min")).to_frame("Common")


def _has_epsilon(table: pd.DataFrame) -> bool:
    return bool(table[["published_epsilon_error", "reproduced_epsilon_error"]].notna().any(axis=None))
