"""How a table of the paper is shown: a caption, and the table as Markdown and LaTeX."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "−": "$-$"}
    | {"ε": r"$\epsilon$", "σ": r"$\sigma$", "²": "$^2$"}
)


def caption(name: str, table: pd.DataFrame, cluster: str, notes: Mapping[str, str]) -> str:
    """Return what a reader must know to read the table's numbers, as plain text.

    Args:
        name: of the table in the paper.
        table: schema `table`.
        cluster: what the intervals draw, "subjects" or "images".
        notes: of each experiment, what its trainings had to work with.
    """
    reproduced = table[table["source"] == "reproduced"]
    epsilon = _has_epsilon(table)
    sentences = [
        f"The paper's {name} beside its reproduction: mean absolute error in years{' and ε-error' if epsilon else ''} "
        f"on {reproduced['data'].iloc[0]}.",
        f"In brackets the 95 % interval from a bootstrap over the {cluster} that were tested, which leaves out the variation "
        "between trainings; the verdict compares it with the published value of the same pretraining. Difference: reproduced "
        "minus published.",
    ]
    if epsilon:
        sentences.append(
            "ε: mean over images of 1 − exp(−error² / 2σ²), where σ is the standard deviation of the image's label."
        )
    heads = reproduced.drop_duplicates("experiment").set_index("experiment")
    several = len(heads) > 1
    if several:
        sentences.append(
            "Common: on the images that every method of the experiment was tested on, the best of each experiment in bold."
        )
    else:
        images = heads["images_common"].iloc[0]
        sentences.append(f"Common: on the {images} images that every reproduced method was tested on, best in bold.")
    sentences.append(
        f"Reproduced rows{' of an experiment' if several else ''} share one backbone and one budget, the config's, which is "
        "not that of the published rows."
    )
    if (reproduced["verdict"] == "synthetic: not comparable").all():
        sentences.append("Reproduced rows ran on synthetic images: they show that the suite works, not how good a method is.")
    for experiment, head in heads.iterrows():
        of = f"{experiment} (pretraining {head['pretraining']}, {head['images_common']} images common): "
        sentences.append((of if several else "") + notes[experiment])
    return " ".join(sentences).strip()


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
    """Return the table as a reader wants it: fewer columns, all text, the best MAE on the common images in bold.

    Columns that no row fills are left out. Rows name their experiment where their pretraining does not tell it.
    """
    published = table["source"] == "published"
    shown = {
        "Method": table["method"],
        "Source": ("published " + _text(table["year"], "{:.0f}")).where(published, "reproduced on " + table["data"]),
        "Pretraining": table["pretraining"],
        "Published": _text(table["published_mae"].where(published)),
        "Reproduced": _with_interval(table, ["reproduced_mae", "reproduced_low", "reproduced_high"]),
        "Difference": _text(table["difference"], "{:+.2f}"),
        "Per subject": _text(table["mae_per_subject"]),
        "Common": _text(table["mae_common"]),
        **{name.capitalize(): _text(table[name], "{:.0f}") for name in ("images", "folds", "seeds")},
        "Verdict": table["verdict"],
    }
    if (table.groupby("pretraining")["experiment"].nunique() > 1).any():
        shown["Source"] += table["experiment"].map(", {}".format, na_action="ignore").fillna("")
    if table["mae_per_subject"].isna().all():
        del shown["Per subject"]
    if _has_epsilon(table):
        measured = ["reproduced_epsilon_error", "epsilon_error_low", "epsilon_error_high"]
        shown["Published ε"] = _text(table["published_epsilon_error"].where(published), "{:.3f}")
        shown["Reproduced ε"] = _with_interval(table, measured, "{:.3f}")
        shown["Verdict ε"] = table["epsilon_error_verdict"].astype(object).fillna("–")
    shown = pd.DataFrame(shown).map(escape)
    best = table["mae_common"] == table.groupby("experiment")["mae_common"].transform("min")
    shown.loc[best, "Common"] = shown.loc[best, "Common"].map(bold)
    return shown


def _has_epsilon(table: pd.DataFrame) -> bool:
    return bool(table[["published_epsilon_error", "reproduced_epsilon_error"]].notna().any(axis=None))


def _with_interval(table: pd.DataFrame, columns: Sequence[str], pattern: str = "{:.2f}") -> pd.Series:
    value, low, high = (_text(table[column], pattern) for column in columns)
    return value + (" [" + low + ", " + high + "]").where(table[columns[1]].notna(), "")


def _alignment(shown: pd.DataFrame) -> list[str]:
    return ["left" if name in ("Method", "Source", "Pretraining", "Verdict", "Verdict ε") else "right" for name in shown]


def _text(values: pd.Series, pattern: str = "{:.2f}") -> pd.Series:
    cells = ["–" if pd.isna(value) else pattern.format(value).replace("-", "−") for value in values]
    return pd.Series(cells, values.index, "str")


def _escape_latex(text: str) -> str:
    return text.translate(LATEX_ESCAPES)
