"""The jobs from indexes, predictions and metrics to tables and figures."""

import os
from pathlib import Path
from typing import NamedTuple

from pml.files import PUBLISHED
from pml.starts import STARTS
from pml.suite.config import comparison_reference, folds, method_folds
from pml.suite.data_jobs import data_name, datasets, experiments, faces
from pml.suite.plan import Needs, Plan, Wildcards, rule
from pml.suite.run_jobs import first_run, method_jobs, methods_of


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
    return shown | {"face_size": plan.config["face_size"], "courses": len(chosen["curriculum"]) + 1}


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
    known = STARTS.get((chosen["backbone"], given)) if isinstance(given, str) else None
    seen = known.seen if known else "random weights" if given == "random" else chosen["pretraining"]
    if chosen["frozen"] is not None:
        return f"{seen}; frozen"
    return f"{seen}; last {blocks} blocks trained" if blocks else seen


def metrics(plan: Plan, experiment: str) -> str:
    return plan.outputs("evaluate_predictions", experiment=experiment)["metrics"]


def indexed(plan: Plan, experiment: str) -> dict[str, str]:
    return {"index": faces(plan, experiment)["index"]} | plan.outputs("assign_folds", experiment=experiment)


@rule(
    "pml.reporting.data_report:report_data",
    datasets,
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
    return inputs, {"data": data_name(plan, dataset)}


def tables(plan: Plan) -> list[Wildcards]:
    comparisons = [f"table_{name}" for name in plan.config["comparisons"]]
    leakage = ["leakage"] if plan.config["leakage"] else []
    scorecard = ["scorecard"] if plan.config["tables"] else []
    selection = ["selection"] if followed(plan) else []
    return [{"table": name} for name in [*plan.config["tables"], *comparisons, *leakage, *selection, *scorecard]]


@rule(
    "pml.reporting.table:write_table",
    tables,
    csv="results/{suite}/tables/{table}.csv",
    markdown="results/{suite}/tables/{table}.md",
    latex="results/{suite}/tables/{table}.tex",
)
def write_table(plan: Plan, table: str) -> Needs:
    """Inputs and settings both list the table's experiments, in the same order."""
    makers = {"table6": curricula_table, "leakage": leakage_table, "selection": selection_table, "scorecard": scorecard_table}
    if table in makers:
        return makers[table](plan)
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
    pooled = [plan.outputs("pool_predictions", experiment=name)["pooled"] for name in chosen["experiments"]]
    settings = {"kind": "comparison", "experiments": [described(plan, name) for name in chosen["experiments"]]}
    settings |= {"reference": list(comparison_reference(chosen)), "margin": plan.config["equivalence"]}
    return {"pooled": pooled}, settings


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


def scorecard_table(plan: Plan) -> Needs:
    made = list(plan.config["tables"])
    inputs = {"published": [published(printed.file) for printed in PAPER_TABLES.values()]}
    inputs |= {"tables": [plan.outputs("write_table", table=name)["csv"] for name in made]}
    settings = {"kind": "scorecard", "suite": plan.suite, "tables": made, "published": list(PAPER_TABLES)}
    return inputs | {"reported_only": published("reported_only.csv")}, settings


def figure3(plan: Plan) -> list[Wildcards]:
    return [{}] if "figure3" in plan.config["figures"] else []


def figure4(plan: Plan) -> list[Wildcards]:
    return [{}] if "figure4" in plan.config["figures"] else []


def figure_settings(plan: Plan, figure: str) -> dict:
    """Return the data of a figure of the paper, and the method and the baseline that it compares."""
    chosen = plan.config["figures"][figure]
    methods = {entry["method"]: entry for entry in methods_of(plan, chosen["experiment"])}
    data = data_name(plan, plan.config["experiments"][chosen["experiment"]]["dataset"])
    return {"data": data, "methods": [methods[chosen["method"]], methods[chosen["baseline"]]]}


@rule(
    "pml.reporting.figure3:draw_figure3",
    figure3,
    pdf="results/{suite}/figures/figure3.pdf",
    png="results/{suite}/figures/figure3.png",
)
def draw_figure3(plan: Plan) -> Needs:
    chosen = plan.config["figures"]["figure3"]
    store = faces(plan, chosen["experiment"])
    inputs = {"index": store["index"], "jobs": method_jobs(plan, chosen["experiment"], [chosen["method"], chosen["baseline"]])}
    if chosen["show_faces"]:
        inputs |= {"faces_table": store["faces_table"], "faces": store["faces"]}
    return inputs, figure_settings(plan, "figure3")


@rule(
    "pml.reporting.figure4:draw_figure4",
    figure4,
    pdf="results/{suite}/figures/figure4.pdf",
    png="results/{suite}/figures/figure4.png",
    csv="results/{suite}/figures/figure4_purity.csv",
)
def draw_figure4(plan: Plan) -> Needs:
    chosen = plan.config["figures"]["figure4"]
    wildcards = {"experiment": chosen["experiment"], "fold": str(chosen["fold"])}
    methods = (chosen["method"], chosen["baseline"])
    features = [plan.outputs("extract_features", method=method, **wildcards)["features"] for method in methods]
    return {"features": features}, figure_settings(plan, "figure4") | {name: chosen.get(name) for name in ("head", "tail")}


@rule(
    "pml.reporting.curves:draw_training_curves",
    experiments,
    pdf="results/{suite}/figures/training_curves_{experiment}.pdf",
    png="results/{suite}/figures/training_curves_{experiment}.png",
)
def draw_training_curves(plan: Plan, experiment: str) -> Needs:
    trained = plan.trained(experiment)
    return {"jobs": method_jobs(plan, experiment, trained) if trained else []}, shown(plan, experiment)


@rule(
    "pml.reporting.cumulative_score:draw_cumulative_score",
    experiments,
    pdf="results/{suite}/figures/cumulative_score_{experiment}.pdf",
    png="results/{suite}/figures/cumulative_score_{experiment}.png",
)
def draw_cumulative_score(plan: Plan, experiment: str) -> Needs:
    return {"metrics": metrics(plan, experiment)}, shown(plan, experiment)


@rule(
    "pml.reporting.error_against_age:draw_error_against_age",
    experiments,
    pdf="results/{suite}/figures/error_against_age_{experiment}.pdf",
    png="results/{suite}/figures/error_against_age_{experiment}.png",
)
def draw_error_against_age(plan: Plan, experiment: str) -> Needs:
    """Its reference is that of the first comparison with a method of the experiment; without one, the experiment's first."""
    inputs = indexed(plan, experiment) | plan.outputs("pool_predictions", experiment=experiment)
    references = map(comparison_reference, plan.config["comparisons"].values())
    first = plan.config["experiments"][experiment]["methods"][0]
    settings = shown(plan, experiment) | {"trained": plan.trained(experiment)}
    return inputs, settings | {"reference": next((method for name, method in references if name == experiment), first)}


def whole_fgnet(plan: Plan) -> list[Wildcards]:
    """Return the experiments that leave out each person of the real FG-NET, and have PML among their methods."""
    found = []
    for name, chosen in plan.config["experiments"].items():
        kind, synthetic = plan.config["datasets"][chosen["dataset"]]["format"], data_name(plan, chosen["dataset"])["synthetic"]
        if (kind, chosen["protocol"], synthetic) == ("fgnet", "lopo", False) and released_twins(plan, name):
            found.append({"experiment": name})
    return found


def released_twins(plan: Plan, experiment: str) -> list[str]:
    """Return the methods that the paper publishes as PML and that are tested on all people of FG-NET."""
    chosen, people = plan.config["experiments"][experiment], PAPER_TABLES["table4"].folds
    twins = [name for name in chosen["methods"] if plan.config["methods"][name]["published"] == "PML"]
    return [name for name in twins if len(method_folds(chosen, name)) == people]


@rule(
    "pml.reporting.subjects:draw_subjects",
    whole_fgnet,
    pdf="results/{suite}/figures/subjects_{experiment}.pdf",
    png="results/{suite}/figures/subjects_{experiment}.png",
    csv="results/{suite}/tables/subjects_{experiment}.csv",
)
def draw_subjects(plan: Plan, experiment: str) -> Needs:
    data, start = data_name(plan, plan.config["experiments"][experiment]["dataset"]), start_name(plan, experiment)
    twins = released_twins(plan, experiment)
    methods = [entry | {"start": start} for entry in methods_of(plan, experiment) if entry["method"] in twins]
    inputs = plan.outputs("pool_predictions", experiment=experiment)
    return inputs | {"released": published("fgnet_per_subject_released.csv")}, {"data": data, "methods": methods}


def comparisons(plan: Plan) -> list[Wildcards]:
    return [{"comparison": name} for name in plan.config["comparisons"]]


@rule(
    "pml.reporting.forest:draw_forest",
    comparisons,
    pdf="results/{suite}/figures/forest_{comparison}.pdf",
    png="results/{suite}/figures/forest_{comparison}.png",
)
def draw_forest(plan: Plan, comparison: str) -> Needs:
    described_rows = [shown(plan, name) for name in plan.config["comparisons"][comparison]["experiments"]]
    places = {entry["label"]: entry["place"] for row in described_rows for entry in row["methods"]}
    table = plan.outputs("write_table", table=f"table_{comparison}")["csv"]
    return {"table": table}, {"data": described_rows[0]["data"], "places": places}


def shown(plan: Plan, experiment: str) -> dict:
    """Return what a figure says of an experiment."""
    data = data_name(plan, plan.config["experiments"][experiment]["dataset"])
    return {"data": data, "methods": methods_of(plan, experiment)}


def diagnosed_fold(plan: Plan, experiment: str, method: str) -> int | None:
    """Return the first fold whose model `experiment` keeps, if the method has a figure of its own to draw of a run."""
    if not plan.classes[method]["draws_diagnostics"]:
        return None
    chosen = plan.config["experiments"][experiment]
    return next((fold for fold in method_folds(chosen, method) if fold in folds(chosen["keep_models"])), None)


def diagnosed(plan: Plan) -> list[Wildcards]:
    pairs = [(name, method) for name, chosen in plan.config["experiments"].items() for method in chosen["methods"]]
    return [{"experiment": name, "method": method} for name, method in pairs if diagnosed_fold(plan, name, method)]


@rule(
    "pml.reporting.diagnostics:draw_diagnostics",
    diagnosed,
    pdf="results/{suite}/figures/diagnostics_{experiment}_{method}.pdf",
    png="results/{suite}/figures/diagnostics_{experiment}_{method}.png",
    csv="results/{suite}/evaluation/{experiment}/diagnostics_{method}.csv",
)
def draw_diagnostics(plan: Plan, experiment: str, method: str) -> Needs:
    fold = diagnosed_fold(plan, experiment, method)
    data = data_name(plan, plan.config["experiments"][experiment]["dataset"])
    run = first_run(plan, experiment, method, fold or 0)
    return {"jobs": method_jobs(plan, experiment, [method])}, {"data": data, "run": run}


def products(plan: Plan) -> list[Wildcards]:
    return [dict(zip(("kind", "name"), path.split("/")[1:], strict=True)) for path in plan.products()]


@rule(None, products, copied="results/{kind}/{name}")
def publish(plan: Plan, kind: str, name: str) -> Needs:
    """The copies that a reader opens show the suite that was run last."""
    return {"original": f"results/{plan.suite}/{kind}/{name}"}, {}
