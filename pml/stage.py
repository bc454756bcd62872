"""Do one job of the graph, as a rule does it and as you can by hand.

    python -m pml.stage align_faces --suite results/demo/suite.json --dataset fgnet --threads 2

The first word is a rule. Its wildcards are options, and so is what the machine gives to the job, such as threads. All else the
stage learns from the plan that snakemake wrote.
"""

import argparse
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name

from pml.commands.parser import Parser
from pml.errors import InputError, stage_main, suggest
from pml.job_log import hold_log


def function_of(rule: str) -> Callable[..., None]:
    """Return the function that does the jobs of a rule: of a `Task`, and of what the machine gives to the job."""
    from pml.suite.plan import RULES

    return resolve_name(str(RULES[rule].stage))


@stage_main
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage that the command line names."""
    hold_log()  # before the imports, which take seconds
    # Imported here, for an interruption of the imports, too, ends in one line.
    from pml.suite import read_plan
    from pml.suite.plan import RULES, wildcards_of
    from pml.workers import end_with

    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun ends its processes on every occasion but its own kill
        end_with(os.getppid())
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = Parser(prog="python -m pml.stage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rule", choices=[name for name, rule in RULES.items() if rule.stage])
    rule = parser.parse_args(arguments[:1]).rule
    parser.add_argument("--suite", type=Path, required=True, help="the plan, results/<suite>/suite.json")
    for name in wildcards_of(rule):
        parser.add_argument(f"--{name}", required=True)
    function = function_of(rule)
    given = [each for each in inspect.signature(function).parameters.values() if each.default is not each.empty]
    for each in given:
        parser.add_argument(f"--{each.name}", type=each.annotation, default=each.default)
    options = vars(parser.parse_args(arguments))
    if os.environ.get("RANK", "0") == "0":  # of the processes of torchrun, one
        print("python -m pml.stage", shlex.join(arguments), file=sys.stderr, flush=True)
    plan, job = read_plan(options["suite"]), {name: options[name] for name in wildcards_of(rule)}
    jobs = RULES[rule].each(plan)
    if job not in jobs:
        known = [_named(other) for other in jobs]
        raise InputError(f"{options['suite']}: no job {rule} of {_named(job)}{suggest(_named(job), known)}")
    function(plan.task(rule, **job), **{each.name: options[each.name] for each in given})


def _named(job: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in job.items())


if __name__ == "__main__":
    main()
