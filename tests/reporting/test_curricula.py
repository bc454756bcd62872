"""Table 6: counts of the folds and errors of the runs beside what the paper prints."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.folds.curriculum import imbalance_ratio, sample_count, thresholds
from pml.reporting.curricula import contradictions
from pml.tables import load_schema, read_table, write_table
from tests.reporting.conftest import budget, written

FOLDER = Path(__file__).parents[2] / "pml/published"
PUBLISHED = FOLDER / "table6_curriculum.csv"
LINES = [0.2, 0.4, 0.6, 0.8]
COUNTS = {20: 2, 30: 5, 40: 9, 50: 20, 60: 40}  # training images of each age


@pytest.fixture
def experiment(tmp_path):
    """One experiment on "ChaLearn", of one fold, whose courses are drawn by hand: the first S images of each age."""
    rows = [{"image": f"{age}_{k}.jpg", "age": age, "rank": k} for age, count in COUNTS.items() for k in range(count)]
    frame = pd.DataFrame([*rows, {"image": "test.jpg", "age": 33, "rank": np.nan}])
    write_table(frame.reindex(columns=list(load_schema("index")["properties"])), tmp_path / "index.csv", "index")
    found = thresholds(pd.Series(COUNTS), LINES)
    course = 1 + sum((frame["rank"] >= threshold).astype(int) for threshold in found)
    part = np.where(frame["rank"].isna(), "test", "train")
    folds = pd.DataFrame({"fold": 1, "image": frame["image"], "part": part, "course": course.where(part == "train")})
    write_table(folds, tmp_path / "folds.csv", "folds")
    paths = []
    for number in range(5):
        columns = dict.fromkeys(load_schema("metrics")["properties"], 0) | {"whole_years": False, "best": False}
        mae = {"mae": 6.0 - number, "mae_low": 5.5 - number, "mae_high": 6.8 - number, "seeds": 1, "folds": 1, "images": 1}
        mae |= {"no_interval": None}
        metrics = [columns | mae | {"method": "pml", "scope": scope} for scope in ("own", "common")]
        write_table(pd.DataFrame(metrics), tmp_path / f"metrics{number}.csv", "metrics")
        paths.append(str(tmp_path / f"metrics{number}.csv"))
    entry = {"experiment": "courses", "data": {"label": "ChaLearn", "synthetic": False}, "metrics": paths}
    entry |= {"index": str(tmp_path / "index.csv"), "folds": str(tmp_path / "folds.csv"), "dividing_lines": LINES}
    methods = [{"method": "pml", "label": "PML", "place": 0, "start": "ImageNet"}]
    return entry | {"budget": budget(3), "obstacle": None, "methods": methods}


def run(folder, *experiments):
    inputs = {"published": str(PUBLISHED), "histogram": str(FOLDER / "chalearn2015_age_histogram.csv")}
    inputs["experiments"] = [{name: entry[name] for name in ("index", "folds", "metrics")} for entry in experiments]
    return written(folder, "table6", "curricula", inputs, kind="curricula", margin=0.1, experiments=list(experiments))[:2]


def test_counts_are_those_of_the_folds_and_errors_those_of_the_runs(experiment, tmp_path):
    table, _ = run(tmp_path, experiment)
    own = table[table["experiment"] == "courses"]
    counts, found = pd.Series(COUNTS), thresholds(pd.Series(COUNTS), LINES)
    assert own["curriculum"].tolist() == ["D1", "D2", "D3", "D4", "D5"] and own["dividing_line"].tolist() == [*LINES, 1]
    assert own["samples"].tolist() == [*(sample_count(counts, threshold) for threshold in found), sum(COUNTS.values())]
    assert own["imbalance_ratio"].tolist() == [*(imbalance_ratio(counts, threshold) for threshold in found), 20]
    assert own["mae"].tolist() == [6, 5, 4, 3, 2] and (own["method"] == "PML").all()


def test_published_rows_stand_beside_them_and_by_themselves_where_no_one_reproduces_them(experiment, tmp_path):
    table, _ = run(tmp_path, experiment)
    published = pd.read_csv(PUBLISHED)
    own = table[table["data"] == "ChaLearn"]
    assert own["published_mae"].tolist()[:4] == published.loc[published["dataset"] == "ChaLearn", "mae"].tolist()
    assert own["published_mae"].isna().tolist() == [False] * 4 + [True]
    expected = ["inconclusive"] * 3 + ["not reproduced", "no published value"]
    assert own["verdict"].tolist() == expected
    morph = table[table["data"] == "Morph II"]
    assert (morph["verdict"] == "not run").all() and morph["mae"].isna().all() and len(morph) == 4


def test_a_published_row_stands_beside_its_own_dividing_line_and_no_other(experiment, tmp_path):
    fewer = {"dividing_lines": [0.3, 0.6], "metrics": experiment["metrics"][:3]}
    table, _ = run(tmp_path, experiment | fewer)
    chalearn = table[table["data"] == "ChaLearn"]
    own = chalearn[chalearn["experiment"] == "courses"]
    assert own["dividing_line"].tolist() == [0.3, 0.6, 1]
    assert own["published_mae"].fillna(0).tolist() == [0, 4.622, 0] and own["note"].isna().all()
    assert chalearn.loc[chalearn["verdict"] == "not run", "dividing_line"].tolist() == [0.2, 0.4, 0.8]


def test_the_table_says_that_the_printed_ratio_contradicts_the_printed_samples(experiment, tmp_path):
    table, markdown = run(tmp_path, experiment)
    noted = table.dropna(subset="note")
    assert noted[["data", "curriculum"]].to_numpy().tolist() == [["ChaLearn", "D1"]]
    assert noted["note"].item() == "the paper prints 6/1, but the 199 images that it prints are 3/1"
    assert "ChaLearn, D1: the paper prints 6/1" in markdown.split("\n\n")[0]


def test_other_counts_than_the_printed_ones_contradict_nothing():
    assert contradictions(pd.read_csv(PUBLISHED), "ChaLearn", pd.Series(COUNTS)) == {}


def test_synthetic_data_compares_with_nothing(experiment, tmp_path):
    table, markdown = run(
        tmp_path, experiment | {"data": {"label": "ChaLearn", "synthetic": True}, "obstacle": "synthetic data"}
    )
    own = table[table["experiment"] == "courses"]
    assert (own["data"] == "ChaLearn (synthetic)").all() and set(own["verdict"]) == {"not comparable", "no published value"}
    assert "Synthetic images show that the suite works" in markdown


def test_metrics_without_a_method_are_refused(experiment, tmp_path):
    unknown = {"methods": [{"method": "pmll", "label": "PML", "place": 0}]}
    with pytest.raises(InputError, match="metrics0.csv: no method 'pmll'; did you mean 'pml'"):
        run(tmp_path, experiment | unknown)
    assert not (tmp_path / "out.csv").exists()


def test_folds_without_courses_are_refused(experiment, tmp_path):
    folds = read_table(tmp_path / "folds.csv", "folds").drop(columns="course")
    write_table(folds, tmp_path / "folds.csv", "folds")
    with pytest.raises(InputError, match="folds.csv: no column 'course'; give experiments.<name>.curriculum"):
        run(tmp_path, experiment)
