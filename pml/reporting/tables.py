"""A table of the paper: its published rows and the reproduced ones side by side, as CSV, Markdown and LaTeX."""

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.files import check_list, load_schema, read_json, read_table, write_table, write_text
from pml.reporting.table_text import best, caption, shown, to_latex, to_markdown
from pml.synthetic_mark import marked

EXPERIMENT_KEYS = {"experiment", "metrics", "pretraining", "note", "methods"}
METHOD_KEYS = {"method", "label", "published"}


@dataclass(frozen=True)
class Experiment:
    """The reproduced rows that one experiment gives to a table.

    Attributes:
        name: of the experiment.
        metrics: of its methods, schema `metrics`.
        pretraining: the face data that its initial weights have seen, as the published tables name it.
        note: what its trainings had to work with, for the caption.
        methods: for each row the `method` in `metrics`, the `label` to print, and under `published` the paper's name of the
            method, None, or a list where the paper's tables disagree on the name.
    """

    name: str
    metrics: pd.DataFrame
    pretraining: str
    note: str
    methods: Sequence[dict]


def compare(published: pd.DataFrame, experiments: Sequence[Experiment], data: str, synthetic: bool) -> pd.DataFrame:
    """Return the `table`: the published rows in their order, each followed by its reproductions, then the other methods.

    A reproduction belongs to the published row that has one of its names and its pretraining, if there is one.

    Args:
        published: the paper's rows, schema `published`.
        experiments: those that reproduce the table, each with its own pretraining.
        data: name of the data set.
        synthetic: whether the reproduced rows ran on synthetic images, which makes them comparable with no published value.
    """
    printed_rows = published.assign(epsilon_error=published.get("epsilon_error", float("nan"))).to_dict("records")
    twins: list[list[dict]] = [[] for _ in printed_rows]
    others = []
    for experiment in experiments:
        for method in experiment.methods:
            place = _find_twin(method, experiment.pretraining, printed_rows)
            twin = {} if place is None else printed_rows[place]
            row = _reproduced_row(method, experiment, twin) | {"data": marked(data, synthetic)}
            (others if place is None else twins[place]).append(_judged(row, synthetic))
    rows = []
    for printed, of_printed in zip(printed_rows, twins, strict=True):
        row = {name: printed[name] for name in ("method", "reference", "year", "pretraining")}
        row |= {"source": "published", "data": data, "verdict": "see reproduced row" if of_printed else "published only"}
        row |= {f"published_{measure}": printed[measure] for measure in ("mae", "epsilon_error")}
        rows += [row, *of_printed]
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


def _find_twin(method: dict, pretraining: str, printed_rows: Sequence[dict]) -> int | None:
    """Return the place of the published row of a method and pretraining; the first name that has one wins."""
    places = {(printed["method"], printed["pretraining"]): place for place, printed in enumerate(printed_rows)}
    return next((places[name, pretraining] for name in _names(method) if (name, pretraining) in places), None)


def _reproduced_row(method: dict, experiment: Experiment, twin: dict) -> dict:
    of_method = experiment.metrics[experiment.metrics["method"] == method["method"]].set_index("scope")
    own, common = of_method.loc["own"], of_method.loc["common"]
    return {
        "method": method["label"],
        "source": "reproduced",
        "pretraining": experiment.pretraining,
        "experiment": experiment.name,
        "published_mae": twin.get("mae", float("nan")),
        "reproduced_mae": own["mae"],
        "reproduced_low": own["mae_low"],
        "reproduced_high": own["mae_high"],
        "published_epsilon_error": twin.get("epsilon_error", float("nan")),
        "reproduced_epsilon_error": own["epsilon_error"],
        "epsilon_error_low": own["epsilon_error_low"],
        "epsilon_error_high": own["epsilon_error_high"],
        "mae_per_subject": own["mae_per_subject"],
        "mae_common": common["mae"],
        "images_common": common["images"],
        **{name: own[name] for name in ("seeds", "folds", "images")},
    }


def _judged(row: dict, synthetic: bool) -> dict:
    """Return a reproduced row with what its published values say of it."""
    epsilon = [row[name] for name in ("published_epsilon_error", "epsilon_error_low", "epsilon_error_high")]
    return row | {
        "difference": float("nan") if synthetic else row["reproduced_mae"] - row["published_mae"],
        "verdict": verdict(row["published_mae"], row["reproduced_low"], row["reproduced_high"], synthetic),
        "epsilon_error_verdict": None if pd.isna(row["reproduced_epsilon_error"]) else verdict(*epsilon, synthetic),
    }


def read_experiments(path: str, known: Collection[str]) -> list[Experiment]:
    """Read the JSON list of experiments that `compare` takes, and the metrics that each names.

    Args:
        path: a list of objects with the keys `EXPERIMENT_KEYS`; `methods` is a list of objects with the keys `METHOD_KEYS`.
        known: the methods that the paper's tables name, this table's and the others'.

    Raises:
        InputError: the file is not such a list, it repeats an experiment or a method, the metrics lack a method, or no table
            of the paper names a published twin.
    """
    entries = read_json(path)
    check_list(entries, EXPERIMENT_KEYS, "experiment", path)
    experiments = []
    for entry in entries:
        metrics, methods = read_table(entry["metrics"], "metrics"), entry["methods"]
        where = f"{path}: experiment '{entry['experiment']}'"
        check_list(methods, METHOD_KEYS, "method", where)
        for method in methods:
            if method["method"] not in set(metrics["method"]):
                raise InputError(
                    f"{where}: {entry['metrics']} lacks '{method['method']}'{suggest(method['method'], metrics['method'])}"
                )
            for name in _names(method):
                if name not in known:
                    twin = f"'{name}', the twin of '{method['method']}'"
                    raise InputError(f"{where}: no published table names {twin}{suggest(name, known)}")
        experiments.append(Experiment(entry["experiment"], metrics, entry["pretraining"], entry["note"], methods))
    return experiments


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of the paper with the reproduced rows beside the published ones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--table", required=True, help="name of the table, such as table4")
    parser.add_argument("--published", required=True, help="the paper's rows of this table")
    parser.add_argument("--other-published", nargs="+", default=[], help="the paper's other tables; they name more methods")
    parser.add_argument("--experiments", required=True, help="JSON list of the experiments and methods that reproduce it")
    parser.add_argument("--data", required=True, help="name of the data set, such as FG-NET")
    parser.add_argument("--synthetic", action="store_true", help="the reproduced rows ran on synthetic images")
    parser.add_argument("--csv", required=True)
    parser.add_argument("--markdown", required=True)
    parser.add_argument("--latex", required=True)
    options = parser.parse_args(arguments)

    published = read_table(options.published, "published")
    others = [read_table(path, "published") for path in options.other_published]
    experiments = read_experiments(options.experiments, set(pd.concat([published, *others])["method"]))
    table = compare(published, experiments, options.data, options.synthetic)
    write_table(table, options.csv, "table")

    with_subjects = any((experiment.metrics["subjects"] > 0).any() for experiment in experiments)
    notes = {experiment.name: experiment.note for experiment in experiments}
    cluster = "subjects" if with_subjects else "images"
    text = caption(options.table.replace("table", "Table "), table, cluster, notes)
    write_text(to_markdown(shown(table), text, best(table)), options.markdown)
    write_text(to_latex(shown(table), text, options.table, best(table)), options.latex)


if __name__ == "__main__":
    main()
