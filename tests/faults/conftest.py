"""How many faults are tried, and the table of what became of them.

`make test` tries a few of each kind. `make faults` sets PML_FAULTS=all, and tries as many as docs/reliability.md says.
"""

import os
import random
from collections import Counter
from contextlib import contextmanager

import pandas as pd
import pytest

ALL = os.environ.get("PML_FAULTS") == "all"
QUICK = 100  # a hundredth of them


class Campaign:
    """Trials of one kind, and a count of what became of them."""

    def __init__(self, kind: str):
        self.kind, self.outcomes, self.wrong = kind, Counter(), list[str]()

    def trials(self, count: int, share: int = 0):
        """Yield a source of chance for each trial of a share of them, the same at every run."""
        for number in range(count if ALL else max(2, count // QUICK)):
            yield random.Random(f"{self.kind} {share} {number}")

    @contextmanager
    def trial(self):
        """Go on after a trial that fails, and tell of it at the end."""
        try:
            yield
        except AssertionError as error:
            self.wrong.append(str(error))
            self.count("wrong")

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1


@pytest.fixture
def campaign(record_property):
    """Return a campaign of a kind; what it has counted at the end of the test is in the table."""
    campaigns = []

    def of(kind: str) -> Campaign:
        campaigns.append(Campaign(kind))
        return campaigns[-1]

    yield of
    for each in campaigns:
        record_property("faults", [each.kind, dict(each.outcomes)])
        assert not each.wrong, "\n\n".join(each.wrong)


def pytest_terminal_summary(terminalreporter):
    reports = [each for kind in terminalreporter.stats.values() for each in kind if isinstance(each, pytest.TestReport)]
    properties = [each for report in reports if report.when == "teardown" for each in report.user_properties]
    counted = [value for name, value in properties if name == "faults"]
    if counted:
        kinds = dict.fromkeys(kind for kind, _ in counted)
        totals = {kind: sum((Counter(outcomes) for each, outcomes in counted if each == kind), Counter()) for kind in kinds}
        table = pd.DataFrame({kind: {"tried": counts.total(), **counts} for kind, counts in totals.items()}).T
        terminalreporter.section("faults")
        terminalreporter.write_line(table.fillna(0).astype(int).sort_index().to_string())
