"""The jobs of tables: what each of them needs of indexes, folds, predictions, metrics and runs."""

import os
from pathlib import Path
from typing import NamedTuple

from pml.starts import known_start
from pml.suite.config import comparison_reference
from pml.suite.data_jobs import data_name, datasets, faces
from pml.suite.plan import Needs, Plan, Wildcards, rule
from pml.suite.run_jobs import method_jobs, methods_of
from pml.suite.settings import class_ages
from pml.tables import PUBLISHED

SUMMARIES = ("scorecard", "cost")  # the tables of all other tables, and of all runs


class PaperTable(NamedTuple):
    """A table of the paper: the file of its rows, and what a comparable experiment has."""

    file: str
    formats: tuple[str, ...]
    protocol: str
    folds: int | None = None


PAPER_TABLES = {
    "table2": PaperTable("table2_morph2_setting1.csv", ("morph2",), "setting1"),
    "table3": PaperTable("table3_morph2_setting2.csv", ("morph2",), "setting2"),
    "table4": PaperTable("table4_fgnet.csv", ("fgnet",), "lopo", 82),
    "table5": PaperTable("table5_chalearn.csv", ("chalearn",), "official"),
    "table6": PaperTable("table6_curriculum.csv", ("morph2", "chalearn"), ""),
}


def published(name: str) -> str:
    """Return the path of a file of the paper's numbers, relative where that is shorter."""
    path = PUBLISHED / name
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def budget(plan: Plan, experiment: str) -> dict | None:
    """Return what the trainings of an experiment have to work with; None where no method of it is trained."""
    chosen = plan.config["experiments"][experiment]
    if not plan.trained(experiment):
        return None
    shown = {name: chosen[name] for name in ("backbone", "initialisation", "frozen", "training")}
    shown |= {"face_size": plan.face_size(experiment), "courses": len(chosen["curriculum"]) + 1}
    return shown | plan.crop(chosen["dataset"])


def described(plan: Plan, experiment: str) -> dict:
    """Return what every table says of an experiment."""
    data = data_name(plan, plan.config["experiments"][experiment]["dataset"])
    trained, start = plan.trained(experiment), start_name(plan, experiment)
    methods = [entry | {"start": start if entry["method"] in trained else None} for entry in methods_of(plan, experiment)]
    return {"experiment": experiment, "data": data, "methods": methods, "budget": budget(plan, experiment)}


def start_name(plan: Plan, experiment: str) -> str:
    """Return what the initial weights of an experiment have seen, and how much of the backbone is trained, as tables say it."""
    chosen = plan.config["experiments"][experiment]
    given, blocks = chosen["initialisation"], chosen["training"]["trained_blocks"]
    known = known_start(chosen["backbone"], given)
    seen = known.seen if known else "random weights" if given == "random" else chosen["pretraining"]
    if chosen["frozen"] is not None:
        return f"{seen}; frozen"
    return f"{seen}; last {blocks} blocks trained" if blocks else seen


def metrics(plan: Plan, experiment: str) -> str:
    return plan.outputs("evaluate_predictions", experiment=experiment)["metrics"]


def pooled(plan: Plan, experiment: str) -> str:
    return plan.outputs("evaluate_predictions", experiment=experiment)["pooled"]


def indexed(plan: Plan, experiment: str) -> dict[str, str]:
    return {"index": faces(plan, experiment)["index"]} | plan.outputs("assign_folds", experiment=experiment)


@rule(
    "pml.reporting.data_report:report_data",
    datasets,
    ("Data", {"csv": "data", "png": "data"}),
    csv="results/{suite}/tables/data_{dataset}.csv",
    markdown="results/{suite}/tables/data_{dataset}.md",
    pdf="results/{suite}/figures/ages_{dataset}.pdf",
    png="results/{suite}/figures/ages_{dataset}.png",
)
def report_data(plan: Plan, dataset: str) -> Needs:
    found = plan.outputs("index_images", dataset=dataset)
    aligned = plan.outputs("align_faces", dataset=dataset)
    inputs = {name: found[name] for name in ("index", "rejected", "findings")}
    inputs |= {"faces_table": aligned["table"], "rejected_faces": aligned["rejected"]}
    used = [chosen for chosen in plan.config["experiments"].values() if chosen["dataset"] == dataset]
    classes = sorted({tuple(class_ages(chosen["training"])) for chosen in used})
    return inputs, {"data": data_name(plan, dataset), "classes": [list(ages) for ages in classes]}


