"""What of a suite is made, what runs, what has failed, and how long the rest will take."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from pml.errors import InputError
from pml.job_log import is_held, last_words
from pml.progress import duration
from pml.suite import Plan
from pml.task import Task, flat
from pml.training.run_directory import of_fold

DONE, RUNNING, FAILED, STOPPED, WAITING = "done", "running", "failed", "broken off", "waiting"
SHOWN = 20  # jobs of a kind that are told by name


@dataclass(frozen=True)
class State:
    """How far a job is.

    Attributes:
        kind: done, if its files are all there; running; failed, by an error of its own; broken off, as by a kill; or waiting.
        words: what its log says last, unless it is done or waiting.
    """

    task: Task
    log: Path
    kind: str
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = " ".join([self.task.rule, *self.task.wildcards.values()])
        return "\n".join([f"{self.kind}: {name} ({self.log})", *(f"  {line}" for line in self.words)])


def states_of(plan: Plan) -> list[State]:
    """Return the state of every job of a plan."""
    return [_state(plan, task) for task in plan.tasks()]


def _state(plan: Plan, task: Task) -> State:
    log = Path(plan.log(task.rule).format(**task.wildcards))
    begun = log.exists()
    if begun and is_held(log):
        return State(task, log, RUNNING, tuple(last_words(log)[1]))
    if all(Path(path).exists() for path in flat(task.outputs)):
        return State(task, log, DONE)
    if not begun or not log.stat().st_size:  # the shell makes the log before the job starts
        return State(task, log, WAITING)
    failed, words = last_words(log)
    return State(task, log, FAILED if failed else STOPPED, tuple(words))


def status_text(plan: Plan, states: list[State]) -> str:
    """Return how many jobs of each rule are done, run and have failed, and what those that are neither done nor waiting say."""
    kinds = [DONE, RUNNING, FAILED, STOPPED]
    counts: dict[str, Counter[str]] = {}
    for state in states:
        counts.setdefault(state.task.rule, Counter())[state.kind] += 1
    counts["all"] = sum(counts.values(), Counter())
    shown = [kind for kind in kinds if kind in (DONE, RUNNING, FAILED) or counts["all"][kind]]
    rows = [[rule, *(count[kind] for kind in shown), count.total()] for rule, count in counts.items()]
    parts = [f"suite {plan.suite}", tabulate(rows, ["rule", *shown, "jobs"], tablefmt="plain")]
    for kind in (RUNNING, STOPPED, FAILED):
        of_kind = [str(state) for state in states if state.kind == kind]
        more = [f"{kind}: {len(of_kind) - SHOWN} more"] if len(of_kind) > SHOWN else []
        parts += ["\n".join([*more, *of_kind[-SHOWN:]])] if of_kind else []
    return "\n\n".join(parts)


def time_left_text(plan: Plan, states: list[State]) -> str:
    """Return how long the trainings that are not done will take, by the speed of the suite's own runs; "" if all are done."""
    left = [state for state in states if state.task.rule == "train_folds" and state.kind != DONE]
    if not left:
        return ""
    # PyTorch, which the forecast imports, takes seconds to load.
    from pml.forecast.jobs import Suite
    from pml.forecast.recorded import NoRun, recorded_rates

    shares = {tuple(state.task.wildcards.values()): 1 - _share_done(state.task) for state in left}
    try:
        jobs = [job for job in Suite(plan).jobs if job.task.rule == "train_folds"]
        jobs = [job for job in jobs if tuple(job.task.wildcards.values()) in shares]
        rates = recorded_rates(Path("results", plan.suite, "runs"), list({job.workload for job in jobs}))
    except NoRun:
        return "time left: not known before a run of each network has ended"
    except InputError as error:
        problem, _, _ = str(error).partition(";")  # its remedy is one for `pml forecast --runs`
        return f"time left: not known: {problem}"
    work = [(shares[tuple(job.task.wildcards.values())], *each) for job in jobs for each in job.work.items()]
    known = [share * count * rates.rate(*of) for share, of, count in work if of[0] in ("train", "test")]
    seconds = float(np.sum(known, axis=0)[1])
    running = sum(state.kind == RUNNING for state in left)
    several = f", {duration(seconds / running)} with the {running} that run now" if running > 1 else ""
    return f"time left: {duration(seconds)} of training{several}"


def _share_done(task: Task) -> float:
    """Return the share of a training job that is behind it: of its runs, and of the epochs of the run that goes on."""
    training = task.settings["training"]
    epochs = training["epochs"] * training["courses"]
    shares = []
    for directory in (of_fold(task, fold) for fold in task.settings["folds"]):
        try:
            behind = len((directory / "history.csv").read_text().splitlines()) - 1
        except FileNotFoundError:
            behind = 0
        shares.append(1 if (directory / "run.json").exists() else min(1, behind / epochs))
    return float(np.mean(shares))
