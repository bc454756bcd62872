"""Where a row of a table comes from: the files down to the predictions of its runs, and what each run was made with."""

from pathlib import Path

import pandas as pd
from tabulate import tabulate

from pml.errors import InputError, suggest
from pml.suite import Plan, read_plan
from pml.suite.run_jobs import method_jobs, methods_of
from pml.suite.settings import fingerprint
from pml.training.run_directory import read_run, read_runs

NUMBERS = ["published_mae", "reproduced_mae", "mae", "difference", "verdict", "verdict_few"]


def explain_text(path: Path, wanted: str) -> str:
    """Return the chain behind the rows of one method in a table.

    Args:
        path: of the CSV, below results/tables/ or results/<suite>/tables/.
        wanted: the method, by its key in the config or by its label.

    Raises:
        InputError: no suite wrote the file, or it has no row of such a method, or a run is gone.
    """
    plan = plan_of(path)
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a table: {error}; name a table that a suite wrote") from None
    label = next((column for column in ("reproduced_by", "method") if column in table), "")
    if not label or not {"experiment", "data"} <= set(table):
        raise InputError(f"{path}: its rows name no method and experiment; ask for table2 to table6, leakage or a comparison")
    found, known = [], []
    for row in table.dropna(subset=["experiment", label]).to_dict("records"):
        entry = next((one for one in methods_of(plan, row["experiment"]) if one["label"] == row[label]), None)
        if entry is None:
            raise InputError(f"{path}: column '{label}' has '{row[label]}', which is not in {plan.path}; run the suite again")
        known += [entry["method"], entry["label"]]
        if wanted in (entry["method"], entry["label"]):
            numbers = [f"{name} {row[name]}" for name in NUMBERS if not pd.isna(row.get(name))]
            head = f"{row[label]} in {row['experiment']} on {row['data']}: {', '.join(numbers)}"
            found.append(f"{head}\n\n{chain(plan, row['experiment'], entry)}")
    if not found:
        raise InputError(f"{path}: no row of '{wanted}'{suggest(wanted, known)}")
    return f"{path}, made by suite {plan.suite}\n\n" + "\n\n".join(dict.fromkeys(found))


def plan_of(path: Path) -> Plan:
    """Return the plan of the suite that wrote a table; of a published copy, that of the suite that has the same.

    Raises:
        InputError: there is none.
    """
    if (path.parent.parent / "suite.json").exists():
        return read_plan(path.parent.parent / "suite.json")
    for saved in sorted(path.parent.parent.glob("*/suite.json"), key=lambda file: -file.stat().st_mtime):
        original = saved.parent / "tables" / path.name
        if path.exists() and original.exists() and original.read_bytes() == path.read_bytes():
            return read_plan(saved)
    raise InputError(f"{path}: no suite has written it; name a table below results/tables/ or results/<suite>/tables/")


def chain(plan: Plan, experiment: str, entry: dict) -> str:
    """Return the files from the metrics of a method down to its runs, and a line for each seed."""
    dataset = plan.config["experiments"][experiment]["dataset"]
    evaluated = plan.outputs("evaluate_predictions", experiment=experiment)
    files = {
        "metrics": evaluated["metrics"],
        "predictions of all": evaluated["pooled"],
        "folds": plan.outputs("assign_folds", experiment=experiment)["folds"],
        "images": plan.outputs("index_images", dataset=dataset)["index"],
    }
    jobs = method_jobs(plan, experiment, [entry["method"]])
    runs = read_runs(jobs)
    facts = pd.DataFrame([_facts(Path(run)) for run in runs["run"]])
    rows = []
    for seed, of_seed in facts.groupby(runs["seed"]):
        first, folder = of_seed.iloc[0], Path(runs["run"][of_seed.index[0]]).parent
        shared = {name: ", ".join(sorted(set(of_seed[name]))) for name in ("settings", "commit", "versions", "device", "start")}
        told = {"seed": seed, "folds": len(of_seed), "predictions": f"{folder}/fold*/predictions.csv", **shared}
        rows.append(told | {"seconds": round(of_seed["seconds"].sum()), "MB": first["MB"]})
    return f"{tabulate(files.items(), tablefmt='plain')}\n\n{tabulate(rows, 'keys', tablefmt='plain')}"


def _facts(run: Path) -> dict:
    facts = read_run(run, "commit", "versions")
    settings = facts.get("settings", {})
    return {
        "settings": fingerprint(settings)[:12],
        "commit": (facts["commit"] or "unknown")[:12],
        "versions": " ".join(f"{name} {version}" for name, version in facts["versions"].items()),
        "device": f"{facts.get('device', 'cpu')} {facts.get('precision', '')}".strip(),
        "start": str((settings.get("embedded") or settings).get("initialisation", "none")),
        "seconds": facts.get("seconds") or 0,
        "MB": facts.get("peak_memory_mb"),
    }
