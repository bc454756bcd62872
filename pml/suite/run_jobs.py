"""The jobs from faces and folds to run directories, their predictions and their metrics."""

from pml.suite.config import PRETRAINED_FOLD, fold_jobs, folds
from pml.suite.data_jobs import data_name, experiments, faces, start_of, training_data
from pml.suite.plan import Needs, Plan, Wildcards, rule

JOBS = "results/{suite}/runs/{experiment}/{method}/seed{seed}/jobs/{job}.csv"


def method_jobs(plan: Plan, experiment: str, methods: list[str] | None = None) -> list[str]:
    """Return the tables of finished runs of an experiment: of the methods given, or of all."""
    chosen = plan.config["experiments"][experiment]
    return [
        plan.outputs("train_folds", experiment=experiment, method=method, seed=str(seed), job=str(job))["jobs"]
        for method in methods or chosen["methods"]
        for seed in chosen["seeds"]
        for job, _ in enumerate(fold_jobs(chosen, method), 1)
    ]


def first_run(plan: Plan, experiment: str, method: str, fold: int) -> str:
    """Return the run directory of the first seed."""
    seed = plan.config["experiments"][experiment]["seeds"][0]
    return f"results/{plan.suite}/runs/{experiment}/{method}/seed{seed}/fold{fold:03d}"


def methods_of(plan: Plan, experiment: str) -> list[dict]:
    """Return the methods of an experiment as tables and figures name them.

    Each has its `method`, its `label`, with a mark where the test part chooses the epoch, and its `place` in the config, by
    which it has the same colour in every figure.
    """
    chosen = plan.config["experiments"][experiment]
    mark = " (oracle)" if chosen["training"]["selection"] == "oracle" else ""
    places = {method: place for place, method in enumerate(plan.config["methods"])}
    return [
        {"method": method, "label": plan.config["methods"][method]["label"] + mark, "place": places[method]}
        for method in chosen["methods"]
    ]


def start(plan: Plan, experiment: str, method: str) -> tuple[str, list[str]]:
    """Return what a method's training starts from in an experiment, "random" or a checkpoint, and the files that it waits for.

    Behind a frozen backbone the trunk starts at random, unless the experiment starts from another one.
    """
    chosen = plan.config["experiments"][experiment]
    given = chosen["initialisation"]
    if isinstance(given, str):
        path = start_of(plan, experiment) if chosen["frozen"] is None else "random"
        return path, [] if path == "random" else [path]
    source = plan.config["experiments"][given["experiment"]]
    jobs = enumerate(fold_jobs(source, method), 1)
    wildcards = {"experiment": given["experiment"], "method": method, "seed": str(source["seeds"][0])}
    waited = [
        plan.outputs("train_folds", **wildcards, job=str(job))["jobs"] for job, numbers in jobs if PRETRAINED_FOLD in numbers
    ]
    return f"{first_run(plan, given['experiment'], method, PRETRAINED_FOLD)}/model.pt", waited


def all_jobs(plan: Plan, reads_pixels: bool) -> list[Wildcards]:
    return [
        {"experiment": name, "method": method, "seed": str(seed), "job": str(job)}
        for name, experiment in plan.config["experiments"].items()
        for method in experiment["methods"]
        if (method not in plan.references) == reads_pixels
        for seed in experiment["seeds"]
        for job, _ in enumerate(fold_jobs(experiment, method), 1)
    ]


def training_jobs(plan: Plan) -> list[Wildcards]:
    return all_jobs(plan, reads_pixels=True)


def lookup_jobs(plan: Plan) -> list[Wildcards]:
    return all_jobs(plan, reads_pixels=False)


def job_settings(plan: Plan, experiment: str, method: str, seed: str, job: str) -> dict:
    """Return what a method that trains and one that looks up are both told."""
    chosen = plan.config["experiments"][experiment]
    return {
        "method": method,
        "data": data_name(plan, chosen["dataset"]),
        "folds": list(fold_jobs(chosen, method))[int(job) - 1],
        "seed": int(seed),
        "runs": f"results/{plan.suite}/runs/{experiment}/{method}/seed{seed}",
    }


def embedded_from(plan: Plan, experiment: str) -> dict:
    """Return what is needed to embed another face as those of a frozen experiment were."""
    return {"initialisation": start_of(plan, experiment), "face_size": plan.face_size(experiment)}


