"""The plan, and how the rules ask it."""

import atexit
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake.settings.types import DeploymentMethod

from pml.errors import InputError
from pml.commands.status import states_of, status_text
from pml.suite import make_plan, read_plan
from pml.suite.plan import PAGE, RULES, wildcards_of
from pml.suite.resources import queue_group, training_megabytes, training_minutes
from pml.task import flat

if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method and shutil.which("conda") is None:
    raise WorkflowError(
        "--use-conda, but there is no conda command here. Install Miniforge, or run in the environment of `make`: "
        "`source .venv/bin/activate && snakemake --cores 8`"
    )

sys.path.insert(0, "")  # a method of the user's own is found from the current folder, as `python -m` finds it
saved_plan = Path("results", str(config.get("suite")), "suite.json")
try:
    # A job reads the plan that the main process has checked and written.
    plan = make_plan(config) if workflow.is_main_process else read_plan(saved_plan)
except InputError as error:
    raise WorkflowError("\n".join(error.problems))

if workflow.is_main_process and not os.access(".", os.W_OK):
    raise WorkflowError(
        f"{Path.cwd()}: cannot be written. Give yourself the right to it, or add --directory FOLDER to the command"
    )

# Snakemake refuses to make what another one makes, and then proposes to unlock the folder, which is right after a kill alone.
locked = "".join(lock.read_text() for lock in Path(".snakemake/locks").glob("*.output.lock"))
suites = set(re.findall(r"^results/([^/\n]+)/", locked, re.MULTILINE)) - {"tables", "figures", "logs"}
if workflow.is_main_process and suites:
    logger.warning(
        f"results/{', '.join(sorted(suites))}: another snakemake makes it in this folder, or was killed there. Two suites would "
        "publish the same results/tables and results/figures. If one is at work, wait for its end, or run this suite in a "
        "second checkout. If none is, run `snakemake --unlock`, then this command again."
    )

# A dry run lists thousands of jobs; the table of their numbers is what a person can read. `--quiet host` shows them all.
for handler in logger.handlers:
    for shown in handler.filters:
        if getattr(shown, "dryrun", False) and not shown.quiet:
            shown.quiet = {Quietness.RULES}

ENVIRONMENT = "../../environment.yml"
FOLDERS = ["images"]
CAPTIONS = "../../pml/reporting/captions"


def save_plan():
    """Write the plan."""
    try:
        plan.save()
    except (InputError, OSError) as error:
        raise WorkflowError(str(error))


def tell_failures():
    """Say at the very end, below what snakemake itself has to say, what failed and why."""
    atexit.register(print, f"\n{status_text(plan, states_of(plan))}", file=sys.stderr, flush=True)


def stage(rule, given="", python="python"):
    """The command line of a rule's jobs; `given` is what the machine gives them."""
    wildcards = " ".join(f"--{name} {{wildcards.{name}:q}}" for name in wildcards_of(rule))
    return f"{python} -m pml.stage {rule} --suite {shlex.quote(plan.path)} {wildcards} {given} 2> {{log:q}}"


def command_of(rule):
    """The function that gives the command line of a small job, quoted for the shell, but for its log."""

    def command(wildcards):
        return shlex.join(plan.command(rule, **wildcards))

    return command


def inputs_of(rule):
    """The input function of a rule."""

    def inputs(wildcards):
        return list(flat(plan.task(rule, **wildcards).inputs))

    return inputs


def outputs_of(rule):
    """The outputs of a rule, as folders and as parts of the report where they are."""
    outputs = plan.patterns(rule)
    for name, caption in RULES[rule].captions.items():
        labels = {wildcard: f"{{{wildcard}}}" for wildcard in wildcards_of(rule)} | {"kind": caption.replace("_", " ")}
        outputs[name] = report(outputs[name], caption=f"{CAPTIONS}/{caption}.rst", category=RULES[rule].category, labels=labels)
    return {name: directory(path) if name in FOLDERS else path for name, path in outputs.items()}


def settings_of(rule):
    """What of the config decides the outputs of a rule's jobs: where it changes, snakemake runs them again."""

    def settings(wildcards):
        return plan.task(rule, **wildcards).settings

    return settings


def more_each_attempt(amount):
    """A resource, such as MB or minutes, that grows by `amount` with every attempt."""

    def resource(wildcards, attempt):
        return amount * attempt

    return resource


def cores_of_job(wildcards, threads, resources):
    """The cores that a job has: what a queue was asked for, which may be more than the threads of a group, or the threads."""
    return resources.get("cpus_per_task", threads)


def gpus_of_training():
    """The GPUs that profile and command line give to a training job."""
    return workflow.get_rule("train_folds").resources.get("gpu").value


def minutes(wildcards, attempt):
    """The time limit of a training job."""
    return training_minutes(plan, wildcards, gpus_of_training(), attempt)


def megabytes(wildcards, attempt):
    """The memory of a training job."""
    return training_megabytes(plan, wildcards, gpus_of_training(), attempt)


def short_runs(wildcards):
    """The group that a training job belongs to on a queue."""
    return queue_group(plan, wildcards)


def launcher(wildcards, resources):
    """What starts a training, quoted for the shell: one process, or one for each of several GPUs."""
    return shlex.join(["torchrun", "--standalone", "--nproc-per-node", str(resources.gpu)]) if resources.gpu > 1 else "python"


def one_of(names):
    """The expression that matches each of the names and nothing else; of no names, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=one_of(plan.config["datasets"]),
    experiment=one_of(plan.config["experiments"]),
    method=one_of(plan.config["methods"]),
    comparison=one_of(plan.config["comparisons"]),
    table=one_of(job["table"] for job in RULES["write_table"].each(plan)),
    seed=r"\d+",
    job=r"\d+",
    fold=r"\d+",
    course=r"\d+",
    network=r"[\w.-]+",
    backbone=r"\w+",
