"""A copy of the checkout, configs that take seconds, and snakemake as a user calls it."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CHECKOUT = ["Snakefile", "environment.yml", "workflow", "profiles", "config", "pml", "baselines"]


def tiny_config() -> dict:
    """The demo's config, cut down: every rule, data set and protocol of it, every kind of table, on a handful of faces.

    What one experiment or method has shown, the next does not show again.
    """
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    config["suite"] = "tiny"
    config["face_size"] = 32
    sizes = {"fgnet": (8, 56), "morph2": (18, 72), "chalearn": (60, 60), "imdb_wiki": (15, 30)}
    for name, (subjects, images) in sizes.items():
        config["datasets"][name]["archives"] = [{"synthetic": {"subjects": subjects, "images": images}}]
    methods = {
        "imdb_wiki_pretraining": ["pml"],
        "morph2_setting1": ["pml", "kl", "id_lookup"],  # the two of Figure 4, and what the leakage table looks for
        "morph2_setting1_exclusive": ["id_lookup"],
        "morph2_setting2": ["constant_median"],
        "chalearn_official": ["pml", "id_lookup"],
        "chalearn_official_pretrained": ["pml"],
        "chalearn_curricula": ["pml"],
        "fgnet_lopo": ["pml", "kl", "dex", "constant_median", "id_lookup"],
        "fgnet_frozen": ["kl"],
    }
    config["methods"] = {name: config["methods"][name] for name in methods["fgnet_lopo"]}
    config["experiments"] = {name: config["experiments"][name] | {"methods": chosen} for name, chosen in methods.items()}
    for experiment in config["experiments"].values():
        experiment["training"] |= {"epochs": 1, "warmup_epochs": 0.5}
    config["experiments"]["fgnet_frozen"] |= {"folds": [1]}
    config["experiments"]["chalearn_curricula"]["curriculum"] = [0.2, 0.4]
    lopo = config["experiments"]["fgnet_lopo"]
    lopo |= {"folds": "1-2", "keep_models": [], "method_folds": {"dex": [1]}, "folds_per_job": 2}
    for table in config["tables"].values():
        table["experiments"] = [name for name in table["experiments"] if name in methods]
    config["comparisons"] = {"tiny": {"experiments": ["fgnet_lopo"], "reference": "kl"}}
    return config


def fgnet_config(suite: str) -> dict:
    """What `tiny_config` does with FG-NET, and nothing else."""
    config = tiny_config() | {"suite": suite, "comparisons": {}, "leakage": {}, "figures": {}}
    for section, name in (("datasets", "fgnet"), ("experiments", "fgnet_lopo"), ("tables", "table4")):
        config[section] = {name: config[section][name]}
    config["tables"]["table4"] = {"experiments": ["fgnet_lopo"]}
    return config


def copy_checkout(directory: Path) -> Path:
    """Copy what the workflow needs into `directory`, and return it."""
    directory.mkdir(exist_ok=True)
    for name in CHECKOUT:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, directory / name)
    return directory


def start_snakemake(
    directory: Path, *arguments: str, config: dict | None = None, cores: int | None = 2, path: str = "", **options
) -> subprocess.Popen:
    """Start snakemake in the checkout `directory`, its output as text.

    Args:
        cores: None where a profile says how many.
        path: a folder of commands that come before the system's.
        options: of the process.
    """
    (directory / "tiny.yaml").write_text(yaml.safe_dump(config or tiny_config()))
    command = [sys.executable, "-m", "snakemake", *arguments, "--configfile", "tiny.yaml"]
    command += ["--cores", str(cores)] if cores else []
    path = f"{path}:{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(directory), "OMP_NUM_THREADS": "1"}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options
    return subprocess.Popen(command, cwd=directory, env=environment, text=True, **options)


def snakemake(directory: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    """Run what `start_snakemake` starts to its end."""
    with start_snakemake(directory, *arguments, **options) as process:
        output, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def jobs_of(output: str) -> Counter[str]:
    """Return how many jobs of each rule snakemake counts before it begins."""
    stats = output.split("Job stats:")[1].split("total")[0]
    return Counter({rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE) if rule != "all"})
