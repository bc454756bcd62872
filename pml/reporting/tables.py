"""A table of the paper: its published rows and the reproduced ones side by side, as CSV, Markdown and LaTeX."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from pml.errors import InputError, stage_main, suggest
from pml.files import load_schema, read_table, replacing, write_table

METHOD_KEYS = {"method", "label", "published", "pretraining"}
LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "−": "$-$"}
)


def compare(
    published: pd.DataFrame, metrics: pd.DataFrame, methods: Sequence[dict], data: str, synthetic: bool
) -> pd.DataFrame:
    """Return the `table`: the published rows in their order, each followed by its reproductions, then the other methods.

    Args:
        published: the paper's rows, schema `published`.
        metrics: the reproduced methods, schema `metrics`.
        methods: for each reproduced method its `method` in `metrics`, the `label` to print, its `pretraining`, and under
            `published` the method and pretraining of its published twin, or None.
        data: name of the data set.
        synthetic: whether the reproduced rows ran on synthetic images, which makes them comparable with no published value.
    """
    reproduced = [_reproduced_row(method, published, metrics, data, synthetic) for method in methods]
    rows = []
    for printed in published.to_dict("records"):
        twins = [row for method, row in zip(methods, reproduced, strict=True) if _is_twin(method["published"], printed)]
        verdict = "reproduced" if twins else "published only"
        kept = {name: printed[name] for name in ("method", "reference", "year", "pretraining")}
        rows.append({**kept, "source": "published", "data": data, "published_mae": printed["mae"], "verdict": verdict})
        rows.extend(twins)
    rows.extend(row for method, row in zip(methods, reproduced, strict=True) if method["published"] is None)
    table = pd.DataFrame(rows, columns=list(load_schema("table")["properties"]))
    whole = ["year", "images_common", "seeds", "folds", "images"]
    return table.astype(dict.fromkeys(whole, "Int64"))


def verdict(published: float, low: float, high: float, synthetic: bool) -> str:
    """Return in a few fixed words how a published MAE lies to the 95 % interval of its reproduction; NaN if there is none."""
    if synthetic:
        return "synthetic: not comparable"
    if pd.isna(published):
        return "no published value"
    if pd.isna(low):
        return "no interval"
    if published < low:
        return "higher than published"
    return "lower than published" if published > high else "within interval"


def _reproduced_row(method: dict, published: pd.DataFrame, metrics: pd.DataFrame, data: str, synthetic: bool) -> dict:
    of_method = metrics[metrics["method"] == method["method"]].set_index("scope")
    own, common = of_method.loc["own"], of_method.loc["common"]
    twins = [row["mae"] for row in published.to_dict("records") if _is_twin(method["published"], row)]
    twin = twins[0] if twins else float("nan")
    return {
        "method": method["label"],
        "source": "reproduced",
        "pretraining": method["pretraining"],
        "data": f"{data} (synthetic)" if synthetic else data,
        "published_mae": twin,
        "reproduced_mae": own["mae"],
        "reproduced_low": own["mae_low"],
        "reproduced_high": own["mae_high"],
        "difference": float("nan") if synthetic else own["mae"] - twin,
        "mae_per_subject": own["mae_per_subject"],
        "mae_common": common["mae"],
        "images_common": common["images"],
        "seeds": own["seeds"],
        "folds": own["folds"],
        "images": own["images"],
        "verdict": verdict(twin, own["mae_low"], own["mae_high"], synthetic),
    }


def _is_twin(twin: dict | None, printed: dict) -> bool:
    return twin is not None and (twin["method"], twin["pretraining"]) == (printed["method"], printed["pretraining"])


def read_methods(path: str, published: pd.DataFrame, metrics: pd.DataFrame) -> list[dict]:
    """Read the JSON list of reproduced methods that `compare` takes.

    Raises:
        InputError: the file is not such a list, its methods are not those of `metrics`, or a published twin does not exist or
            had another pretraining.
    """
    try:
        methods = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; the workflow writes it") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(methods, list) or any(not isinstance(method, dict) or set(method) != METHOD_KEYS for method in methods):
        raise InputError(f"{path}: needs a list of methods, each with the keys {', '.join(sorted(METHOD_KEYS))}")
    listed, measured = [method["method"] for method in methods], list(metrics["method"].unique())
    if sorted(listed) != sorted(measured):
        raise InputError(f"{path}: lists the methods {listed}, but the metrics hold {measured}; list each of these once")
    for method in methods:
        twin = method["published"]
        if twin is None:
            continue
        if not any(_is_twin(twin, printed) for printed in published.to_dict("records")):
            known = (published["method"] + ", " + published["pretraining"]).tolist()
            wanted = f"{twin['method']}, {twin['pretraining']}"
            raise InputError(f"{path}: 'published' of '{method['method']}': no row '{wanted}'{suggest(wanted, known)}")
        if twin["pretraining"] != method["pretraining"]:
            raise InputError(
                f"{path}: '{method['method']}' and its published twin differ in pretraining; set 'published' to null"
            )
    return methods


def caption(name: str, table: pd.DataFrame, cluster: str, note: str) -> str:
    """Return what a reader must know to read the table's numbers, as plain text."""
    reproduced = table[table["source"] == "reproduced"]
    data, common = reproduced[["data", "images_common"]].iloc[0]
    sentences = [
        f"The paper's {name} beside its reproduction: mean absolute error in years on {data}.",
        f"In brackets the 95 % interval from a bootstrap over the {cluster} that were tested, which leaves out the variation "
        "between trainings; the verdict compares it with the published value. Difference: reproduced minus published.",
        f"Common: on the {common} images that every reproduced method was tested on, best in bold.",
        "Reproduced rows share one backbone and one budget, the config's, which is not that of the published rows.",
    ]
    if (reproduced["verdict"] == "synthetic: not comparable").all():
        sentences.append("Reproduced rows ran on synthetic images: they show that the suite works, not how good a method is.")
    return " ".join([*sentences, note]).strip()


