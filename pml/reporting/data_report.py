"""Stage: what a data set holds, how its faces were found and what was left out: as CSV, as Markdown and as a histogram of ages.

The histogram marks head and tail: each age is many-, medium- or few-shot (`pml.evaluation.metrics.shots`) by its number of
images in the whole data set. The training part of a fold has fewer images of an age, so that its tail is longer.
"""

import re
from collections.abc import Iterable, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pml.age_range import outside
from pml.data_name import DataName
from pml.errors import InputError
from pml.evaluation.metrics import FEW, MANY, SHOTS, decades, shots
from pml.files import write_text
from pml.reporting.style import GREY, PAGE, finish
from pml.reporting.table import Shown, to_markdown
from pml.tables import load_schema, read_table, write_table
from pml.task import Task

COLOURS = {"many": "#0072B2", "medium": "#56B4E9", "few": "#D55E00"}
BOUNDS = {"many": f"more than {MANY} images", "medium": f"{FEW} to {MANY}", "few": f"fewer than {FEW}"}


def report_data(task: Task) -> None:
    """Write the report and draw the histogram.

    Raises:
        InputError: an image of the index has neither a face nor a reason, or both.
    """
    inputs, name = task.inputs, DataName(**task.settings["data"])
    index, findings = (read_table(inputs[of], of) for of in ("index", "findings"))
    faces = read_table(inputs["faces_table"], "faces")
    rejected = pd.concat([read_table(inputs[of], "rejected") for of in ("rejected", "rejected_faces")], ignore_index=True)
    check_accounts(index, rejected, faces, inputs["index"])
    findings = pd.concat([findings, without_class(index["age"], task.settings["classes"])], ignore_index=True)
    table = report(index, rejected, findings, faces)
    write_table(table.assign(data=str(name)), task.outputs["csv"], "data_report")
    write_text(to_markdown(Shown(table, "data_report", cells_of(table), caption(table, name))), task.outputs["markdown"])
    finish(draw(index["age"]), task)


def without_class(ages: pd.Series, classes: Iterable[Sequence]) -> pd.DataFrame:
    """Return findings: how many ages have no class, for each of `classes` (see `pml.suite.settings.class_ages`) with any."""
    counts = []
    for first, last, *cut in classes:
        finding = f"ages{', cut to whole years,' if cut else ''} outside the classes {first} to {last}"
        counts.append((finding, outside(ages, first, last, *cut).sum()))
    return pd.DataFrame([row for row in counts if row[1]], columns=["finding", "count"])


def images_per_age(ages: pd.Series) -> pd.Series:
    """Return the number of images of each whole age from the youngest to the oldest, zeros included; a half rounds to even."""
    whole = ages.round().astype(int)
    return whole.value_counts().reindex(range(whole.min(), whole.max() + 1), fill_value=0)


