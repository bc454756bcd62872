import math
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from pml.errors import InputError
from pml.evaluation.metrics import shots
from pml.reporting.data_report import COLOURS, draw, images_per_age, report, report_data, without_class, without_names
from pml.tables import load_schema, read_table, write_table
from pml.task import Task

PUBLISHED = Path(__file__).parents[2] / "pml/published"
IMAGES = 300


def table_of(schema, **columns):
    return pd.DataFrame(columns).reindex(columns=load_schema(schema)["properties"])


@pytest.fixture
def data():
    """A data set of 300 images, 5 of which cannot be read, besides 4 files that are no images of it."""
    random = np.random.default_rng(0)
    images = [f"album/{number:03}.jpg" for number in range(IMAGES)]
    index = table_of(
        "index",
        image=images,
        subject=[f"s{number // 7}" for number in range(IMAGES)],
        age=np.concatenate([np.full(150, 20.0), np.full(40, 30.4), random.uniform(40, 70, IMAGES - 190)]),
        gender=["female", "male", None] * (IMAGES // 3),
        part=["test", "train", "train"] * (IMAGES // 3),
    )
    faces = table_of("faces", image=images[5:], source=["detector"] * (IMAGES - 6) + ["centre"])
    unread = table_of("rejected", image=images[:5], stage="faces", reason="not a picture")
    reasons = [f"same picture as {images[7]}, by its name", f"same picture as {images[8]}, by its name", "no label", "no label"]
    no_image = table_of("rejected", image=["1.jpg", "2.jpg", "3.txt", "a"], stage="datasets", reason=reasons)
    findings = pd.DataFrame({"finding": ["subjects of two races", "ages above 69"], "count": [3, 0]})
    return SimpleNamespace(index=index, rejected=pd.concat([no_image, unread]), findings=findings, faces=faces)


def counts_of(data):
    table = report(data.index, data.rejected, data.findings, data.faces)
    return {section: dict(zip(rows["item"], rows["count"], strict=True)) for section, rows in table.groupby("section")}


def test_each_section_counts_what_it_names(data):
    counts = counts_of(data)
    assert counts["images"] == {"indexed": 300, "with a face": 295, "rejected": 9}
    assert counts["part"] == {"train": 200, "test": 100}
    assert counts["gender"] == {"female": 100, "male": 100, "not given": 100}
    assert "race" not in counts
    assert counts["face found by"] == {"detector": 294, "centre": 1}
    assert counts["finding"] == {"subjects of two races": 3, "ages above 69": 0}
    assert counts["subjects"] == {
        "subjects": 43,
        "images of a subject, fewest": 6,
        "images of a subject, median": 7,
        "images of a subject, most": 7,
    }


def test_rejections_are_counted_by_stage_and_reason_without_naming_a_file(data):
    assert counts_of(data)["rejected"] == {
        "datasets: no label": 2,
        "datasets: same picture as …, by its name": 2,
        "faces: not a picture": 5,
    }


def test_counts_by_age_equal_a_loop_and_every_section_adds_up(data):
    counts = counts_of(data)
    assert counts["decade"] == Counter(f"{math.floor(age / 10)}0s" for age in data.index["age"])
    assert counts["age"] == {str(age): count for age, count in Counter(round(age) for age in data.index["age"]).items()}
    for section in ("part", "decade", "age", "images by shot", "gender"):
        assert sum(counts[section].values()) == IMAGES
    assert sum(counts["rejected"].values()) == counts["images"]["rejected"]
    assert sum(counts["face found by"].values()) == counts["images"]["with a face"]


def test_shots_of_ages_and_of_their_images(data):
    counts = counts_of(data)
    assert counts["ages by shot"]["many"] == counts["ages by shot"]["medium"] == 1
    assert counts["images by shot"] == {"many": 150, "medium": 40, "few": 110}


def test_a_data_set_that_tells_nothing_has_no_such_sections(data):
    data.index[["subject", "gender", "part"]] = None
    data.rejected, data.findings = data.rejected[:0], data.findings[:0]
    assert set(counts_of(data)) == {"images", "decade", "age", "ages by shot", "images by shot", "face found by"}


def test_images_without_a_subject_are_counted_apart(data):
    data.index.loc[:9, "subject"] = None
    assert counts_of(data)["subjects"]["images without a subject"] == 10


@given(st.lists(st.floats(0, 120), min_size=1, max_size=60))
def test_images_per_age_has_every_age_and_image(ages):
    counts = images_per_age(pd.Series(ages))
    assert counts.sum() == len(ages)
    assert counts.index.tolist() == list(range(round(min(ages)), round(max(ages)) + 1))


def test_the_order_of_the_rows_does_not_matter(data):
    expected = report(data.index, data.rejected, data.findings, data.faces)
    shuffled = [frame.sample(frac=1, random_state=0) for frame in (data.index, data.rejected, data.findings, data.faces)]
    pd.testing.assert_frame_equal(report(*shuffled), expected)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("same picture as FGNET/images/001A02.JPG, by its name", "same picture as …, by its name"),
        ("same picture as 009055_1M54.JPG", "same picture as …"),
        ("name is not of the form 001A02.JPG", "name is not of the form 001A02.JPG"),
        ("face score below 1.0", "face score below 1.0"),
    ],
)
def test_a_reason_loses_the_files_that_it_names(reason, shown):
    assert without_names(reason, {"009055_1M54.JPG", "FGNET/images/001A02.JPG"}) == shown


