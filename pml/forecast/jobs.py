"""The jobs of a suite that has nothing yet, as the graph will have them."""

from collections import Counter
from dataclasses import dataclass

from pml.config import IMAGENET, fold_jobs, folds, is_pixel_free
from pml.products import final_products, margins_figures


@dataclass(frozen=True)
class TrainingJob:
    """One job of the rule train_folds, or of look_up_folds if it does not train.

    Attributes:
        experiment, method: keys of the config.
        folds: numbers of the folds that its process trains.
        kept: how many of them leave a model.pt.
        trains: false for a method that looks at no pixels.
    """

    experiment: str
    method: str
    folds: tuple[int, ...]
    kept: int
    trains: bool


def training_jobs(config: dict) -> list[TrainingJob]:
    """Return every training job of a checked config."""
    jobs = []
    for name, experiment in config["experiments"].items():
        kept = set(folds(experiment["keep_models"]))
        for method in experiment["methods"]:
            for numbers in fold_jobs(experiment, method):
                trains = not is_pixel_free(config["methods"][method])
                job = TrainingJob(name, method, tuple(numbers), trains * len(kept.intersection(numbers)), trains)
                jobs += [job] * len(experiment["seeds"])
    return jobs


def rule_counts(config: dict) -> Counter[str]:
    """Return how many jobs each rule has, `all` left out; no more of them than `snakemake --dry-run` lists."""
    datasets, experiments = config["datasets"].values(), config["experiments"]
    archives = [archive for dataset in datasets for archive in dataset["archives"]]
    started = [chosen["backbone"] for chosen in experiments.values() if chosen["initialisation"] == IMAGENET]
    tables = [name for name in config["tables"] if name != "table6"]
    curricula = config["tables"].get("table6", {"experiments": []})["experiments"]
    courses = sum(len(experiments[name]["curriculum"]) for name in curricula)
    margins = margins_figures(config)
    trains = [job.trains for job in training_jobs(config)]
    counts = {
        "fetch_archive": sum("url" in archive for archive in archives),
        "draw_synthetic_archive": sum("synthetic" in archive for archive in archives),
        "fetch_weights": len(set(started)),
        "write_settings": sum(len(chosen["methods"]) for chosen in experiments.values()),
        "train_folds": trains.count(True),
        "look_up_folds": trains.count(False),
        "pool_course": courses,
        "evaluate_course": courses,
        "write_table": len(tables),
        "write_table_experiments": len(tables),
        "write_table6": "table6" in config["tables"],
        "write_table6_experiments": "table6" in config["tables"],
        "write_comparison": len(config["comparisons"]),
        "write_comparison_experiments": len(config["comparisons"]),
        "write_leakage": bool(config["leakage"]),
        "write_leakage_experiments": bool(config["leakage"]),
        "draw_figure3": "figure3" in config["figures"],
        "draw_figure4": "figure4" in config["figures"],
        "extract_features": 2 * ("figure4" in config["figures"]),
        "inspect_margins": len(margins),
        "draw_margins": len(margins),
        "publish": len(final_products(config)),
    }
    counts |= dict.fromkeys(("index_images", "align_faces", "report_data"), len(datasets))
    of_experiments = (
        "assign_folds",
        "pool_predictions",
        "evaluate_predictions",
        "draw_training_curves",
        "draw_errors_by_age",
    )
    counts |= dict.fromkeys(of_experiments, len(experiments))
    return Counter({rule: int(count) for rule, count in counts.items() if count})
