"""The jobs of figures, and the copies of tables and figures that a reader opens."""

from pml.suite.config import comparison_reference, folds, method_folds
from pml.suite.data_jobs import data_name, experiments, faces
from pml.suite.plan import PAGE, RULES, Needs, Plan, Wildcards, rule
from pml.suite.run_jobs import first_run, method_jobs, methods_of
from pml.suite.table_jobs import PAPER_TABLES, indexed, pooled, published, start_name


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
    ("Figures", {"png": "figure3"}),
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
    ("Figures", {"png": "figure4"}),
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


OF_EXPERIMENTS = ("training_curves", "cumulative_score", "error_against_age", "shots", "calibration")


@rule(
    "pml.reporting.experiment:draw_experiment",
    experiments,
    ("Figures", {f"{figure}_png": figure for figure in OF_EXPERIMENTS}),
    **{
        f"{figure}_{kind}": f"results/{{suite}}/figures/{figure}_{{experiment}}.{kind}"
        for figure in OF_EXPERIMENTS
        for kind in ("pdf", "png")
    },
    calibration_csv="results/{suite}/tables/calibration_{experiment}.csv",
)
def draw_experiment(plan: Plan, experiment: str) -> Needs:
    """Its reference is that of the first comparison with a method of the experiment; without one, the experiment's first."""
    trained, chosen = plan.trained(experiment), plan.config["experiments"][experiment]
    inputs = indexed(plan, experiment) | plan.outputs("evaluate_predictions", experiment=experiment)
    jobs = method_jobs(plan, experiment, trained) if trained else []
    references = map(comparison_reference, plan.config["comparisons"].values())
    reference = next((method for name, method in references if name == experiment), chosen["methods"][0])
    courses = [chosen["training"]["epochs"] * number for number in range(1, len(chosen["curriculum"]) + 1)]
    settings = shown(plan, experiment) | {"trained": trained, "reference": reference, "courses": courses}
    return inputs | {"jobs": jobs}, settings


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
    ("Figures", {"png": "subjects"}),
    pdf="results/{suite}/figures/subjects_{experiment}.pdf",
    png="results/{suite}/figures/subjects_{experiment}.png",
    csv="results/{suite}/tables/subjects_{experiment}.csv",
)
def draw_subjects(plan: Plan, experiment: str) -> Needs:
    data, start = data_name(plan, plan.config["experiments"][experiment]["dataset"]), start_name(plan, experiment)
    twins = released_twins(plan, experiment)
    methods = [entry | {"start": start} for entry in methods_of(plan, experiment) if entry["method"] in twins]
    inputs = {"pooled": pooled(plan, experiment)}
    return inputs | {"released": published("fgnet_per_subject_released.csv")}, {"data": data, "methods": methods}


def comparisons(plan: Plan) -> list[Wildcards]:
    return [{"comparison": name} for name in plan.config["comparisons"]]


@rule(
    "pml.reporting.forest:draw_forest",
    comparisons,
    ("Figures", {"png": "forest"}),
    pdf="results/{suite}/figures/forest_{comparison}.pdf",
    png="results/{suite}/figures/forest_{comparison}.png",
)
def draw_forest(plan: Plan, comparison: str) -> Needs:
    described_rows = [shown(plan, name) for name in plan.config["comparisons"][comparison]["experiments"]]
    places = {entry["label"]: entry["place"] for row in described_rows for entry in row["methods"]}
    table = plan.outputs("write_table", table=f"table_{comparison}")["csv"]
    settings = {"data": described_rows[0]["data"], "places": places, "margin": plan.config["equivalence"]}
    return {"table": table}, settings


def shown(plan: Plan, experiment: str) -> dict:
    """Return what a figure says of an experiment."""
    data = data_name(plan, plan.config["experiments"][experiment]["dataset"])
    return {"data": data, "methods": methods_of(plan, experiment)}


def diagnosed_fold(plan: Plan, experiment: str, method: str) -> int | None:
    """Return the first fold whose model `experiment` keeps, if the method has a figure of its own to draw of a run."""
    if not plan.facts["methods"][method]["draws_diagnostics"]:
        return None
    chosen = plan.config["experiments"][experiment]
    return next((fold for fold in method_folds(chosen, method) if fold in folds(chosen["keep_models"])), None)


def diagnosed(plan: Plan) -> list[Wildcards]:
    pairs = [(name, method) for name, chosen in plan.config["experiments"].items() for method in chosen["methods"]]
    return [{"experiment": name, "method": method} for name, method in pairs if diagnosed_fold(plan, name, method)]


@rule(
    "pml.reporting.diagnostics:draw_diagnostics",
    diagnosed,
    ("Figures", {"png": "diagnostics"}),
    pdf="results/{suite}/figures/diagnostics_{experiment}_{method}.pdf",
    png="results/{suite}/figures/diagnostics_{experiment}_{method}.png",
    csv="results/{suite}/evaluation/{experiment}/diagnostics_{method}.csv",
)
def draw_diagnostics(plan: Plan, experiment: str, method: str) -> Needs:
    fold = diagnosed_fold(plan, experiment, method)
    data = data_name(plan, plan.config["experiments"][experiment]["dataset"])
    run = first_run(plan, experiment, method, fold or 0)
    return {"jobs": method_jobs(plan, experiment, [method])}, {"data": data, "run": run}


def once(plan: Plan) -> list[Wildcards]:
    return [{}]


@rule(
    "pml.reporting.page:write_page",
    once,
    ("All on one page", {"page": "page"}),
    page="results/{suite}/report.html",
    latest=PAGE,
)
def write_page(plan: Plan) -> Needs:
    """All that rules say is reported: files and their captions' wildcards in one order."""
    shown, inputs = [], []
    for name, declared in RULES.items():
        for task in plan.tasks(name) if declared.category and name != "write_page" else ():
            for output, caption in declared.captions.items():
                markdown = task.outputs.get("markdown", "") if output == "csv" else ""
                inputs += [task.outputs[output], *filter(None, [markdown])]
                entry = {"category": declared.category, "caption": caption, "wildcards": task.wildcards}
                shown.append(entry | {"file": task.outputs[output], "markdown": markdown})
    ran = [ran_on(plan, name) for name in plan.config["experiments"]]
    return {"shown": inputs}, {"suite": plan.suite, "shown": shown, "experiments": ran}


def ran_on(plan: Plan, experiment: str) -> dict:
    """Return what the page says of an experiment at its head."""
    chosen = plan.config["experiments"][experiment]
    row = {"experiment": experiment, "data": data_name(plan, chosen["dataset"]), "protocol": chosen["protocol"]}
    row |= {"folds": len(folds(chosen["folds"])), "seeds": len(chosen["seeds"])}
    start = start_name(plan, experiment) if plan.trained(experiment) else "–"
    return row | {"methods": [entry["label"] for entry in methods_of(plan, experiment)], "start": start}


def products(plan: Plan) -> list[Wildcards]:
    return [dict(zip(("kind", "name"), path.split("/")[1:], strict=True)) for path in plan.products()]


@rule(None, products, copied="results/{kind}/{name}")
def publish(plan: Plan, kind: str, name: str) -> Needs:
    """The copies that a reader opens show the suite that was run last."""
    return {"original": f"results/{plan.suite}/{kind}/{name}"}, {}
