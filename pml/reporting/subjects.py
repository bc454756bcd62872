"""Stage: FG-NET person by person, a method's errors against those that the released code left behind."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_rel, wilcoxon

from pml.data_name import DataName
from pml.errors import InputError
from pml.evaluation.uncertainty import LEVEL
from pml.reporting.style import COLUMN, GREY, PAGE, finish, line_style
from pml.reporting.table import read_methods
from pml.tables import load_schema, read_table, write_table
from pml.task import Task

COLUMNS = 3


def draw_subjects(task: Task) -> None:
    """Draw the figure and write the tests from the pooled predictions of an experiment.

    Raises:
        InputError: the predictions lack a method, or a person that the released code was tested on.
    """
    settings, path = task.settings, task.inputs["pooled"]
    pooled = read_methods(path, "pooled", settings["methods"])
    released = read_table(task.inputs["released"], "released_subjects").set_index("subject")["mae"]
    chosen = pooled[pooled["method"].isin([entry["method"] for entry in settings["methods"]])]
    errors = errors_of_people(chosen, path, released)
    table = paired(errors, released, settings["methods"]).assign(data=str(DataName(**settings["data"])))
    write_table(table, task.outputs["csv"], "subjects")
    finish(draw(errors, released, settings["methods"]), task)


def errors_of_people(pooled: pd.DataFrame, path: str, released: pd.Series) -> pd.DataFrame:
    """Return the MAE of each person (the index, as in `released`) by each method (the columns) in years, over images and seeds.

    Raises:
        InputError: a method was not tested on one of the people, or on somebody else.
    """
    errors = (pooled["predicted_age"] - pooled["age"]).abs()
    people = pd.to_numeric(pooled["subject"], errors="coerce")
    table = errors.groupby([people, pooled["method"]]).mean().unstack()
    for method in table:
        if set(table[method].dropna().index) != set(released.index):
            all_of = f"the {len(released)} people of FG-NET, each once; let it run all folds"
            raise InputError(f"{path}: method '{method}' was not tested on {all_of}")
    return table.loc[released.index]


def paired(errors: pd.DataFrame, released: pd.Series, methods: Sequence[dict]) -> pd.DataFrame:
    """Return the table `subjects` but for its column `data`: Student's and Wilcoxon's paired test of each method."""
    rows = []
    for entry in methods:
        own = errors[entry["method"]]
        test = ttest_rel(own, released)
        low, high = test.confidence_interval(LEVEL)
        row = {"method": entry["label"], "start": entry["start"], "people": len(own), "better": int((own < released).sum())}
        row |= {"released": released.mean(), "mae_per_subject": own.mean(), "difference": (own - released).mean()}
        row |= {"difference_low": low, "difference_high": high, "p_value": test.pvalue}
        rows.append(row | {"p_signed_rank": wilcoxon(own, released).pvalue, "correlation": own.corr(released)})
    return pd.DataFrame(rows, columns=list(load_schema("subjects")["properties"]))


def draw(errors: pd.DataFrame, released: pd.Series, methods: Sequence[dict]) -> Figure:
    """Draw a panel for each method: a point for each person, with the released code's error to the right."""
    columns = min(COLUMNS, len(methods))
    rows = -(-len(methods) // columns)
    figure = Figure(figsize=(COLUMN if columns == 1 else PAGE, 0.4 + (2.6 if columns < COLUMNS else 2.2) * rows))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    end = 1.05 * max(released.max(), errors[[entry["method"] for entry in methods]].max(axis=None))
    for axis, entry in zip(panels, methods, strict=False):
        own = errors[entry["method"]]
        axis.plot([0, end], [0, end], color=GREY, linewidth=0.8, zorder=0)
        axis.plot(released, own, "o", color=line_style(entry["place"])["color"], alpha=0.6, markeredgewidth=0)
        shift = f"{(own - released).mean():+.2f}".replace("-", "−")
        axis.set(title=f"{entry['label']}: {shift} years", xlim=(0, end), ylim=(0, end), aspect="equal")
        axis.set_xlabel("released code, MAE of a person (years)")
    for axis in panels[::columns]:
        axis.set_ylabel("here (years)")
    for axis in panels[len(methods) :]:
        axis.remove()
    return figure
