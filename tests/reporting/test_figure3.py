import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.reporting import figure3
from pml.tables import read_table
from pml.task import Task
from tests.reporting.conftest import METHODS, figure_task

AGES = st.lists(st.integers(0, 100), min_size=1, max_size=30).map(
    lambda ages: pd.Series(ages, index=[f"{number:02d}" for number in range(len(ages))], dtype=float)
)


def task_of(experiment) -> Task:
    files = {"index": "index.csv", "faces_table": "faces.csv", "faces": "faces.npy"}
    inputs = {name: str(experiment.folder / file) for name, file in files.items()}
    return figure_task(inputs | {"jobs": list(experiment.jobs.values())})


class TestChooseImages:
    @given(AGES)
    def test_six_different_images_from_young_to_old_with_both_ends(self, ages):
        chosen = figure3.choose_images(ages)
        assert len(set(chosen)) == len(chosen) == min(6, len(ages))
        assert list(ages[chosen]) == sorted(ages[chosen])
        if len(ages) > 1:
            assert (ages[chosen[0]], ages[chosen[-1]]) == (ages.min(), ages.max())

    @given(AGES, st.randoms())
    def test_the_order_of_the_rows_does_not_matter(self, ages, random):
        shuffled = ages.loc[random.sample(list(ages.index), len(ages))]
        assert figure3.choose_images(shuffled) == figure3.choose_images(ages)

    def test_evenly_spaced_ages_and_of_equal_ones_the_first_by_name(self):
        ages = pd.Series({f"{copy}{age:02d}": float(age) for age in range(51) for copy in "ba"})
        assert figure3.choose_images(ages) == ["a00", "a10", "a20", "a30", "a40", "a50"]


class TestLoadPredictions:
    def test_rows_keep_their_image(self, experiment):
        runs = read_table(experiment.jobs["pml"], "runs")
        predictions, ages = figure3.load_predictions(runs[runs["seed"] == 0])
        assert sorted(predictions.index) == experiment.images
        expected = np.stack(predictions["distribution"]) @ ages
        np.testing.assert_allclose(predictions["predicted_age"], expected, rtol=1e-5)

    def test_an_image_tested_in_two_folds_is_taken_from_the_first(self, experiment):
        runs = read_table(experiment.jobs["pml"], "runs")
        runs = runs[(runs["fold"] == 1)].assign(fold=[2, 1])
        predictions, _ = figure3.load_predictions(runs)
        first = read_table(f"{runs['run'].iloc[1]}/predictions.csv", "predictions")
        assert list(predictions["predicted_age"]) == list(first["predicted_age"])


def test_lowest_shared_seed(experiment):
    table = read_table(experiment.jobs["kl"], "runs")
    table[table["seed"] == 1].to_csv(experiment.jobs["kl"], index=False)
    for runs in figure3.runs_of(list(experiment.jobs.values()), ["pml", "kl"]):
        assert set(runs["seed"]) == {1}


def test_faces_are_those_of_the_images(experiment):
    folder = experiment.folder
    faces = figure3.read_faces(folder / "faces.npy", folder / "faces.csv", ["007.png", "003.png"])
    np.testing.assert_array_equal(faces, np.load(folder / "faces.npy")[[7, 3]])


def test_a_store_of_other_faces_than_its_table_is_refused(experiment):
    store, table = experiment.folder / "faces.npy", experiment.folder / "faces.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:5] + lines[6:]))
    with pytest.raises(InputError, match="faces.npy: 40 faces, but .*faces.csv has 39"):
        figure3.read_faces(store, table, ["007.png"])


def test_files(experiment, draws_well):
    draws_well(figure3.draw_figure3, task_of(experiment), experiment.folder, width=6.9)


def test_hidden_faces_are_not_even_read(experiment, draws_well):
    (experiment.folder / "faces.npy").unlink()
    task = task_of(experiment)
    for name in ("faces", "faces_table"):
        del task.inputs[name]
    draws_well(figure3.draw_figure3, task, experiment.folder, width=6.9)


def test_every_column_shows_the_face_the_true_and_the_predicted_ages(experiment):
    ages = pd.Series(experiment.ages, index=experiment.images)
    predictions = [figure3.load_predictions(runs) for runs in figure3.runs_of(list(experiment.jobs.values()), ["pml", "kl"])]
    faces = np.load(experiment.folder / "faces.npy")[:3]
    figure = figure3.draw(experiment.images[:3], ages, predictions, METHODS, faces)
    for column, image in enumerate(experiment.images[:3]):
        upper, lower = figure.axes[column], figure.axes[column + 3]
        assert upper.get_title() == f"age {ages[image]:g}"
        np.testing.assert_array_equal(upper.images[0].get_array(), faces[column])
        ages_predicted = [frame["predicted_age"][image] for frame, _ in predictions]
        assert [note.get_text() for note in lower.texts] == [
            f"PML {ages_predicted[0]:.1f}",
            f"KL baseline {ages_predicted[1]:.1f}",
        ]
        for line, (frame, _) in zip(lower.lines, predictions, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), frame["distribution"][image])


def test_a_method_without_a_distribution_is_refused_by_name(experiment):
    (experiment.folder / "runs/kl/seed0/fold2/predictions.npz").unlink()
    with pytest.raises(InputError, match="runs/kl/seed0/fold2/predictions.npz: no such file; Figure 3 needs"):
        figure3.draw_figure3(task_of(experiment))