def to_markdown(table: pd.DataFrame, text: str) -> str:
    """Return the table as Markdown under its caption."""
    shown = _shown(table, bold=lambda cell: f"**{cell}**", escape=lambda cell: cell.replace("|", "\\|"))
    return f"{text}\n\n{shown.to_markdown(index=False, disable_numparse=True, colalign=_alignment(shown))}\n"


def to_latex(table: pd.DataFrame, text: str, label: str) -> str:
    """Return the table as a LaTeX `table*` that needs the package booktabs."""
    shown = _shown(table, bold=lambda cell: rf"\textbf{{{cell}}}", escape=_escape_latex)
    rows = [" & ".join(cells) + r" \\" for cells in [map(_escape_latex, shown.columns), *shown.to_numpy()]]
    lines = [
        r"\begin{table*}",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escape_latex(text)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{''.join(side[0] for side in _alignment(shown))}}}",
        r"\toprule",
        rows[0],
        r"\midrule",
        *rows[1:],
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _shown(table: pd.DataFrame, bold: Callable[[str], str], escape: Callable[[str], str]) -> pd.DataFrame:
    """Return the table as a reader wants it: fewer columns, all text, the best reproduced MAE on the common images in bold."""
    published = table["source"] == "published"
    interval = " [" + _text(table["reproduced_low"]) + ", " + _text(table["reproduced_high"]) + "]"
    shown = pd.DataFrame(
        {
            "Method": table["method"],
            "Source": ("published " + _text(table["year"], "{:.0f}")).where(published, "reproduced on " + table["data"]),
            "Pretraining": table["pretraining"],
            "Published": _text(table["published_mae"].where(published)),
            "Reproduced": _text(table["reproduced_mae"]) + interval.where(table["reproduced_low"].notna(), ""),
            "Difference": _text(table["difference"], "{:+.2f}"),
            "Per subject": _text(table["mae_per_subject"]),
            "Common": _text(table["mae_common"]),
            **{name.capitalize(): _text(table[name], "{:.0f}") for name in ("images", "folds", "seeds")},
            "Verdict": table["verdict"],
        }
    ).map(escape)
    best = table["mae_common"] == table["mae_common"].min()
    shown.loc[best, "Common"] = shown.loc[best, "Common"].map(bold)
    return shown


def _alignment(shown: pd.DataFrame) -> list[str]:
    return ["left" if name in ("Method", "Source", "Pretraining", "Verdict") else "right" for name in shown]


def _text(values: pd.Series, pattern: str = "{:.2f}") -> pd.Series:
    cells = ["–" if pd.isna(value) else pattern.format(value).replace("-", "−") for value in values]
    return pd.Series(cells, values.index, "str")


def _escape_latex(text: str) -> str:
    return text.translate(LATEX_ESCAPES)


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of the paper with the reproduced rows beside the published ones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--table", required=True, help="name of the table, such as table4")
    parser.add_argument("--published", required=True, help="the paper's rows")
    parser.add_argument("--metrics", required=True, help="metrics.csv of the experiment")
    parser.add_argument("--methods", required=True, help="JSON list of the reproduced methods and their published twins")
    parser.add_argument("--data", required=True, help="name of the data set, such as FG-NET")
    parser.add_argument("--synthetic", action="store_true", help="the reproduced rows ran on synthetic images")
    parser.add_argument("--note", default="", help="the settings of the reproduced rows, for the caption")
    parser.add_argument("--csv", required=True)
    parser.add_argument("--markdown", required=True)
    parser.add_argument("--latex", required=True)
    options = parser.parse_args(arguments)

    published = read_table(options.published, "published")
    metrics = read_table(options.metrics, "metrics")
    methods = read_methods(options.methods, published, metrics)
    table = compare(published, metrics, methods, options.data, options.synthetic)
    write_table(table, options.csv, "table")

    cluster = "subjects" if (metrics["subjects"] > 0).any() else "images"
    text = caption(options.table.replace("table", "Table "), table, cluster, options.note)
    for path, content in (
        (options.markdown, to_markdown(table, text)),
        (options.latex, to_latex(table, text, options.table)),
    ):
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
