"""What a suite will make, and what of it is there."""

from collections.abc import Iterable
from pathlib import Path

from tabulate import tabulate

from pml.suite import Plan
from pml.task import Task, flat


def check_text(plan: Plan) -> str:
    """Return what a plan makes, and of what."""
    lines = [f"suite {plan.suite}: {sum(1 for _ in plan.tasks())} jobs, {len(plan.products())} tables and figures"]
    for name, experiment in plan.config["experiments"].items():
        methods = ", ".join(experiment["methods"])
        lines.append(f"  {name}: {experiment['protocol']} on {experiment['dataset']}, {experiment['backbone']}: {methods}")
    return "\n".join(lines)


def status_text(plan: Plan) -> str:
    """Return how many jobs of each rule are done: those whose files are all there."""
    by_rule: dict[str, list[Task]] = {}
    for task in plan.tasks():
        by_rule.setdefault(task.rule, []).append(task)
    rows = [(rule, _done(tasks), len(tasks)) for rule, tasks in by_rule.items()]
    rows.append(("all", sum(done for _, done, _ in rows), sum(count for _, _, count in rows)))
    return f"suite {plan.suite}\n\n" + tabulate(rows, ["rule", "done", "jobs"], tablefmt="plain")


def _done(tasks: Iterable[Task]) -> int:
    return sum(all(Path(path).exists() for path in flat(task.outputs)) for task in tasks)