def tables(plan: Plan) -> list[Wildcards]:
    comparisons = [f"table_{name}" for name in plan.config["comparisons"]]
    comparisons += [f"effects_{name}" for name in plan.config["effects"]]
    leakage = ["leakage"] if plan.config["leakage"] else []
    selection = ["selection"] if followed(plan) else []
    stress = ["stress"] if stressed(plan) else []
    summaries = SUMMARIES if plan.config["tables"] else SUMMARIES[1:]
    return [{"table": name} for name in [*plan.config["tables"], *comparisons, *leakage, *selection, *stress, *summaries]]


@rule(
    "pml.reporting.table:write_table",
    tables,
    ("Tables", {"csv": "table"}),
    csv="results/{suite}/tables/{table}.csv",
    markdown="results/{suite}/tables/{table}.md",
    latex="results/{suite}/tables/{table}.tex",
)
def write_table(plan: Plan, table: str) -> Needs:
    """Inputs and settings both list the table's experiments, in the same order."""
    makers = {"table6": curricula_table, "leakage": leakage_table, "selection": selection_table}
    makers |= {"stress": stress_table, "scorecard": scorecard_table, "cost": cost_table}
    if table in makers:
        return makers[table](plan)
    if table.startswith("effects_"):
        return effects_table(plan, table.removeprefix("effects_"))
    return paper_table(plan, table) if table in PAPER_TABLES else comparison_table(plan, table.removeprefix("table_"))


def paper_table(plan: Plan, table: str) -> Needs:
    names, printed = plan.config["tables"][table]["experiments"], PAPER_TABLES[table]
    described_rows = []
    for name in names:
        row = described(plan, name) | {"pretraining": plan.config["experiments"][name]["pretraining"]}
        row |= {"obstacle": obstacle(plan, name, printed), "folds": printed.folds}
        for method in row["methods"]:
            method["published"] = plan.config["methods"][method["method"]]["published"]
        described_rows.append(row)
    others = [published(PAPER_TABLES[f"table{number}"].file) for number in (2, 3, 4, 5)]
    inputs = {"published": published(printed.file), "reported_only": published("reported_only.csv"), "others": others}
    settings = {"kind": "paper", "name": table.replace("table", "Table "), "experiments": described_rows}
    return inputs | {"metrics": [metrics(plan, name) for name in names]}, settings | {"margin": plan.config["equivalence"]}


def obstacle(plan: Plan, experiment: str, printed: PaperTable) -> str | None:
    """Return why no number of an experiment is comparable with the published ones; None if they are (docs/evidence.md)."""
    chosen = plan.config["experiments"][experiment]
    data, kind = data_name(plan, chosen["dataset"]), plan.config["datasets"][chosen["dataset"]]["format"]
    if data["synthetic"]:
        return "synthetic data"
    if kind not in printed.formats:
        return f"another data set: {data['label']}"
    if printed.protocol and chosen["protocol"] != printed.protocol:
        return f"another protocol: {chosen['protocol']}"
    whole = chosen["frozen"] is None and chosen["training"]["trained_blocks"] is None
    return None if whole and chosen["initialisation"] != "random" else f"another start: {start_name(plan, experiment)}"


def curricula_table(plan: Plan) -> Needs:
    names, printed = plan.config["tables"]["table6"]["experiments"], PAPER_TABLES["table6"]
    described_rows, counted = [], []
    for name in names:
        lines = plan.config["experiments"][name]["curriculum"]
        described_rows.append(described(plan, name) | {"dividing_lines": lines, "obstacle": obstacle(plan, name, printed)})
        courses = [
            plan.outputs("evaluate_course", experiment=name, course=str(course))["metrics"]
            for course in range(1, len(lines) + 1)
        ]
        counted.append(indexed(plan, name) | {"metrics": [*courses, metrics(plan, name)]})
    inputs = {"published": published(printed.file), "histogram": published("chalearn2015_age_histogram.csv")}
    settings = {"kind": "curricula", "experiments": described_rows, "margin": plan.config["equivalence"]}
    return inputs | {"experiments": counted}, settings


