"""What a raw format is turned into."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

Row = dict[str, Any]  # text, numbers or None by column
REASONS = 3  # that an error tells


@dataclass(frozen=True)
class Tables:
    """The tables of a data set, each as rows or as a frame; columns that are left out are empty.

    Attributes:
        index: rows of index.csv.
        rejected: rows of rejected.csv.
        landmarks: rows of landmarks.csv.
        findings: what a reader of the data report should know of the labels, each with its count.
    """

    index: list[Row] | pd.DataFrame
    rejected: list[Row] | pd.DataFrame
    landmarks: list[Row] | pd.DataFrame = field(default_factory=list)
    findings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Nominal:
    """What a format's data set is known to have before it is there, as docs/datasets.md says.

    Attributes:
        images: that are indexed.
        subjects: 0 where the data set does not tell them.
        parts: images of each of the owners' parts, if there are any.
        megabytes: of what is downloaded; None where it is not known.
        histogram: name of the file of its ages in pml/published, if they are published.
    """

    images: int
    subjects: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    megabytes: float | None = None
    histogram: str | None = None


def reject(image: str, reason: str) -> Row:
    """Return a row of rejected.csv."""
    return {"image": image, "stage": "datasets", "reason": reason}


def frequent_reasons(reasons: Iterable[str]) -> str:
    """Return the most frequent of the reasons for which rows were rejected, with their counts, as an error tells them."""
    return "; ".join(f"{count:,} times '{reason}'" for reason, count in Counter(reasons).most_common(REASONS))
