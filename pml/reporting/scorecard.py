"""The scorecard: every published cell of Tables 2 to 6, and what a suite, or several, say of it (docs/evidence.md)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from pml.data_name import DataName
from pml.reporting.evidence import INCONCLUSIVE, NOT_COMPARABLE, NOT_CONFIGURED, NOT_REPRODUCED, NOT_RUN, REPRODUCED
from pml.reporting.paper import MEASURES
from pml.reporting.table import INTERVAL, Shown, as_text, to_markdown, with_interval
from pml.tables import load_schema, read_table
from pml.task import Task

COUNTS = ["seeds", "folds", "images"]
CELL = ["table", "cell", "pretraining", "measure"]
VERDICTS = (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_COMPARABLE, NOT_RUN)
# Why the data of a table, or of one of its cells, may not be at hand.
LICENSED = {
    "table2": "MORPH II is licensed",
    "table3": "MORPH II is licensed",
    "table5": "ChaLearn needs a registration",
    "Morph II": "MORPH II is licensed",
    "ChaLearn": "ChaLearn needs a registration",
}


def build(task: Task) -> Shown:
    """Return the scorecard of a suite."""
    inputs, settings = task.inputs, task.settings
    reasons = read_table(inputs["reported_only"], "reported_only").set_index("method")["reason"]
    made = dict(zip(settings["tables"], inputs["tables"], strict=True))
    absent = dict(zip(settings["absent"], inputs["published"], strict=True))
    cards = []
    for name in sorted({*made, *absent}):
        if name == "table6":
            file = (made[name], "curricula") if name in made else (absent[name], "published_curricula")
            cards.append(_of_curricula(read_table(*file)))
        elif name in made:
            cards.append(_of_table(name, read_table(made[name], "table")))
        else:
            cards.append(_of_table(name, _of_paper(read_table(absent[name], "published"), reasons)))
    card = pd.concat(cards, ignore_index=True).assign(suite=settings["suite"])
    card["runs"] = f"results/{settings['suite']}/runs/" + card["experiment"]
    card = card.reindex(columns=list(load_schema("scorecard")["properties"])).infer_objects()
    card = card.astype(dict.fromkeys(["published", "value", "low", "high"], float) | dict.fromkeys(COUNTS, "Int64"))
    return Shown(card, "scorecard", cells_of(card), f"{counted(card)} {INTERVAL}")


def merge(paths: Iterable[Path]) -> pd.DataFrame:
    """Return one scorecard of several: all that ran on real data, and one row for each cell that did not.

    Raises:
        InputError: a file is no scorecard.
    """
    cards = pd.concat([read_table(path, "scorecard") for path in paths], ignore_index=True)
    rows = []
    for _, of_cell in cards.groupby(CELL, sort=False, dropna=False):
        ran = of_cell[of_cell["value"].notna()]
        real = ran[[not DataName.parse(name).synthetic for name in ran["data"]]]
        rows.append(real if len(real) else _not_run(of_cell, len(ran) > 0))
    return pd.concat(rows, ignore_index=True)


def page(card: pd.DataFrame) -> str:
    """Return a merged scorecard as a page of Markdown."""
    counts = card.drop_duplicates([*CELL, "verdict"]).groupby(["table", "verdict"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=VERDICTS, fill_value=0).rename_axis(None, axis=1)
    counts.index = counts.index.str.replace("table", "Table ").rename("")
    lines = ["# What has been reproduced", "", counted(card), "", counts.reset_index().to_markdown(index=False), ""]
    rules = "The rules are in [evidence.md](evidence.md). Each line below is a published cell and a reproduction of it."
    lines += [f"{rules} {INTERVAL}", ""]
    for table, rows in card.groupby("table"):
        shown = Shown(rows, None, cells_of(rows).drop(columns="Table"), "")
        lines += [f"## {table.replace('table', 'Table ')}", "", to_markdown(shown)]
    return "\n".join(lines)


def counted(card: pd.DataFrame) -> str:
    """Return how many published cells have which verdict, in a sentence; a cell counts by the first verdict of its rows."""
    verdicts = card["verdict"].astype(pd.CategoricalDtype(VERDICTS, ordered=True))
    of_cells = card.assign(verdict=verdicts).fillna({"pretraining": ""}).groupby(CELL)["verdict"].min()
    counts = of_cells.value_counts()
    parts = [f"{counts[verdict]} are {verdict}" for verdict in VERDICTS]
    return f"Of {len(of_cells)} published cells, {', '.join(parts[:-1])} and {parts[-1]}."


def as_printed(card: pd.DataFrame) -> list[str]:
    """Return each published number as the paper prints it: with as many decimals as any of its table and measure has."""
    decimals = card["published"].map("{:g}".format).str.partition(".")[2].str.len()
    most = decimals.groupby([card["table"], card["measure"]]).transform("max")
    return [f"{value:.{places}f}" for value, places in zip(card["published"], most, strict=True)]


def cells_of(card: pd.DataFrame) -> pd.DataFrame:
    """Return a scorecard, schema `scorecard`, as a reader wants it."""
    text = {name: card[name].astype(object).fillna("–") for name in ("pretraining", "reason", "reproduced_by", "data", "start")}
    return pd.DataFrame(
        {
            "Table": card["table"].str.replace("table", "Table "),
            "Cell": card["cell"],
            "Pretraining": text["pretraining"],
            "Measure": card["measure"].replace({"mae": "MAE", "epsilon_error": "ε"}),
            "Published": as_printed(card),
            "Reproduced": with_interval(card, ["value", "low", "high"]),
            "Verdict": card["verdict"],
            "Reason": text["reason"],
            "Reproduced by": text["reproduced_by"],
            "Data": text["data"],
            "Start": text["start"],
            **{name.capitalize(): as_text(card[name], "{:.0f}") for name in COUNTS},
        }
    )


def _of_paper(published: pd.DataFrame, reasons: pd.Series) -> pd.DataFrame:
    """Return the rows of a table of the paper that no one ran, with the columns of schema `table`."""
    rows = published.rename(columns={measure: f"published_{measure}" for measure in MEASURES})
    reason = rows["method"].map(reasons).fillna(NOT_CONFIGURED)
    return rows.reindex(columns=list(load_schema("table")["properties"])).assign(verdict=NOT_RUN, reason=reason)


def _of_table(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of a table of the paper, a row for each measure that the paper prints."""
    found = []
    for measure, low, high, verdict in (
        ("mae", "reproduced_low", "reproduced_high", "verdict"),
        ("epsilon_error", "epsilon_error_low", "epsilon_error_high", "epsilon_error_verdict"),
    ):
        of_measure = rows[rows[f"published_{measure}"].notna()]
        renamed = {
            "method": "cell",
            f"published_{measure}": "published",
            f"reproduced_{measure}": "value",
            low: "low",
            high: "high",
        }
        judged = of_measure[verdict].astype(object).fillna(of_measure["verdict"])
        found.append(of_measure.assign(verdict=judged).rename(columns=renamed).assign(table=name, measure=measure))
    return _shared(found)