def test_the_histogram_shows_every_age_in_the_colour_of_its_shot(data):
    (axis,) = draw(data.index["age"]).axes
    bars = {round(bar.get_x() + bar.get_width() / 2): bar for bar in axis.containers[0]}
    counts = images_per_age(data.index["age"])
    assert {age: bar.get_height() for age, bar in bars.items()} == counts.to_dict()
    for age, shot in zip(counts.index, shots(counts), strict=True):
        assert to_hex(bars[age].get_facecolor()).lower() == COLOURS[shot].lower()
    backgrounds = [patch for patch in axis.patches if patch not in bars.values()]
    assert sum(patch.get_width() for patch in backgrounds) == pytest.approx(len(counts))


def test_fgnet_is_too_small_for_many_shot_ages():
    histogram = pd.read_csv(PUBLISHED / "fgnet_age_histogram.csv")
    ages = pd.Series(np.repeat(histogram["age"], histogram["images"]), dtype=float)
    (legend,) = draw(ages.reset_index(drop=True)).legends
    labels = [text.get_text() for text in legend.get_texts()]
    medium = (histogram["images"] >= 20).sum()
    assert labels[0] == "many-shot: more than 100 images (ages: none)"
    assert labels[1:] == [f"medium-shot: 20 to 100 (ages: {medium})", f"few-shot: fewer than 20 (ages: {70 - medium})"]


def task_of(data, folder, synthetic=False, classes=()):
    """Write the inputs and return the job."""
    tables = {"index": data.index, "findings": data.findings, "faces": data.faces}
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv", name)
    for stage in ("datasets", "faces"):
        write_table(data.rejected[data.rejected["stage"] == stage], folder / f"rejected_{stage}.csv", "rejected")
    files = {"index": "index", "findings": "findings", "faces_table": "faces"}
    files |= {"rejected": "rejected_datasets", "rejected_faces": "rejected_faces"}
    inputs = {name: str(folder / f"{file}.csv") for name, file in files.items()}
    endings = {"csv": "csv", "markdown": "md", "pdf": "pdf", "png": "png"}
    outputs = {name: str(folder / f"report.{ending}") for name, ending in endings.items()}
    settings = {"data": {"label": "Toy", "synthetic": synthetic}, "classes": classes}
    return Task("report_data", {"dataset": "toy"}, inputs, outputs, settings)


def test_files(data, tmp_path, draws_well):
    draws_well(report_data, task_of(data, tmp_path, synthetic=True), tmp_path, width=6.9)
    table = read_table(tmp_path / "report.csv", "data_report")
    assert (table.pop("data") == "Toy (synthetic)").all()
    pd.testing.assert_frame_equal(table, report(data.index, data.rejected, data.findings, data.faces), check_dtype=False)
    sections = load_schema("data_report")["properties"]["section"]["enum"]
    assert table["section"].map(sections.index).is_monotonic_increasing


def test_ages_that_no_class_stands_for_are_a_finding(data, tmp_path):
    report_data(task_of(data, tmp_path, classes=[[0, 100], [21, 100], [0, 39]]))
    table = read_table(tmp_path / "report.csv", "data_report")
    findings = table[table["section"] == "finding"].set_index("item")["count"]
    assert findings["ages outside the classes 21 to 100"] == 150 and findings["ages outside the classes 0 to 39"] > 100
    assert "ages outside the classes 0 to 100" not in findings


def test_ages_that_training_cuts_to_whole_years_are_counted_so():
    found = without_class(pd.Series([99.7, 100.6, 101.0]), [[0, 100], [0, 100, True]])
    assert found["count"].tolist() == [2, 1]
    assert found["finding"][1] == "ages, cut to whole years, outside the classes 0 to 100"


def markdown_of(data, folder, synthetic=False):
    report_data(task_of(data, folder, synthetic))
    return (folder / "report.md").read_text()


def test_markdown_shows_every_row_but_single_ages(data, tmp_path):
    text, grid = markdown_of(data, tmp_path).split("\n\n")
    table = read_table(tmp_path / "report.csv", "data_report")
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in grid.strip().splitlines()][2:]
    expected = table[table["section"] != "age"]
    assert [row[1:] for row in shown] == expected[["item", "count"]].astype(str).to_numpy().tolist()
    assert [row[0].lower() for row in shown if row[0]] == expected["section"].unique().tolist()
    assert "small" not in text and "synthetic" not in text


def test_markdown_says_what_is_small_and_what_is_synthetic(data, tmp_path):
    data.index["age"] = np.arange(IMAGES) % 60
    text = markdown_of(data, tmp_path, synthetic=True)
    assert text.startswith("Toy (synthetic): ") and "none shows a person" in text
    assert "No age has more than 100 images" in text


@pytest.mark.parametrize("change", ["lost", "twice", "unknown"])
def test_images_that_are_not_accounted_for_are_refused(data, tmp_path, change):
    if change == "lost":
        data.rejected = data.rejected[:-1]
    elif change == "twice":
        data.faces.loc[0, "image"] = data.faces.loc[1, "image"]
    else:
        data.index = data.index[:-1]
    with pytest.raises(InputError, match="'?album/"):
        report_data(task_of(data, tmp_path))
    assert not (tmp_path / "report.csv").exists()
