"""The table of the effects of a design's factors."""

import pandas as pd

from pml.data_name import DataName
from pml.evaluation.effects import common_errors, main_effects
from pml.reporting.table import INTERVAL, Shown, as_text, budgets, read_pooled, with_interval
from pml.tables import load_schema
from pml.task import Task


def build(task: Task) -> Shown:
    """Return the effects of the factors of a design.

    Raises:
        InputError: the predictions lack a method, or its seeds were tested on different images.
    """
    experiments, cells = task.settings["experiments"], task.settings["cells"]
    pools = {
        one["experiment"]: dict(list(read_pooled(path, one["methods"]).groupby("method")))
        for one, path in zip(experiments, task.inputs["pooled"], strict=True)
    }
    rows, errors = common_errors([pools[cell["experiment"]][cell["method"]] for cell in cells])
    seeds = rows["seed"].nunique()
    of_data = {"data": str(DataName(**experiments[0]["data"])), "images": len(rows) // max(seeds, 1), "seeds": seeds}
    table = main_effects(rows, errors, [cell["levels"] for cell in cells]).assign(**of_data)
    table = table[list(load_schema("effects")["properties"])]
    return Shown(table, "effects", cells_of(table), caption(table, experiments))


def caption(table: pd.DataFrame, experiments: list[dict]) -> str:
    """Return what a reader must know to read the table."""
    first = table.iloc[0]
    sentences = [
        f"What moves the mean absolute error (MAE) in years on {first['data']}: {table['cells'].iloc[-1]} cells, each tested "
        f"on the same {first['images']} images with {first['seeds']} {'seed' if first['seeds'] == 1 else 'seeds'}.",
        "MAE: mean over all cells of the level. Effect: the level of the highest MAE less that of the lowest.",
        INTERVAL,
        "Share: part of the variance of the cells' MAE that the levels of the factor explain (analysis of variance, main "
        "effects); its interval is that of a bootstrap over people. Chance alone gives each factor some share.",
        "A factor that only some cells have is told from the mean of these.",
    ]
    if experiments[0]["data"]["synthetic"]:
        sentences.append("The images are synthetic: this says nothing about people.")
    sentences += [
        f"Of the first cell; the others differ in what is varied. {note}" for note in list(budgets(experiments).values())[:1]
    ]
    return " ".join(sentences)


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, schema `effects`, as a reader wants it: what is said of a factor stands in its first row."""
    later = table["factor"].duplicated()
    cells = {
        "Factor": table["factor"].mask(later, ""),
        "Level": table["level"].fillna("–"),
        "Number of cells": as_text(table["cells"], "{:d}"),
        "MAE": with_interval(table, ["mae", "mae_low", "mae_high"]),
        "Effect": with_interval(table, ["effect", "effect_low", "effect_high"], "{:.3f}").mask(later, ""),
        "Share": with_interval(table, ["share", "share_low", "share_high"], "{:.1%}").mask(later, ""),
    }
    return pd.DataFrame(cells)
