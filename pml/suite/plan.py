"""The plan: every job of a suite, with its files and settings, as they follow from the config."""

import json
import string
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pml.errors import InputError
from pml.files import read_json, write_text
from pml.json_schema import check_json
from pml.protocol import holds
from pml.registry import find
from pml.suite.check import check_config, check_options
from pml.suite.settings import Crop
from pml.task import Task, flat

Wildcards = dict[str, str]
# What a plan tells of the code that a config names: of the class of each method, and of each protocol (pml/protocol.py).
CODE_FACTS = {"methods": ["reads_pixels", "draws_diagnostics"], "protocols": ["exclusive", "stress"]}
PAGE = "results/report.html"  # of the suite that ran last
Needs = tuple[dict[str, Any], dict[str, Any]]  # the inputs and the settings of a job


@dataclass(frozen=True)
class Rule:
    """A kind of job.

    Attributes:
        stage: `module:function` that does it; None for a rule that is a shell command.
        outputs: patterns of the paths that it writes, by name.
        each: of a plan, the wildcards of all its jobs.
        needs: of a plan and one job's wildcards, its inputs and settings.
        category: of a report that it belongs to; empty for none.
        captions: of each output that a report shows, the name of its caption in pml/reporting/captions/.
    """

    stage: str | None
    outputs: dict[str, str]
    each: Callable[["Plan"], list[Wildcards]]
    needs: Callable[..., Needs]
    category: str = ""
    captions: dict[str, str] = field(default_factory=dict)


RULES: dict[str, Rule] = {}


def rule(
    stage: str | None,
    each: Callable[["Plan"], list[Wildcards]],
    reported: tuple[str, dict[str, str]] = ("", {}),
    **outputs: str,
) -> Callable:
    """Declare the decorated function as the `needs` of the rule of its name; `reported` is its category and its captions."""

    def declared(needs: Callable[..., Needs]) -> Callable[..., Needs]:
        RULES[needs.__name__] = Rule(stage, outputs, each, needs, *reported)
        return needs

    return declared


def wildcards_of(rule: str) -> list[str]:
    """Return the wildcards that name a job of a rule."""
    patterns = RULES[rule].outputs.values()
    names = [name for pattern in patterns for _, name, _, _ in string.Formatter().parse(pattern) if name]
    return [name for name in dict.fromkeys(names) if name != "suite"]


