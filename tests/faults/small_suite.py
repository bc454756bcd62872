"""A suite that has a job of almost every rule and is made in seconds."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

from pml import stage
from pml.suite import Plan, make_plan
from pml.task import Task, flat
from tests.faults.job import Job
from tests.workflow.checkout import tiny_config


def small_config() -> dict:
    """FG-NET of `tiny_config`, on pixels and on frozen features, with all tables and figures that these can give."""
    config = tiny_config() | {"suite": "small", "leakage": {"fgnet_lopo": None}}
    lopo = config["experiments"]["fgnet_lopo"] | {"methods": ["pml", "kl", "constant_median"], "method_folds": {}}
    frozen = config["experiments"]["fgnet_frozen"] | {"methods": ["pml", "kl"], "keep_models": [1]}
    config["datasets"] = {"fgnet": config["datasets"]["fgnet"]}
    config["methods"] = {name: config["methods"][name] for name in lopo["methods"]}
    config["experiments"] = {"fgnet_lopo": lopo, "fgnet_frozen": frozen}
    config["tables"] = {"table4": {"experiments": ["fgnet_lopo", "fgnet_frozen"]}}
    config["comparisons"] = {"small": {"experiments": ["fgnet_lopo"], "reference": "kl"}}
    of_runs = {"experiment": "fgnet_frozen", "method": "pml", "baseline": "kl"}
    config["figures"] = {"figure3": of_runs, "figure4": of_runs | {"fold": 1}}
    return config


@dataclass
class SmallSuite:
    """The suite, made in a folder.

    Attributes:
        files: content of each file below the folder, but for logs, by path.
        seconds: that the jobs of each rule took.
    """

    folder: Path
    plan: Plan = field(init=False)
    files: dict[str, bytes] = field(init=False)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with chdir(self.folder):
            self.plan = make_plan(small_config())
            self.plan.save()
            for task in in_order(self.plan.tasks()):
                begin = time.monotonic()
                stage.function_of(task.rule)(task)
                self.seconds[task.rule] = time.monotonic() - begin
        self.files = self.found()

    def found(self) -> dict[str, bytes]:
        """Return the content of each file that is there now."""
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.suffix != ".log"]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def restore(self) -> None:
        """Put back what a trial has changed."""
        found = self.found()
        for name in found.keys() - self.files.keys():
            (self.folder / name).unlink()
        for name, content in self.files.items():
            if found.get(name) != content:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_bytes(content)

    def forget(self, task: Task) -> None:
        """Remove what a job has written."""
        for path in flat(task.outputs):
            path = self.folder / path
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def leftovers(self, *endings: str) -> list[str]:
        """Return the files that are there and should not be, but for those of the endings."""
        return [name for name in self.found() if name not in self.files and not (endings and name.endswith(endings))]

    def changed(self) -> list[str]:
        """Return the files whose content is another; that of run.json tells how long a run took."""
        found = self.found()
        return [
            name
            for name in found.keys() & self.files.keys()
            if found[name] != self.files[name] and not name.endswith("run.json")
        ]

    def start(self, task: Task) -> Job:
        """Start one job of the suite in a process of its own."""
        _, _, _, *words = self.plan.command(task.rule, **task.wildcards)
        given = ["--threads", "2"] if task.rule == "align_faces" else []
        return Job(stage.main, [*words, *given], self.folder, "job")


def in_order(tasks: Iterable[Task]) -> Iterator[Task]:
    """Yield each task once what it reads is there."""
    left = list(tasks)
    while left:
        ready = [task for task in left if all(Path(path).exists() for path in flat(task.inputs))]
        assert ready, f"never ready: {left[0]}"
        yield from ready
        left = [task for task in left if task not in ready]