def comparison_table(plan: Plan, comparison: str) -> Needs:
    chosen = plan.config["comparisons"][comparison]
    settings = {"kind": "comparison", "experiments": [described(plan, name) for name in chosen["experiments"]]}
    settings |= {"reference": list(comparison_reference(chosen)), "margin": plan.config["equivalence"]}
    return {"pooled": [pooled(plan, name) for name in chosen["experiments"]]}, settings


def effects_table(plan: Plan, study: str) -> Needs:
    cells = plan.config["effects"][study]
    names = list(dict.fromkeys(cell["experiment"] for cell in cells))
    settings = {"kind": "effects", "experiments": [described(plan, name) for name in names], "cells": cells}
    return {"pooled": [pooled(plan, name) for name in names]}, settings


def leakage_table(plan: Plan) -> Needs:
    """The experiments that the config names, and their twins after them."""
    twins = plan.config["leakage"]
    names = list(dict.fromkeys(name for pair in twins.items() for name in pair if name))
    described_rows = [
        described(plan, name) | {"protocol": plan.config["experiments"][name]["protocol"], "twin": twins.get(name)}
        for name in names
    ]
    files = [indexed(plan, name) | {"metrics": metrics(plan, name)} for name in names]
    return {"experiments": files}, {"kind": "leakage", "experiments": described_rows}


def followed(plan: Plan) -> list[str]:
    """Return the experiments whose trainings record their error on the test part after each epoch."""
    chosen = [name for name, one in plan.config["experiments"].items() if one["training"]["selection"] == "oracle"]
    return [name for name in chosen if plan.trained(name)]


def selection_table(plan: Plan) -> Needs:
    described_rows = []
    for name in followed(plan):
        row, epochs = described(plan, name), plan.config["experiments"][name]["training"]["epochs"]
        methods = [method for method in row["methods"] if method["start"]]
        described_rows.append(row | {"methods": methods, "epochs": epochs})
    jobs = [method_jobs(plan, name, plan.trained(name)) for name in followed(plan)]
    return {"jobs": jobs}, {"kind": "selection", "experiments": described_rows}


def stressed(plan: Plan) -> list[str]:
    """Return the experiments under a stress protocol."""
    return [name for name in plan.config["experiments"] if plan.protocol_is("stress", name)]


def stress_table(plan: Plan) -> Needs:
    described_rows = [
        described(plan, name) | {"protocol": plan.config["experiments"][name]["protocol"]} for name in stressed(plan)
    ]
    return {"pooled": [pooled(plan, name) for name in stressed(plan)]}, {"kind": "stress", "experiments": described_rows}


def cost_table(plan: Plan) -> Needs:
    """What the runs of each experiment took; a table takes those of its experiments, and of those that they start from."""
    users: dict[str, list[str]] = {name: [] for name in plan.config["experiments"]}
    for table in (wildcards["table"] for wildcards in tables(plan) if wildcards["table"] not in SUMMARIES):
        names = [one["experiment"] for one in plan.task("write_table", table=table).settings["experiments"]]
        starts = [plan.config["experiments"][name]["initialisation"] for name in names]
        for name in dict.fromkeys([*names, *(start["experiment"] for start in starts if isinstance(start, dict))]):
            users[name].append(table)
    return {"jobs": [method_jobs(plan, name) for name in users]}, {"kind": "cost", "suite": plan.suite, "users": users}


def scorecard_table(plan: Plan) -> Needs:
    """It reads the tables that the suite makes, and the paper's own rows of those that it does not."""
    made, absent = list(plan.config["tables"]), [name for name in PAPER_TABLES if name not in plan.config["tables"]]
    inputs = {"published": [published(PAPER_TABLES[name].file) for name in absent]}
    inputs |= {"tables": [plan.outputs("write_table", table=name)["csv"] for name in made]}
    settings = {"kind": "scorecard", "suite": plan.suite, "tables": made, "absent": absent}
    return inputs | {"reported_only": published("reported_only.csv")}, settings
