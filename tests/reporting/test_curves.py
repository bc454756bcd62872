import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.reporting import curves
from pml.reporting.style import line_style
from pml.tables import read_table
from tests.reporting.conftest import METHODS, figure_task


def all_runs(experiment) -> pd.DataFrame:
    return pd.concat([read_table(job, "runs") for job in experiment.jobs.values()])


def histories(**terms: list[float]) -> pd.DataFrame:
    epochs = len(terms["loss"])
    return pd.DataFrame({"epoch": range(1, epochs + 1), **terms}).melt("epoch", var_name="term").assign(method="pml")


def test_files(experiment, draws_well):
    task = figure_task({"jobs": list(experiment.jobs.values())}, courses=[])
    draws_well(curves.draw_training_curves, task, experiment.folder, width=3.45)


def test_mean_and_percentiles_over_the_runs(experiment):
    runs = all_runs(experiment)
    summary = curves.summarise(curves.load_histories(runs))
    losses = np.stack([pd.read_csv(f"{run}/history.csv")["loss"] for run in runs.loc[runs["method"] == "kl", "run"]])
    found = summary.loc["loss"].loc["kl"]
    np.testing.assert_allclose(found["mean"], losses.mean(axis=0))
    np.testing.assert_allclose(found["low"], np.percentile(losses, 10, axis=0))
    np.testing.assert_allclose(found["high"], np.percentile(losses, 90, axis=0))


def test_every_term_has_a_panel_and_the_learning_rate_none(experiment):
    figure = curves.draw(curves.load_histories(all_runs(experiment)), METHODS)
    assert [axis.get_title() for axis in figure.axes] == ["loss", "divergence"]


def test_a_term_that_one_method_lacks_shows_the_others(experiment):
    frame = curves.load_histories(all_runs(experiment))
    frame = frame[(frame["method"] == "pml") | (frame["term"] == "loss")]
    loss, divergence = curves.draw(frame, METHODS).axes
    assert (len(loss.lines), len(divergence.lines)) == (2, 1)


def test_only_what_falls_far_and_stays_positive_is_logarithmic():
    terms = histories(loss=[5.0, 4.0], ordinal=[50.0, 1.0], variational=[50.0, -1.0], margin=[50.0, 0.0])
    scales = {axis.get_title(): axis.get_yscale() for axis in curves.draw(terms, METHODS).axes}
    assert scales == {"loss": "linear", "ordinal": "log", "variational": "linear", "margin": "linear"}


def test_a_method_that_is_not_trained_is_left_out(experiment):
    for history in (experiment.folder / "runs" / "kl").rglob("history.csv"):
        history.unlink()
    assert set(curves.load_histories(all_runs(experiment))["method"]) == {"pml"}
    runs = all_runs(experiment)
    figure = curves.draw(curves.load_histories(runs[runs["method"] == "kl"]), METHODS)
    assert not figure.axes and figure.texts[0].get_text() == "no method of this experiment is trained"


def test_a_history_without_a_loss_is_refused(experiment):
    runs = all_runs(experiment)
    (experiment.folder / "runs/pml/seed0/fold1/history.csv").write_text("epoch,accuracy\n1,2\n")
    with pytest.raises(InputError, match=r"seed0/fold1/history\.csv"):
        curves.load_histories(runs)


def test_a_method_keeps_its_colour_where_others_are_missing(experiment):
    frame = curves.load_histories(all_runs(experiment))
    (line,) = curves.draw(frame[frame["method"] == "kl"], METHODS).axes[0].lines
    assert line.get_color() == line_style(1)["color"]


def test_the_end_of_each_curriculum_but_the_last_is_marked_in_every_panel(experiment):
    plain, marked = (curves.draw(curves.load_histories(all_runs(experiment)), METHODS, courses) for courses in ((), (1, 2)))
    for axis, other in zip(plain.axes, marked.axes, strict=True):
        lines = [line.get_xdata()[0] for line in other.lines[len(axis.lines) :]]
        assert lines == [1.5, 2.5]
