"""Pictures whose path tells the age."""

import re
from collections.abc import Mapping
from pathlib import Path

from pml.datasets.listing import MAX_AGE, survey
from pml.datasets.tables import Row, Tables, reject


def load_named(root: Path, pattern: re.Pattern, form: str, genders: Mapping[str, str]) -> Tables:
    """Return the tables of the pictures below `root`. Every picture is one row of the index or one of rejected.csv.

    Args:
        pattern: what ends a path; its groups are `age` and other columns of the index.
        form: the same for a reader, as an example.
        genders: by the code that stands in the group `gender`.
    """
    files = survey(root)
    index, rejected = [], files.rejected
    first: dict[str, str] = {}
    for path in files.pictures:
        match = pattern.search(path)
        if match is None:
            rejected.append(reject(path, f"path does not end in the form {form}"))
        elif int(match["age"]) > MAX_AGE:
            rejected.append(reject(path, f"age above {MAX_AGE}"))
        elif path != first.setdefault(match[0].lower(), path):
            rejected.append(reject(path, f"same picture as {first[match[0].lower()]}, by its name"))
        else:
            row: Row = {"image": path} | match.groupdict() | {"age": int(match["age"])}
            index.append(row | ({"gender": genders[row["gender"].lower()]} if "gender" in row else {}))
    return Tables(index, rejected)
