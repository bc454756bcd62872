"""What a raw format is turned into."""

from dataclasses import dataclass, field

import pandas as pd

Row = dict[str, object]


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


def reject(image: str, reason: str) -> Row:
    """Return a row of rejected.csv."""
    return {"image": image, "stage": "datasets", "reason": reason}
