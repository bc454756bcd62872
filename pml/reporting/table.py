"""Stage: a table as CSV, Markdown and LaTeX. Each kind of table has a builder; all have this writer."""

from collections.abc import Callable

from pml.files import write_table as write_csv
from pml.files import write_text
from pml.reporting.comparison import build_comparison
from pml.reporting.curricula import build_curricula
from pml.reporting.leakage import build_leakage
from pml.reporting.paper import build_paper
from pml.reporting.table_text import Shown, to_latex, to_markdown
from pml.task import Task

BUILDERS: dict[str, Callable[[dict, list[dict], dict], Shown]] = {
    "paper": build_paper,
    "curricula": build_curricula,
    "comparison": build_comparison,
    "leakage": build_leakage,
}


def write_table(task: Task) -> None:
    """Write a table of the kind that the settings name: from the task's inputs, its experiments, and all of its settings."""
    shown = BUILDERS[task.settings["kind"]](task.inputs, task.settings["experiments"], task.settings)
    write_csv(shown.table, task.outputs["csv"], shown.schema)
    write_text(to_markdown(shown), task.outputs["markdown"])
    write_text(to_latex(shown, task.wildcards["table"]), task.outputs["latex"])
