"""All figures of one experiment by one job."""

import dataclasses

from pml.reporting import experiment
from pml.suite.figure_jobs import OF_EXPERIMENTS
from pml.task import Task


def test_each_figure_gets_its_own_files_and_all_else(monkeypatch):
    drawn = {}
    for name in experiment.FIGURES:
        monkeypatch.setitem(experiment.FIGURES, name, lambda task, name=name: drawn.update({name: task}))
    outputs = {f"{name}_{kind}": f"{name}.{kind}" for name in experiment.FIGURES for kind in ("pdf", "png")}
    task = Task(
        "draw_experiment", {"experiment": "toy"}, {"pooled": "p.csv"}, outputs | {"shots_csv": "s.csv"}, {"courses": []}
    )
    experiment.draw_experiment(task)
    for name, own in drawn.items():
        files = {"pdf": f"{name}.pdf", "png": f"{name}.png"} | ({"csv": "s.csv"} if name == "shots" else {})
        assert own == dataclasses.replace(task, outputs=files)


def test_the_plan_declares_the_files_of_every_figure():
    assert set(OF_EXPERIMENTS) == set(experiment.FIGURES)
