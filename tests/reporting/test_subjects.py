"""FG-NET person by person against the released code."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from pml.errors import InputError
from pml.reporting.subjects import draw, draw_subjects, errors_of_people, paired
from pml.tables import PUBLISHED, read_table, write_table
from tests.reporting.conftest import METHODS, figure_task

RELEASED = PUBLISHED / "fgnet_per_subject_released.csv"


@pytest.fixture
def pooled():
    """Two seeds, three images of each of the 82 people, as FG-NET numbers them."""
    rng, rows = np.random.default_rng(0), []
    for method, shift in (("pml", 0.0), ("kl", 2.0)):
        for seed in (0, 1):
            for person in range(1, 83):
                images = [f"{person}_{number}" for number in range(3)]
                predicted = 30 + shift + rng.normal(0, 3, 3)
                of_person = pd.DataFrame({"image": images, "predicted_age": predicted, "subject": f"{person:03}"})
                rows.append(of_person.assign(fold=person, method=method, seed=seed, age=30.0))
    return pd.concat(rows, ignore_index=True).assign(age_std=np.nan, pit=np.nan, distance=0, train_images=50)


@pytest.fixture
def task(pooled, tmp_path):
    write_table(pooled, tmp_path / "pooled.csv", "pooled")
    inputs = {"pooled": str(tmp_path / "pooled.csv"), "released": str(RELEASED)}
    return replace(figure_task(inputs), outputs={"csv": str(tmp_path / "subjects.csv")})


def test_files(task, tmp_path, draws_well):
    draws_well(draw_subjects, task, tmp_path, width=6.9)
    assert read_table(tmp_path / "subjects.csv", "subjects")["data"].tolist() == ["Toy (synthetic)"] * 2


def test_each_person_counts_once_and_the_test_is_student_s(pooled):
    released = read_table(RELEASED, "released_subjects").set_index("subject")["mae"]
    errors = errors_of_people(pooled, "pooled.csv", released)
    table = paired(errors, released, METHODS).set_index("method")
    for label, method in (("PML", "pml"), ("KL baseline", "kl")):
        differences, of_method = [], pooled[pooled["method"] == method]
        for person in range(1, 83):
            own = [abs(row.predicted_age - 30) for row in of_method.itertuples() if int(row.subject) == person]
            differences.append(np.mean(own) - released[person])
        error = np.std(differences, ddof=1) / 82**0.5
        row = table.loc[label]
        assert row["difference"] == pytest.approx(np.mean(differences))
        assert row["difference_high"] - row["difference"] == pytest.approx(t.ppf(0.975, 81) * error)
        assert row["p_value"] == pytest.approx(2 * t.sf(abs(np.mean(differences)) / error, 81))
        assert row["better"] == sum(difference < 0 for difference in differences)
    assert table["released"].tolist() == pytest.approx([2.161] * 2, abs=5e-4)


def test_points_are_the_people(pooled):
    released = read_table(RELEASED, "released_subjects").set_index("subject")["mae"]
    errors = errors_of_people(pooled, "pooled.csv", released)
    for axis, method in zip(draw(errors, released, METHODS).axes, ("pml", "kl"), strict=True):
        (points,) = [line for line in axis.lines if line.get_marker() == "o"]
        np.testing.assert_array_equal(points.get_xydata(), np.column_stack([released, errors[method]]))


def test_other_people_are_refused(pooled):
    released = read_table(RELEASED, "released_subjects").set_index("subject")["mae"]
    for wrong in (pooled[pooled["subject"] != "007"], pooled.assign(subject=pooled["subject"].replace("007", "901"))):
        with pytest.raises(InputError, match="method 'kl' was not tested on the 82 people of FG-NET"):
            errors_of_people(wrong, "pooled.csv", released)
