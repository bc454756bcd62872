"""What a config means: its checked form, and the plan of every file and job that follow from it."""

from pml.suite import data_jobs, figure_jobs, run_jobs, table_jobs  # noqa: F401 (their rules declare themselves)
from pml.suite.plan import Plan, make_plan, read_plan

__all__ = ["Plan", "make_plan", "read_plan"]
