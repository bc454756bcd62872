"""Table 6: the curricula of each data set, the paper's counts and errors beside those of the folds and of the runs.

    python -m pml.reporting.table6 --published published/table6_curriculum.csv --experiments experiments.json
        --histogram ChaLearn published/chalearn2015_age_histogram.csv --csv table6.csv --markdown table6.md --latex table6.tex

experiments.json lists the experiments, each with the keys `experiment`, `data` (its label), `synthetic`, `index`, `folds` (both
paths), `metrics` (a path for each curriculum, the last one of all images), `dividing_lines`, `note` (what its trainings had
to work with) and `labels` ({method: label} of the methods to show).
"""

import argparse
from collections.abc import Mapping, Sequence

import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.files import check_list, load_schema, read_json, read_table, write_table, write_text
from pml.folds.curriculum import imbalance_ratio, sample_count, thresholds
from pml.reporting.table_text import as_text, to_latex, to_markdown, with_interval
from pml.reporting.tables import verdict
from pml.synthetic_mark import MARK, any_marked, marked

KEYS = {"experiment", "data", "synthetic", "index", "folds", "metrics", "dividing_lines", "note", "labels"}


def table6(published: pd.DataFrame, experiments: Sequence[Mapping], notes: Mapping[tuple[str, float], str]) -> pd.DataFrame:
    """Return the `curricula` table: a row per experiment, method and curriculum, then the paper's rows that no one reproduces.

    Args:
        published: the paper's Table 6, schema `published_curricula`.
        experiments: as `read_experiments` returns them.
        notes: what contradicts itself in the paper's row of a data set and dividing line, if anything.
    """
    printed = published.set_index(["dataset", "dividing_line"])
    rows, reproduced = [], set()
    for experiment in experiments:
        counted = count_courses(experiment)
        for method, label in experiment["labels"].items():
            lines = [*experiment["dividing_lines"], 1]
            for course, (line, path) in enumerate(zip(lines, experiment["metrics"], strict=True), 1):
                key = (experiment["data"], line)
                reproduced.add(key)
                twin = printed.loc[key] if key in printed.index else pd.Series(dtype=float)
                rows.append(
                    {"data": marked(experiment["data"], experiment["synthetic"])}
                    | {"curriculum": f"D{course}", "dividing_line": line, "method": label}
                    | {"experiment": experiment["experiment"], "note": notes.get(key)}
                    | _of_paper(twin)
                    | counted.loc[course].to_dict()
                    | _of_runs(path, method, twin.get("mae", float("nan")), experiment["synthetic"])
                )
    for key, row in printed.iterrows():
        if key not in reproduced:
            own = {"data": key[0], "curriculum": row["curriculum"], "dividing_line": key[1]}
            rows.append(own | _of_paper(row) | {"verdict": "published only", "note": notes.get(key)})
    return pd.DataFrame(rows, columns=list(load_schema("curricula")["properties"]))


def count_courses(experiment: Mapping) -> pd.DataFrame:
    """Return `samples` and `imbalance_ratio` of each curriculum (the index, from 1), means over the folds of folds.csv."""
    folds = read_table(experiment["folds"], "folds")
    if "course" not in folds:
        raise InputError(f"{experiment['folds']}: no column 'course'; give experiments.<name>.curriculum in the config")
    ages = read_table(experiment["index"], "index").set_index("image")["age"].round()
    train = folds[folds["part"] == "train"].assign(age=lambda rows: rows["image"].map(ages))
    rows = []
    for course in range(1, len(experiment["metrics"]) + 1):
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


def _of_paper(row: Mapping) -> dict:
    return {f"published_{name}": row.get(name, float("nan")) for name in ("imbalance_ratio", "samples", "mae")}


def _of_runs(path: str, method: str, published_mae: float, synthetic: bool) -> dict:
    metrics = read_table(path, "metrics")
    own = metrics[metrics["scope"] == "own"].set_index("method")
    if method not in own.index:
        raise InputError(f"{path}: no method '{method}', which has a label{suggest(method, own.index)}")
    row = own.loc[method, ["mae", "mae_low", "mae_high", "seeds", "folds", "images"]].to_dict()
    return row | {"verdict": verdict(published_mae, row["mae_low"], row["mae_high"], synthetic)}


def caption(table: pd.DataFrame, notes: Mapping[str, str]) -> str:
    """Return what a reader must know to read the table; `notes` tell each experiment's budget."""
    sentences = [
        "The paper's Table 6 beside its reproduction: curricula from balanced to imbalanced, the images of each, and the mean "
        "absolute error in years on the test images when training on it has ended. Curriculum D(delta) holds all images of the "
        "rarest ages, a share delta of them, and of each other age as many as the most common of those has; the last one "
        "holds all. Samples and ratio are means over the protocol's folds; in brackets the 95 % interval from a bootstrap over "
        "the subjects that were tested, or the images where no subject is known.",
    ]
    if any_marked(table["data"]):
        sentences.append("Synthetic images show that the suite works; their counts and errors compare with no published value.")
    sentences += [f"{data}, {curriculum}: {note}." for data, curriculum, note in _noted(table)]
    return " ".join([*sentences, *(f"{name}: {note}" for name, note in notes.items())])


def _noted(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    noted = table.dropna(subset="note").drop_duplicates("note")
    data = noted["data"].str.removesuffix(MARK)
    return list(zip(data, noted["curriculum"], noted["note"], strict=True))


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, schema `curricula`, as a reader wants it: all text."""
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
    }
    return pd.DataFrame(columns)


def read_experiments(path: str) -> list[dict]:
    """Read experiments.json.

    Raises:
        InputError: the file is not such a list, names an experiment twice, or has not one table of metrics per curriculum.
    """
    experiments = read_json(path)
    check_list(experiments, KEYS, "experiment", path)
    for experiment in experiments:
        if len(experiment["metrics"]) != len(experiment["dividing_lines"]) + 1:
            raise InputError(f"{path}: '{experiment['experiment']}' needs one path under 'metrics' for each curriculum")
    return experiments


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Write the paper's Table 6 with the reproduced rows."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--published", required=True, help="the paper's Table 6")
    parser.add_argument("--experiments", required=True, help="JSON list of the experiments that reproduce it")
    parser.add_argument("--histogram", nargs=2, metavar=("DATASET", "CSV"), help="its images per age, column 'train'")
    parser.add_argument("--csv", required=True)
    parser.add_argument("--markdown", required=True)
    parser.add_argument("--latex", required=True)
    options = parser.parse_args(arguments)

    published = read_table(options.published, "published_curricula")
    notes = {}
    if options.histogram:
        dataset, path = options.histogram
        counts = pd.read_csv(path)["train"]
        notes = contradictions(published, dataset, counts[counts > 0])
    experiments = read_experiments(options.experiments)
    table = table6(published, experiments, notes)
    write_table(table, options.csv, "curricula")
    text = caption(table, {experiment["experiment"]: experiment["note"] for experiment in experiments})
    write_text(to_markdown(shown(table), text), options.markdown)
    write_text(to_latex(shown(table), text, "table6"), options.latex)


if __name__ == "__main__":
    main()