def run_settings(plan: Plan, experiment: str, method: str) -> dict:
    """Return the settings of a method's training in an experiment (`pml.suite.settings.Settings`)."""
    chosen = plan.config["experiments"][experiment]
    return {
        "method": plan.config["methods"][method]["class"],
        "options": plan.config["methods"][method]["options"],
        "candidates": plan.config["methods"][method]["tuning"],
        "backbone": chosen["backbone"],
        "backbone_options": chosen["backbone_options"],
        "initialisation": start(plan, experiment, method)[0],
        "frozen": chosen["frozen"],
        "embedded": None if chosen["frozen"] is None else embedded_from(plan, experiment),
        "courses": len(chosen["curriculum"]) + 1,
        **chosen["training"],
    }


@rule("pml.training.run:train_folds", training_jobs, jobs=JOBS)
def train_folds(plan: Plan, experiment: str, method: str, seed: str, job: str) -> Needs:
    inputs = training_data(plan, experiment)
    settings = job_settings(plan, experiment, method, seed, job)
    settings |= {"training": run_settings(plan, experiment, method)}
    settings |= {"keep_models": folds(plan.config["experiments"][experiment]["keep_models"])}
    settings |= plan.crop(plan.config["experiments"][experiment]["dataset"])
    return inputs | {"initialisation": start(plan, experiment, method)[1]}, settings


@rule("pml.training.lookup:look_up_folds", lookup_jobs, jobs=JOBS)
def look_up_folds(plan: Plan, experiment: str, method: str, seed: str, job: str) -> Needs:
    inputs = {"index": faces(plan, experiment)["index"]} | plan.outputs("assign_folds", experiment=experiment)
    settings = job_settings(plan, experiment, method, seed, job)
    settings |= {name: plan.config["methods"][method][name] for name in ("class", "options")}
    settings |= {"courses": len(plan.config["experiments"][experiment]["curriculum"]) + 1}
    return inputs, settings


def shown_runs(plan: Plan) -> list[Wildcards]:
    """Return the runs whose features Figure 4 shows."""
    figure = plan.config["figures"].get("figure4")
    methods = [figure["method"], figure["baseline"]] if figure else []
    return [{"experiment": figure["experiment"], "method": method, "fold": str(figure["fold"])} for method in methods]


@rule(
    "pml.training.features:extract_features",
    shown_runs,
    features="results/{suite}/features/{experiment}/{method}/fold{fold}.npz",
)
def extract_features(plan: Plan, experiment: str, method: str, fold: str) -> Needs:
    inputs = training_data(plan, experiment)
    return inputs | {"jobs": method_jobs(plan, experiment, [method])}, {"run": first_run(plan, experiment, method, int(fold))}


def evaluation(plan: Plan, experiment: str, course: int | None, selection: str) -> Needs:
    inputs = {"index": faces(plan, experiment)["index"]} | plan.outputs("assign_folds", experiment=experiment)
    data = data_name(plan, plan.config["experiments"][experiment]["dataset"])
    settings = {"course": course, "data": data, "selection": selection, "trained": plan.trained(experiment)}
    settings |= {"exclusive": plan.protocol_is("exclusive", experiment)}
    return inputs | {"jobs": method_jobs(plan, experiment)}, settings


@rule(
    "pml.evaluation.evaluate:evaluate_predictions",
    experiments,
    ("Tables", {"metrics": "metrics"}),
    pooled="results/{suite}/evaluation/{experiment}/pooled.csv",
    metrics="results/{suite}/tables/metrics_{experiment}.csv",
)
def evaluate_predictions(plan: Plan, experiment: str) -> Needs:
    return evaluation(plan, experiment, None, plan.config["experiments"][experiment]["training"]["selection"])


def shown_courses(plan: Plan) -> list[Wildcards]:
    """Return the courses that Table 6 shows, but for the last of each experiment, whose predictions are the run's own."""
    names = plan.config["tables"].get("table6", {"experiments": []})["experiments"]
    lines = {name: plan.config["experiments"][name]["curriculum"] for name in names}
    return [{"experiment": name, "course": str(course)} for name in names for course in range(1, len(lines[name]) + 1)]


@rule(
    "pml.evaluation.evaluate:evaluate_predictions",
    shown_courses,
    pooled="results/{suite}/evaluation/{experiment}/course{course}/pooled.csv",
    metrics="results/{suite}/evaluation/{experiment}/course{course}/metrics.csv",
)
def evaluate_course(plan: Plan, experiment: str, course: str) -> Needs:
    """What the runs predicted when a course of their curriculum had ended."""
    return evaluation(plan, experiment, int(course), "last")