def report(index: pd.DataFrame, rejected: pd.DataFrame, findings: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Return the `data_report` but for `data`; the arguments have the schemas of their names, `rejected` of all stages."""
    ages = images_per_age(index["age"])
    shot = pd.Series(shots(ages), ages.index)
    names = {name for name in (*index["image"], *rejected["image"]) if "." in name}
    reasons = {reason: without_names(reason, names) for reason in rejected["reason"].unique()}
    sections = {
        "images": {"indexed": len(index), "with a face": len(faces), "rejected": len(rejected)},
        "subjects": _subjects(index["subject"]),
        "part": _counts(index["part"], load_schema("index")["properties"]["part"]["enum"]),
        "decade": {f"{decade}s": count for decade, count in _counts(pd.Series(decades(index["age"]))).items()},
        "age": {str(age): count for age, count in ages[ages > 0].items()},
        "ages by shot": {name: (shot == name).sum() for name in SHOTS},
        "images by shot": {name: ages[shot == name].sum() for name in SHOTS},
        "gender": _counts(index["gender"]),
        "race": _counts(index["race"]),
        "face found by": _counts(faces["source"]),
        "rejected": _counts(rejected["stage"] + ": " + rejected["reason"].map(reasons)),
        "finding": dict(sorted(zip(findings["finding"], findings["count"], strict=True))),
    }
    rows = [(section, item, count) for section, counts in sections.items() for item, count in counts.items()]
    return pd.DataFrame(rows, columns=["section", "item", "count"])


def without_names(reason: str, names: Iterable[str]) -> str:
    """Return a reason for a rejection with … for each file that it names, so that equal reasons are counted together.

    The names of some data sets also tell a person's number, gender and age, which must not leave the machine in a report.
    """
    return re.sub(r"[^\s,;:'\"()]+", lambda word: "…" if "/" in word[0] or word[0] in names else word[0], reason)


def _counts(values: pd.Series, order: Sequence[str] | None = None) -> dict:
    """Return how often each value occurs, ascending or in the order given; nothing if there are none."""
    counts = values.value_counts()
    counts = counts.reindex([value for value in order if value in counts.index]) if order else counts.sort_index()
    missing = {"not given": values.isna().sum()} if 0 < values.isna().sum() < len(values) else {}
    return dict(counts.items()) | missing


def _subjects(subjects: pd.Series) -> dict[str, int]:
    sizes = subjects.value_counts()
    if not len(sizes):
        return {}
    middle = sizes.quantile(0.5, interpolation="lower")
    spread = {"fewest": sizes.min(), "median": middle, "most": sizes.max()}
    row = {"subjects": len(sizes)} | {f"images of a subject, {name}": size for name, size in spread.items()}
    missing = subjects.isna().sum()
    return row | ({"images without a subject": missing} if missing else {})


def caption(table: pd.DataFrame, name: DataName) -> str:
    """Return what a reader must know to read the report."""
    counts = table.set_index(["section", "item"])["count"]
    sentences = [
        f"{name}: what it holds, how its faces were found and what was left out.",
        f"Shots: an age is {', '.join(f'{name}-shot with {BOUNDS[name]}' for name in SHOTS)}, counted over all images; the "
        "training part of a fold has fewer of each age.",
    ]
    if not counts["ages by shot", "many"]:
        sentences.append(f"No age has more than {MANY} images: this data set is small, and has no many-shot ages.")
    if "finding" in counts.index:
        sentences.append("Findings are oddities of the labels; they stopped nothing.")
    if name.synthetic:
        sentences.append("All images are drawn: none shows a person.")
    return " ".join(sentences)


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the report as a reader wants it: without the counts of single ages, which the figure shows."""
    shown = table[table["section"] != "age"].astype({"count": "str"})
    sections = shown["section"].str.capitalize().where(~shown["section"].duplicated(), "")
    return shown.assign(section=sections).rename(columns=str.capitalize)


def draw(ages: pd.Series) -> Figure:
    """Draw the histogram of ages over a background that tells the shot of each age.

    Args:
        ages: (N,) years.
    """
    counts = images_per_age(ages)
    shot = pd.Series(shots(counts), counts.index)
    figure = Figure(figsize=(PAGE, 2.4))
    axis = figure.subplots()
    for _, block in shot.groupby((shot != shot.shift()).cumsum()):
        axis.axvspan(block.index[0] - 0.5, block.index[-1] + 0.5, color=COLOURS[block.iloc[0]], alpha=0.2, linewidth=0)
    axis.bar(counts.index, counts, width=0.8, color=shot.map(COLOURS))
    for threshold in (MANY, FEW):
        if threshold < counts.max():
            axis.axhline(threshold, color=GREY, linestyle=":", linewidth=0.8)
    axis.set(xlabel="age (years)", ylabel="images", xlim=(counts.index[0] - 0.5, counts.index[-1] + 0.5))
    number = shot.value_counts().reindex(SHOTS, fill_value=0)
    labels = [f"{name}-shot: {BOUNDS[name]} (ages: {number[name] or 'none'})" for name in SHOTS]
    patches, spacing = [Patch(color=COLOURS[name]) for name in SHOTS], {"handlelength": 1, "columnspacing": 1.2}
    figure.legend(patches, labels, loc="outside lower center", ncols=len(SHOTS), **spacing)
    return figure


def check_accounts(index: pd.DataFrame, rejected: pd.DataFrame, faces: pd.DataFrame, path: str) -> None:
    """Check that each image of the index, and no other, has either a face or a reason of the faces stage.

    Raises:
        InputError: one has neither or both, or is not in the index.
    """
    of_faces = rejected.loc[rejected["stage"] == "faces", "image"]
    accounted = pd.concat([faces["image"], of_faces]).value_counts()
    difference = accounted.sub(index["image"].value_counts(), fill_value=0)
    wrong = difference.index[difference != 0]
    if len(wrong):
        raise InputError(
            f"{path}: {len(wrong)} images, such as '{wrong[0]}', are not once in the index and once among the faces or the "
            "rejected; run index and alignment again"
        )
