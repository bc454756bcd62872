"""How a table of the paper is shown, and how any table is written as Markdown and LaTeX."""

from collections.abc import Mapping, Sequence

import pandas as pd

LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "−": "$-$"}
    | {"ε": r"$\epsilon$", "σ": r"$\sigma$", "²": "$^2$"}
)
EPSILON = "ε: mean over images of 1 − exp(−error² / 2σ²), where σ is the standard deviation of the image's label."
TEXT_COLUMNS = ("Data", "Experiment", "Method", "Source", "Pretraining", "Verdict")  # and such as "Verdict ε": set to the left


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
        sentences.append(EPSILON)
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


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the paper, schema `table`, as a reader wants it: fewer columns, all text.

    Columns that no row fills are left out. Rows name their experiment where their pretraining does not tell it.
    """
    published = table["source"] == "published"
    columns = {
        "Method": table["method"],
        "Source": ("published " + as_text(table["year"], "{:.0f}")).where(published, "reproduced on " + table["data"]),
        "Pretraining": table["pretraining"],
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


def to_markdown(cells: pd.DataFrame, text: str, bold: pd.DataFrame | None = None) -> str:
    """Return a table of text as Markdown under its caption, in bold the cells that `bold` marks in some of the columns."""
    cells = _marked(cells.map(lambda cell: cell.replace("|", "\\|")), bold, "**{}**")
    return f"{text}\n\n{cells.to_markdown(index=False, disable_numparse=True, colalign=_alignment(cells))}\n"


def to_latex(cells: pd.DataFrame, text: str, label: str, bold: pd.DataFrame | None = None) -> str:
    """Return the same as a LaTeX `table*` that needs the package booktabs; its label is `tab:` and the one given."""
    cells = _marked(cells.map(_escape_latex), bold, r"\textbf{{{}}}")
    rows = [" & ".join(row) + r" \\" for row in [map(_escape_latex, cells.columns), *cells.to_numpy()]]
    lines = [
        r"\begin{table*}",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escape_latex(text)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{''.join(side[0] for side in _alignment(cells))}}}",
        r"\toprule",
        rows[0],
        r"\midrule",
        *rows[1:],
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def with_interval(table: pd.DataFrame, columns: Sequence[str], pattern: str = "{:.2f}") -> pd.Series:
    """Return "value [low, high]" of three columns for each row, the value alone where it has no interval."""
    value, low, high = (as_text(table[column], pattern) for column in columns)
    return value + (" [" + low + ", " + high + "]").where(table[columns[1]].notna(), "")


def as_text(values: pd.Series, pattern: str = "{:.2f}") -> pd.Series:
    """Return each number as text, a dash where there is none."""
    cells = ["–" if pd.isna(value) else pattern.format(value).replace("-", "−") for value in values]
    return pd.Series(cells, values.index, "str")


def _marked(cells: pd.DataFrame, bold: pd.DataFrame | None, pattern: str) -> pd.DataFrame:
    if bold is None:
        return cells
    return cells.assign(**{name: cells[name].mask(marks, cells[name].map(pattern.format)) for name, marks in bold.items()})


def _alignment(cells: pd.DataFrame) -> list[str]:
    return ["left" if name.startswith(TEXT_COLUMNS) else "right" for name in cells]


def _escape_latex(text: str) -> str:
    return text.translate(LATEX_ESCAPES)
