"""What a suite makes in the end, as the graph's targets and as the forecast count it."""

from pml.config import folds, method_folds

MARGINS = "pml.progressive_margin:PML"


def margins_fold(config: dict, experiment: str, method: str) -> int | None:
    """Return the first fold of a method of margins whose model `experiment` keeps, or None."""
    if config["methods"][method]["class"] != MARGINS:
        return None
    chosen = config["experiments"][experiment]
    return next((fold for fold in method_folds(chosen, method) if fold in folds(chosen["keep_models"])), None)


def margins_figures(config: dict) -> list[tuple[str, str]]:
    """Return the experiments and methods whose margins a figure shows."""
    experiments = config["experiments"]
    pairs = [(name, method) for name in experiments for method in experiments[name]["methods"]]
    return [(name, method) for name, method in pairs if margins_fold(config, name, method)]


def final_products(config: dict) -> list[str]:
    """Return what `snakemake` makes: the published copies of the suite's tables and figures, as paths."""
    datasets, experiments = config["datasets"], config["experiments"]
    tables = [*config["tables"], *(f"table_{name}" for name in config["comparisons"])]
    tables = [f"{name}.{extension}" for name in tables for extension in ("csv", "md", "tex")]
    tables += [f"metrics_{name}.csv" for name in experiments]
    tables += [f"data_{name}.{extension}" for name in datasets for extension in ("csv", "md")]
    tables += ["leakage.csv", "leakage.md"] if config["leakage"] else []
    figures = [*config["figures"], *(f"ages_{name}" for name in datasets)]
    figures += [f"{kind}_{name}" for name in experiments for kind in ("training_curves", "errors_by_age")]
    figures += [f"margins_{name}_{method}" for name, method in margins_figures(config)]
    figures = [f"figures/{name}.{extension}" for name in figures for extension in ("pdf", "png")]
    return [f"results/{product}" for product in [*(f"tables/{name}" for name in tables), *figures]]