class Plan:
    """What a checked config means: every job, and what it reads, writes and depends on.

    Args:
        config: as `check_config` returns it.
        facts: what the code that it names tells of itself: the `CODE_FACTS` of each method and of each protocol, by name.
    """

    def __init__(self, config: dict, facts: dict[str, dict[str, dict[str, bool]]]):
        self.config, self.facts = config, facts
        self.suite: str = config["suite"]

    @property
    def path(self) -> str:
        """Where stages find this plan."""
        return f"results/{self.suite}/suite.json"

    @property
    def references(self) -> list[str]:
        """The methods that look at no pixels."""
        return [method for method, facts in self.facts["methods"].items() if not facts["reads_pixels"]]

    def protocol_is(self, fact: str, experiment: str) -> bool:
        """Return whether a fact holds of the protocol of an experiment."""
        return self.facts["protocols"][self.config["experiments"][experiment]["protocol"]][fact]

    def trained(self, experiment: str) -> list[str]:
        """Return the methods of an experiment that look at pixels."""
        return [method for method in self.config["experiments"][experiment]["methods"] if method not in self.references]

    def face_size(self, experiment: str) -> int:
        """Return the width and height in pixels of the faces of an experiment's data set."""
        size: int = self.config["datasets"][self.config["experiments"][experiment]["dataset"]]["face_size"]
        return size

    def crop(self, dataset: str) -> dict:
        """Return the settings of a job that say how the faces of a data set are cut: none if they are cut by default."""
        chosen = self.config["datasets"][dataset]
        changes = Crop(alignment=chosen["alignment"], zoom=chosen["zoom"]).changes()
        return {"crop": changes} if changes else {}

    def patterns(self, rule: str) -> dict[str, str]:
        """Return the paths that a rule writes, the wildcards but for {suite} still in them."""
        return {name: pattern.replace("{suite}", self.suite) for name, pattern in RULES[rule].outputs.items()}

    def outputs(self, rule: str, **wildcards: str) -> dict[str, str]:
        """Return the paths that one job of a rule writes."""
        return {name: pattern.format(**wildcards) for name, pattern in self.patterns(rule).items()}

    def log(self, rule: str) -> str:
        """Return the path of the log of a rule's jobs, their wildcards in it."""
        return "/".join([f"results/{self.suite}/logs", rule, *(f"{{{name}}}" for name in wildcards_of(rule))]) + ".log"

    def command(self, rule: str, **wildcards: str) -> list[str]:
        """Return the command line of one job of a rule, but for what the machine gives it."""
        options = [word for name in wildcards_of(rule) for word in (f"--{name}", wildcards[name])]
        return ["python", "-m", "pml.stage", rule, "--suite", self.path, *options]

    def task(self, rule: str, **wildcards: str) -> Task:
        """Return one job of a rule."""
        inputs, settings = RULES[rule].needs(self, **wildcards)
        return Task(rule, wildcards, inputs, self.outputs(rule, **wildcards), settings)

    def tasks(self, *rules: str) -> Iterator[Task]:
        """Yield every job of the rules given, by default of all but those that publish."""
        for rule in rules or [rule for rule in RULES if rule != "publish"]:
            for wildcards in RULES[rule].each(self):
                yield self.task(rule, **wildcards)

    def products(self) -> list[str]:
        """Return what the suite makes in the end: tables and figures, each where readers look for it."""
        folder = f"results/{self.suite}"
        made = [path.removeprefix(folder) for task in self.tasks() for path in flat(task.outputs)]
        return [f"results{path}" for path in made if path.startswith(("/tables/", "/figures/"))]

    def save(self) -> None:
        """Write the plan to its `path`, unless it is there."""
        text = json.dumps({"config": self.config, "facts": self.facts}, indent=1) + "\n"
        if not Path(self.path).exists() or Path(self.path).read_text() != text:
            write_text(text, self.path)


def make_plan(config: dict) -> Plan:
    """Return the plan of a config as its author wrote it.

    The options of a config whose plan is saved were checked before it was. Checking them imports PyTorch, which takes seconds.

    Raises:
        InputError: as `check_config` and `check_options`.
    """
    checked = check_config(config)
    with suppress(InputError):  # a plan that is missing or damaged is written anew
        saved = read_plan(Plan(checked, {}).path)
        if saved.config == checked:
            return saved
    check_options(checked)
    methods, protocols = {}, {}
    for name, method in checked["methods"].items():
        kind = find("method", method["class"])
        methods[name] = {"reads_pixels": kind.reads_pixels, "draws_diagnostics": bool(getattr(kind, "figure", None))}
    for name in protocol_names(checked):
        protocols[name] = {fact: holds(fact, find("protocol", name)) for fact in CODE_FACTS["protocols"]}
    return Plan(checked, {"methods": methods, "protocols": protocols})


def protocol_names(config: dict) -> list[str]:
    """Return the protocols that the experiments of a config name."""
    return sorted({experiment["protocol"] for experiment in config["experiments"].values()})


def read_plan(path: str | Path) -> Plan:
    """Return the plan that `Plan.save` wrote.

    Raises:
        InputError: the file is missing or is no plan.
    """
    values = read_json(path)
    remedy = "run snakemake with the suite's config, which writes it"
    if not (isinstance(values, dict) and values.keys() == {"config", "facts"}):
        raise InputError(f"{path}: not the plan of a suite; {remedy}")
    try:
        config = check_config(values["config"])
        names = {"methods": list(config["methods"]), "protocols": protocol_names(config)}
        check_json(values["facts"], facts_schema(names), "facts")
    except InputError as error:
        raise InputError(f"{path}: {error}; {remedy}") from None
    return Plan(config, values["facts"])


def facts_schema(names: dict[str, list[str]]) -> dict:
    """Return the JSON schema of the facts of a plan, with these names of each kind."""
    kinds = {}
    for kind, facts in CODE_FACTS.items():
        of_one = {"type": "object", "required": facts, "properties": dict.fromkeys(facts, {"type": "boolean"})}
        kinds[kind] = {"type": "object", "required": names[kind], "additionalProperties": of_one}
    return {"type": "object", "required": list(CODE_FACTS), "properties": kinds}
