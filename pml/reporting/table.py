"""Stage: a table as CSV, Markdown and LaTeX.

A kind of table is a module beside this one. Its `build` turns a task into a `Shown`; all kinds have this writer.
"""

from collections.abc import Callable, Iterable, Sequence
from pkgutil import resolve_name
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pml.errors import InputError, suggest
from pml.evaluation.evaluate import check_seeds
from pml.files import write_text
from pml.tables import read_table
from pml.tables import write_table as write_csv
from pml.task import Task

LATEX_ESCAPES = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "−": "$-$"}
    | {"ε": r"$\epsilon$", "σ": r"$\sigma$", "²": "$^2$"}
)
EPSILON = "ε: mean over images of 1 − exp(−error² / 2σ²), where σ is the standard deviation of the image's label."
INTERVAL = (
    "In brackets the 95 % interval over people and trainings, where there are at least six people and two trainings; an image "
    "of nobody known counts as a person."
)
WHOLE_YEARS = "*: this method answers in whole years, and rounding alone moves the share by some points."
CHOSEN = {
    "last": "last epoch",
    "validation": "best epoch on the validation part",
    "oracle": "best epoch on the test set",
}
TEXT_COLUMNS: tuple[str, ...] = ("Data", "Experiment", "Method", "Pretraining", "Start", "Verdict", "Reason", "Reproduced by")
TEXT_COLUMNS += ("Protocol", "Exclusive protocol", "Section", "Item", "Table", "Cell", "Measure", "Factor", "Level")


class Shown(NamedTuple):
    """A table as a reader gets it.

    Attributes:
        table: as CSV.
        schema: of the CSV; None leaves it unchecked, as no later stage reads it.
        cells: as text, fewer columns.
        caption: what a reader must know to read the cells, as plain text.
        bold: marks cells to be set in bold, in some of the columns; None marks none.
    """

    table: pd.DataFrame
    schema: str | None
    cells: pd.DataFrame
    caption: str
    bold: pd.DataFrame | None = None


def write_table(task: Task) -> None:
    """Write a table of the kind that the settings name."""
    build: Callable[[Task], Shown] = resolve_name(f"{__package__}.{task.settings['kind']}:build")
    shown = build(task)
    if shown.schema is None:
        write_text(shown.table.to_csv(index=False, lineterminator="\n"), task.outputs["csv"])
    else:
        write_csv(shown.table, task.outputs["csv"], shown.schema)
    write_text(to_markdown(shown), task.outputs["markdown"])
    write_text(to_latex(shown, task.wildcards["table"]), task.outputs["latex"])


def read_methods(path: str, schema: str, methods: Iterable[dict]) -> pd.DataFrame:
    """Read a table with a column `method`, and check that it has the methods that are to be shown.

    Raises:
        InputError: the table is bad, or lacks one of them.
    """
    table = read_table(path, schema)
    known = set(table["method"].unique())  # a table of predictions has millions of rows
    for method in methods:
        if method["method"] not in known:
            raise InputError(f"{path}: no method '{method['method']}'{suggest(method['method'], known)}")
    return table


def read_pooled(path: str, methods: Iterable[dict]) -> pd.DataFrame:
    """Read the pooled predictions of an experiment.

    Raises:
        InputError: the table is bad, lacks one of the methods, or the seeds of one were tested on different images.
    """
    pooled = read_methods(path, "pooled", methods)
    check_seeds(pooled, path)
    return pooled


def budgets(experiments: Iterable[dict]) -> dict[str, str]:
    """Return for each experiment that trains a method what its trainings have to work with, as a sentence."""
    return {one["experiment"]: _budget_sentence(one["budget"]) for one in experiments if one["budget"]}


def _budget_sentence(budget: dict[str, Any]) -> str:
    training, start, courses = budget["training"], budget["initialisation"], budget["courses"]
    weights = f"the weights learnt in {start['experiment']}" if isinstance(start, dict) else f"{start} weights"
    frozen, blocks = budget["frozen"], training["trained_blocks"]
    if frozen is not None:
        weights += f", frozen, behind it a trunk of {frozen['width']} features with dropout {frozen['dropout']:g}"
    if blocks:
        weights += f", of which the last {blocks} blocks are trained"
    if training["backbone_rate"] != 1 and frozen is None:
        weights += f" at {training['backbone_rate']:g} of the rate"
    crop = "".join(f", {name} {value}" for name, value in budget.get("crop", {}).items())
    return (
        f"Budget: {budget['backbone']} from {weights}, faces of {budget['face_size']} pixels{crop}, {training['epochs']} epochs"
        f"{f' for each of {courses} curricula' if courses > 1 else ''} in batches of {training['batch_size']}, "
        f"{training['optimiser']} at {training['learning_rate']:g} with {training['schedule']} schedule, "
        f"{CHOSEN[training['selection']]}{', mean over face and mirror image' if training['mirror_test'] else ''}."
    )


def to_markdown(shown: Shown) -> str:
    """Return a table as Markdown under its caption."""
    cells = _marked(shown.cells.map(lambda cell: cell.replace("|", "\\|")), shown.bold, "**{}**")
    caption = f"{shown.caption}\n\n" if shown.caption else ""
    return f"{caption}{cells.to_markdown(index=False, disable_numparse=True, colalign=_alignment(cells))}\n"


def to_latex(shown: Shown, label: str) -> str:
    """Return the same as a LaTeX `table*` that needs the package booktabs; its label is `tab:` and the one given."""
    cells = _marked(shown.cells.map(_escape_latex), shown.bold, r"\textbf{{{}}}")
    rows = [" & ".join(row) + r" \\" for row in [map(_escape_latex, cells.columns), *cells.to_numpy()]]
    lines = [
        r"\begin{table*}",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escape_latex(shown.caption)}}}",
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


def as_p(values: pd.Series) -> pd.Series:
    """Return each p-value as text, to three places."""
    return as_text(values, "{:.3f}").where(~(values < 0.0005), "<0.001")


def marked(cells: pd.Series, marks: pd.Series) -> pd.Series:
    """Return the cells with a star behind those that are marked."""
    return cells + np.where(marks, "*", "")


def _marked(cells: pd.DataFrame, bold: pd.DataFrame | None, pattern: str) -> pd.DataFrame:
    if bold is None:
        return cells
    return cells.assign(**{name: cells[name].mask(marks, cells[name].map(pattern.format)) for name, marks in bold.items()})


def _alignment(cells: pd.DataFrame) -> list[str]:
    return ["left" if name.startswith(TEXT_COLUMNS) else "right" for name in cells]


def _escape_latex(text: str) -> str:
    return text.translate(LATEX_ESCAPES)
