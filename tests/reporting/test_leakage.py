"""What knowing the people is worth."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.reporting.leakage import seen_share
from pml.tables import load_schema, read_table, write_table
from tests.reporting.conftest import written

MAES = {"random": {"pml": 2.0, "id_lookup": 1.0, "kl": 3.0}, "exclusive": {"pml": 4.5, "id_lookup": 9.0}}
LABELS = {"pml": "PML", "id_lookup": "ID | lookup"}
# Image 0 of subject a is seen, 3 of subject b is not, 4 has no subject; in the exclusive fold subject a is tested whole.
SUBJECTS = ["a", "a", "a", "b", None]
TESTED = {"random": [0, 3, 4], "exclusive": [0, 1, 2]}


def entries(labels):
    return [{"method": method, "label": label, "place": 0} for method, label in labels.items()]


@pytest.fixture
def experiments(tmp_path):
    """Two experiments on one data set, the second of them the first one's twin, with all files in place."""
    images = [f"{i}.jpg" for i in range(len(SUBJECTS))]
    index = pd.DataFrame({"image": images, "subject": SUBJECTS, "age": 20}, columns=list(load_schema("index")["properties"]))
    write_table(index, tmp_path / "index.csv", "index")
    listed = []
    for name, maes in MAES.items():
        parts = ["test" if i in TESTED[name] else "train" for i in range(len(images))]
        write_table(pd.DataFrame({"fold": 1, "image": images, "part": parts}), tmp_path / f"folds_{name}.csv", "folds")
        columns = dict.fromkeys(load_schema("metrics")["properties"], 0) | {"whole_years": False, "best": False}
        rows = [
            columns | {"method": method, "scope": scope, "mae": mae + (scope == "common"), "images": len(TESTED[name])}
            for method, mae in maes.items()
            for scope in ("own", "common")
        ]
        write_table(pd.DataFrame(rows), tmp_path / f"metrics_{name}.csv", "metrics")
        listed.append(
            {
                "experiment": name,
                "data": {"label": "Morph II", "synthetic": False},
                "protocol": f"{name}_protocol",
                "index": str(tmp_path / "index.csv"),
                "folds": str(tmp_path / f"folds_{name}.csv"),
                "metrics": str(tmp_path / f"metrics_{name}.csv"),
                "twin": "exclusive" if name == "random" else None,
                "methods": entries(LABELS),
            }
        )
    return listed


def run(folder, experiments):
    """Return the CSV as a frame and the Markdown as text."""
    inputs = {"experiments": [{name: entry[name] for name in ("index", "folds", "metrics")} for entry in experiments]}
    return written(folder, "leakage", "leakage", inputs, kind="leakage", experiments=experiments)[:2]


def test_a_row_per_experiment_and_labelled_method(experiments, tmp_path):
    table, _ = run(tmp_path, experiments)
    rows = list(zip(table["protocol"], table["method"], strict=True))
    assert rows == [(f"{name}_protocol", label) for name in MAES for label in LABELS.values()]
    assert (table["data"] == "Morph II").all() and (table["images"] == 3).all()


def test_a_method_stands_beside_itself_under_the_exclusive_twin(experiments, tmp_path):
    table, _ = run(tmp_path, experiments)
    random = table[table["protocol"] == "random_protocol"].set_index("method")
    assert random["exclusive_protocol"].unique().tolist() == ["exclusive_protocol"]
    columns = ["mae", "exclusive_mae", "difference"]
    assert random[columns].to_numpy().tolist() == [[2.0, 4.5, 2.5], [1.0, 9.0, 8.0]]
    exclusive = table[table["protocol"] == "exclusive_protocol"]
    assert exclusive["mae"].tolist() == [4.5, 9.0]
    assert exclusive[["exclusive_protocol", "exclusive_mae", "difference"]].isna().all(axis=None)


def test_a_method_that_the_twin_lacks_has_no_difference(experiments, tmp_path):
    experiments[0]["methods"] = entries({"kl": "KL baseline"})
    row = run(tmp_path, experiments)[0].iloc[0]
    assert row["mae"] == 3.0 and pd.isna(row["exclusive_mae"]) and pd.isna(row["difference"])


def test_only_test_images_of_a_known_subject_count_as_seen_or_not(experiments, tmp_path):
    table = run(tmp_path, experiments)[0].drop_duplicates("protocol")
    assert table["seen_share"].tolist() == [0.5, 0]


def test_without_subjects_nobody_knows_who_is_seen(experiments, tmp_path):
    index = read_table(tmp_path / "index.csv", "index").assign(subject=None)
    write_table(index, tmp_path / "index.csv", "index")
    table, markdown = run(tmp_path, experiments)
    assert table["seen_share"].isna().all()
    assert "–" in markdown.splitlines()[4]


rows = st.tuples(st.integers(1, 3), st.integers(0, 9), st.sampled_from(["train", "validation", "test"]))


@given(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=10, max_size=10), st.lists(rows, unique_by=lambda row: row[:2])
)
def test_the_share_seen_is_a_count(subjects, rows):
    index = pd.DataFrame({"image": range(10), "subject": subjects}).astype({"subject": object})
    trained = {(fold, subjects[image]) for fold, image, part in rows if part == "train"}
    tested = [(fold, subjects[image]) for fold, image, part in rows if part == "test" and subjects[image]]
    share = seen_share(pd.DataFrame(rows, columns=["fold", "image", "part"]), index)
    assert share == sum(key in trained for key in tested) / len(tested) if tested else pd.isna(share)


def test_markdown_is_one_paragraph_and_every_row(experiments, tmp_path):
    table, markdown = run(tmp_path, experiments)
    caption, grid = markdown.strip().split("\n\n")
    assert "in years" in caption and "synthetic" not in markdown
    assert len(grid.splitlines()) == 2 + len(table)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 10 for line in grid.splitlines())
    assert "50.0%" in grid and "+2.50" in grid


def test_synthetic_data_is_called_synthetic(experiments, tmp_path):
    for experiment in experiments:
        experiment["data"]["synthetic"] = True
    table, markdown = run(tmp_path, experiments)
    assert (table["data"] == "Morph II (synthetic)").all()
    assert "synthetic are drawn faces" in markdown.split("\n\n")[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"methods": entries({"pmll": "PML"})}, "metrics_random.csv: no method 'pmll'; did you mean 'pml'"),
        ({"metrics": "none.csv"}, "none.csv: no such file"),
    ],
)
def test_wrong_methods_and_missing_metrics_are_refused(change, complaint, experiments, tmp_path):
    experiments[0] |= change
    with pytest.raises(InputError, match=complaint):
        run(tmp_path, experiments)
    assert not (tmp_path / "out.csv").exists()


def test_a_fold_with_an_unknown_image_is_refused(experiments, tmp_path):
    with open(tmp_path / "folds_random.csv", "a") as folds:
        folds.write("1,z.jpg,test\n")
    with pytest.raises(InputError, match="folds_random.csv: image 'z.jpg' is not in .*index.csv"):
        run(tmp_path, experiments)