def _of_curricula(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of Table 6."""
    if "published_mae" not in rows:
        rows = rows.rename(columns={"mae": "published_mae", "dataset": "data"}).assign(verdict=NOT_RUN, reason=NOT_CONFIGURED)
    rows = rows[rows["published_mae"].notna()]
    label = rows["data"].map(lambda name: DataName.parse(name).label)
    renamed = {"published_mae": "published", "mae": "value", "mae_low": "low", "mae_high": "high", "method": "reproduced_by"}
    return _shared([rows.rename(columns=renamed).assign(table="table6", cell=label + " " + rows["curriculum"], measure="mae")])


def _shared(found: Sequence[pd.DataFrame]) -> pd.DataFrame:
    columns = [*load_schema("scorecard")["properties"], "experiment"]
    return pd.concat([rows.reindex(columns=columns).astype(object) for rows in found])


def _not_run(of_cell: pd.DataFrame, synthetic: bool) -> pd.DataFrame:
    """Return one row of a cell that no suite ran on real data, with the most telling reason."""
    row = of_cell.iloc[:1].copy()
    told = of_cell.loc[(of_cell["verdict"] == NOT_RUN) & (of_cell["reason"] != NOT_CONFIGURED), "reason"]
    table, cell = row[["table", "cell"]].iloc[0]
    licence = LICENSED.get(table) or LICENSED.get(cell.rpartition(" ")[0], NOT_CONFIGURED)
    reason = told.iloc[0] if len(told) else licence + ("; run on synthetic faces alone" if synthetic else "")
    empty = ["value", "low", "high", "reproduced_by", "start", "seeds", "folds", "images", "runs"]
    row[empty] = None
    return row.assign(verdict=NOT_RUN, reason=reason)
