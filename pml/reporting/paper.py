"""Tables 2 to 5 of the paper: each published row and its reproduction side by side, and what the one says of the other."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from pml.data_name import DataName
from pml.errors import InputError, suggest
from pml.reporting.evidence import EPSILON_MARGIN, NO_PUBLISHED, NOT_CONFIGURED, NOT_RUN, judge
from pml.reporting.table import EPSILON, INTERVAL, Shown, as_text, budgets, read_methods, with_interval
from pml.tables import load_schema, read_table
from pml.task import Task

MEASURES = ("mae", "epsilon_error")
SAME = ["epsilon_error_low", "epsilon_error_high", "mae_per_subject", "seeds", "folds", "images"]


def build(task: Task) -> Shown:
    """Return a table of the paper.

    Raises:
        InputError: the metrics lack a method, or no table of the paper names a published twin.
    """
    inputs, settings = task.inputs, task.settings
    known = set(pd.concat([read_table(path, "published") for path in inputs["others"]])["method"])
    metrics = []
    for path, experiment in zip(inputs["metrics"], settings["experiments"], strict=True):
        metrics.append(read_methods(path, "metrics", experiment["methods"]))
        _check_twins(experiment["methods"], known)
    published, reasons = (read_table(inputs[name], name) for name in ("published", "reported_only"))
    not_run = dict(zip(reasons["method"], reasons["reason"], strict=True))
    table = compare(published, not_run, settings["experiments"], metrics, settings["margin"])
    shown = caption(settings["name"], table, settings["margin"], settings["experiments"])
    return Shown(table, "table", cells_of(table), shown, best(table, metrics, settings["experiments"]))


def compare(
    published: pd.DataFrame,
    not_run: dict[str, str],
    experiments: Sequence[dict],
    metrics: Sequence[pd.DataFrame],
    margin: float,
) -> pd.DataFrame:
    """Return the `table`: the published rows in their order, each with its reproductions, then the other methods.

    A reproduction belongs to the published row that has one of its names and its pretraining; where none has both, to the first
    that has its name, with which it is not comparable.

    Args:
        published: the paper's rows, schema `published`.
        not_run: why a published method cannot be run, by its name.
        experiments: those that reproduce the table, each with its own pretraining.
        metrics: of each experiment, schema `metrics`.
        margin: years within which a difference counts as none.
    """
    data = DataName(**experiments[0]["data"])
    printed_rows = published.assign(epsilon_error=published.get("epsilon_error", np.nan)).to_dict("records")
    twins: list[list[dict]] = [[] for _ in printed_rows]
    others: list[dict] = []
    for experiment, of_methods in zip(experiments, metrics, strict=True):
        for method in experiment["methods"]:
            place = _find_twin(method, experiment["pretraining"], printed_rows)
            row = _reproduced_row(method, experiment, of_methods, {} if place is None else printed_rows[place], margin)
            (others if place is None else twins[place]).append(row)
    rows = []
    for printed, of_printed in zip(printed_rows, twins, strict=True):
        of_paper = {name: printed[name] for name in ("method", "reference", "year", "pretraining")}
        of_paper |= {f"published_{measure}": printed[measure] for measure in MEASURES}
        reason = not_run.get(printed["method"], NOT_CONFIGURED)
        rows += [of_paper | row for row in of_printed] or [
            of_paper | {"data": data.label, "verdict": NOT_RUN, "reason": reason}
        ]
    table = pd.DataFrame(rows + others, columns=list(load_schema("table")["properties"]))
    return table.astype(dict.fromkeys(["year", "images_common", "seeds", "folds", "images"], "Int64"))


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
    """Return the place of the published row of a method and pretraining, else the first of the method; the first name wins."""
    for name in _names(method):
        places = {printed["pretraining"]: place for place, printed in enumerate(printed_rows) if printed["method"] == name}
        if places:
            return places.get(pretraining, next(iter(places.values())))
    return None


def _reproduced_row(method: dict, experiment: dict, metrics: pd.DataFrame, twin: dict, margin: float) -> dict:
    """Return a row with the metrics of a method, and what they say of its published twin, if it has one."""
    of_method = metrics[metrics["method"] == method["method"]].set_index("scope")
    own, common, data = of_method.loc["own"], of_method.loc["common"], DataName(**experiment["data"])
    row = {"data": str(data), "reproduced_by": method["label"], "experiment": experiment["experiment"]}
    row |= {name: own[name] for name in SAME} | {"start": method["start"]}
    row |= {"mae_common": common["mae"], "images_common": common["images"]}
    row |= {"reproduced_low": own["mae_low"], "reproduced_high": own["mae_high"]}
    row |= {f"reproduced_{measure}": own[measure] for measure in MEASURES}
    if not twin:
        pretraining = experiment["pretraining"] if method["start"] else "none"
        return row | {"method": method["label"], "pretraining": pretraining, "verdict": NO_PUBLISHED}
    obstacle = experiment["obstacle"] or ""
    if not obstacle and experiment["pretraining"] != twin["pretraining"]:
        obstacle = f"another start: {method['start']}"
    if not obstacle and own["folds"] < (experiment["folds"] or 0):
        obstacle = f"{own['folds']} of {experiment['folds']} folds"
    lacks = own["no_interval"] if isinstance(own["no_interval"], str) else ""
    for measure, within in zip(MEASURES, (margin, EPSILON_MARGIN), strict=True):
        interval = own[f"{measure}_low"], own[f"{measure}_high"]
        found, reason = judge(twin[measure], *interval, within, obstacle, lacks)
        if measure == "mae":
            row |= {"verdict": found, "reason": reason}
        elif not pd.isna(own[measure]):
            row |= {"epsilon_error_verdict": found}
    return row | {"difference": np.nan if data.synthetic else own["mae"] - twin["mae"]}


def caption(name: str, table: pd.DataFrame, margin: float, experiments: Sequence[dict]) -> str:
    """Return what a reader must know to read the table's numbers; `name` is that of the table in the paper."""
    data, notes = DataName(**experiments[0]["data"]), budgets(experiments)
    epsilon = _has_epsilon(table)
    sentences = [
        f"The paper's {name} beside its reproduction: mean absolute error in years{' and ε-error' if epsilon else ''} "
        f"on {data}.",
        INTERVAL,
        f"Verdict: reproduced if the whole interval lies within {margin:g} years of the published value; else not reproduced "
        "if the published value lies outside the interval, and inconclusive if inside.",
        "Difference: reproduced minus published.",
    ]
    if epsilon:
        sentences.append(EPSILON)
    heads = table.dropna(subset="experiment").drop_duplicates("experiment").set_index("experiment")
    several = len(heads) > 1
    if several:
        sentences.append("Common: on the images that every method of the experiment was tested on.")
    else:
        sentences.append(f"Common: on the {heads['images_common'].iloc[0]} images that every reproduced method was tested on.")
    sentences.append("In bold the best method, if its difference from the next is shown.")
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
    text = {name: table[name].astype(object).fillna("–") for name in ("reproduced_by", "data", "start", "reason")}
    columns = {
        "Method": table["method"] + (", " + as_text(table["year"], "{:.0f}")).where(table["year"].notna(), ""),
        "Pretraining": table["pretraining"],
        "Published": as_text(table["published_mae"]),
        "Reproduced": with_interval(table, ["reproduced_mae", "reproduced_low", "reproduced_high"]),
        "Difference": as_text(table["difference"], "{:+.2f}"),
        "Verdict": table["verdict"],
        "Reason": text["reason"],
        "Reproduced by": text["reproduced_by"],
        "Data": text["data"],
        "Experiment": table["experiment"].astype(object).fillna("–"),
        "Start": text["start"],
        "Per subject": as_text(table["mae_per_subject"]),
        "Common": as_text(table["mae_common"]),
        **{name.capitalize(): as_text(table[name], "{:.0f}") for name in ("images", "folds", "seeds")},
    }
    if table["experiment"].nunique() < 2:
        del columns["Experiment"]
    if table["mae_per_subject"].isna().all():
        del columns["Per subject"]
    if _has_epsilon(table):
        measured = ["reproduced_epsilon_error", "epsilon_error_low", "epsilon_error_high"]
        columns["Published ε"] = as_text(table["published_epsilon_error"], "{:.3f}")
        columns["Reproduced ε"] = with_interval(table, measured, "{:.3f}")
        columns["Verdict ε"] = table["epsilon_error_verdict"].astype(object).fillna("–")
    return pd.DataFrame(columns)


def best(table: pd.DataFrame, metrics: Sequence[pd.DataFrame], experiments: Sequence[dict]) -> pd.DataFrame:
    """Mark the MAE on the common images of each experiment's best method, if it is shown to be, in the one column "Common"."""
    shown = set()
    for experiment, of_methods in zip(experiments, metrics, strict=True):
        labels = {method["method"]: method["label"] for method in experiment["methods"]}
        best_of = of_methods.loc[of_methods["best"], "method"]
        shown |= {(experiment["experiment"], labels[method]) for method in best_of if method in labels}
    rows = zip(table["experiment"], table["reproduced_by"], strict=True)
    return pd.DataFrame({"Common": [row in shown for row in rows]}, table.index)


def _has_epsilon(table: pd.DataFrame) -> bool:
    return bool(table[["published_epsilon_error", "reproduced_epsilon_error"]].notna().any(axis=None))
