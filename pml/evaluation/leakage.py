"""Tell how much of each method's accuracy comes from test images of people who are in training too.

    python -m pml.evaluation.leakage --experiments experiments.json --csv leakage.csv --markdown leakage.md

experiments.json lists the experiments, each with the keys `experiment`, `data` (its label), `synthetic`, `protocol`, `index`,
`folds` and `metrics` (paths), `twin` (the listed experiment on the same data under a subject-exclusive protocol, or null) and
`labels` ({method: label} of the methods to show).
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.files import load_schema, read_json, read_table, write_table, write_text
from pml.synthetic_mark import any_marked, marked

KEYS = {"experiment", "data", "synthetic", "protocol", "index", "folds", "metrics", "twin", "labels"}
CAPTION = (
    "What knowing the people is worth. Seen: share of the protocol's test images, over all its folds, whose subject has images "
    "in the training part of that fold. MAE: mean absolute error in years over the images that were tested under the protocol "
    "named and, beside it, under its subject-exclusive twin, where no subject is seen. Difference: exclusive minus random, "
    "large where a method profits from people it has met. References that look at no face are rows as well: what looking up a "
    "subject's other pictures reaches needs no estimate of age at all."
)
SYNTHETIC = " Data marked synthetic are drawn faces: they show that the suite works, not how large the effect is among people."


def seen_share(folds: pd.DataFrame, index: pd.DataFrame) -> float:
    """Return the share of the test images, over all folds, whose subject is in the same fold's training part.

    Images without a subject are left out; NaN if no test image has one. Validation images are not training.
    """
    subjects = index.set_index("image")["subject"]
    known = folds.assign(subject=folds["image"].map(subjects)).dropna(subset="subject")
    train, test = (
        pd.MultiIndex.from_frame(known.loc[known["part"] == part, ["fold", "subject"]]) for part in ("train", "test")
    )
    return float(test.isin(train).mean()) if len(test) else float("nan")


def leakage(experiments: Sequence[Mapping]) -> pd.DataFrame:
    """Return the `leakage` table: a row per experiment and method, both in the order given.

    Args:
        experiments: as `read_experiments` returns them.

    Raises:
        InputError: a table is bad, lacks a labelled method, or an image of the folds is not in the index.
    """
    metrics = {experiment["experiment"]: _own_metrics(experiment) for experiment in experiments}
    protocols = {experiment["experiment"]: experiment["protocol"] for experiment in experiments}
    rows = []
    for experiment in experiments:
        index, folds = read_table(experiment["index"], "index"), read_table(experiment["folds"], "folds")
        if unknown := set(folds["image"]) - set(index["image"]):
            raise InputError(
                f"{experiment['folds']}: image '{min(unknown)}' is not in {experiment['index']}; assign the folds again"
            )
        shared = {
            "data": marked(experiment["data"], experiment["synthetic"]),
            "protocol": experiment["protocol"],
            "seen_share": seen_share(folds, index),
            "exclusive_protocol": protocols.get(experiment["twin"]),
        }
        for method, label in experiment["labels"].items():
            own = metrics[experiment["experiment"]].loc[method]
            exclusive = float("nan")
            if experiment["twin"] and method in metrics[experiment["twin"]].index:
                exclusive = metrics[experiment["twin"]].at[method, "mae"]
            row = {"method": label, "images": own["images"], "mae": own["mae"]}
            row |= {"exclusive_mae": exclusive, "difference": exclusive - own["mae"]}
            rows.append(shared | row)
    return pd.DataFrame(rows, columns=list(load_schema("leakage")["properties"])).astype({"images": int})


def _own_metrics(experiment: Mapping) -> pd.DataFrame:
    """Return each method's `metrics` over all images that it was tested on, by method."""
    metrics = read_table(experiment["metrics"], "metrics")
    own = metrics[metrics["scope"] == "own"].set_index("method")
    for method in experiment["labels"]:
        if method not in own.index:
            raise InputError(f"{experiment['metrics']}: no method '{method}', which has a label{suggest(method, own.index)}")
    return own


def read_experiments(path: str | Path) -> list[dict]:
    """Read experiments.json.

    Raises:
        InputError: the file is not such a list, names an experiment twice, or a twin is not listed or is of other data.
    """
    experiments = read_json(path)
    if not isinstance(experiments, list) or any(not isinstance(one, dict) or set(one) != KEYS for one in experiments):
        raise InputError(f"{path}: needs a list of experiments, each with the keys {', '.join(sorted(KEYS))}")
    named = {experiment["experiment"]: experiment for experiment in experiments}
    if len(named) < len(experiments):
        raise InputError(f"{path}: names an experiment twice; list each once")
    for experiment in experiments:
        where, twin = f"{path}: 'twin' of '{experiment['experiment']}'", experiment["twin"]
        if twin is None:
            continue
        if twin not in named:
            raise InputError(f"{where}: '{twin}' is not listed{suggest(twin, named)}")
        if named[twin]["index"] != experiment["index"]:
            raise InputError(f"{where}: '{twin}' is on other data; name an experiment on {experiment['index']}")
    return experiments


def to_markdown(table: pd.DataFrame) -> str:
    """Return the table as Markdown under its caption."""
    shown = pd.DataFrame(
        {
            "Data": table["data"],
            "Protocol": table["protocol"],
            "Seen": _text(table["seen_share"], "{:.1%}"),
            "Method": table["method"].str.replace("|", "\\|"),
            "Images": _text(table["images"], "{:d}"),
            "MAE": _text(table["mae"], "{:.2f}"),
            "Exclusive protocol": _text(table["exclusive_protocol"], "{}"),
            "Exclusive MAE": _text(table["exclusive_mae"], "{:.2f}"),
            "Difference": _text(table["difference"], "{:+.2f}"),
        }
    )
    alignment = ["left" if name in ("Data", "Protocol", "Method", "Exclusive protocol") else "right" for name in shown]
    caption = CAPTION + (SYNTHETIC if any_marked(table["data"]) else "")
    return f"{caption}\n\n{shown.to_markdown(index=False, disable_numparse=True, colalign=alignment)}\n"


def _text(values: pd.Series, pattern: str) -> list[str]:
    return ["–" if pd.isna(value) else pattern.format(value).replace("-", "−") for value in values]


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Write what knowing the people is worth to each method."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--experiments", required=True, help="JSON list of the experiments to show and their twins")
    parser.add_argument("--csv", required=True)
    parser.add_argument("--markdown", required=True)
    options = parser.parse_args(arguments)
    table = leakage(read_experiments(options.experiments))
    write_table(table, options.csv, "leakage")
    write_text(to_markdown(table), options.markdown)


if __name__ == "__main__":
    main()
