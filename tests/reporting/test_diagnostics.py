"""The figure that PML draws of one of its runs, and the stage that asks a method for its own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from pml.errors import InputError
from pml.progressive_margin import PML
from pml.progressive_margin.figure import OVER_EPOCHS, draw
from pml.reporting import diagnostics
from pml.suite.settings import Settings
from pml.tables import read_table
from pml.task import Task
from pml.training.model import Model

FEATURE_DIM, AGES = 40, range(20, 31)
COUNTS = {20: 1, 22: 12, 29: 1}


@pytest.fixture
def method() -> PML:
    """PML that has seen three ages, one of them often."""
    torch.manual_seed(0)
    method = PML(FEATURE_DIM, AGES, PML.Options())
    labels = torch.tensor([float(age) for age, count in COUNTS.items() for _ in range(count)])
    method.train().loss(torch.randn(len(labels), FEATURE_DIM), labels, labels * torch.nan)
    return method


@pytest.fixture
def epochs() -> pd.DataFrame:
    """What PML tells of itself after each of three epochs."""
    names = [f"{name}_{part}" for name in OVER_EPOCHS for part in ("mean", "std", "min", "max")]
    values = np.random.default_rng(0).random((3, len(names) + 2))
    return pd.DataFrame(values, columns=[*names, "phi_mean", "psi_mean"]).assign(epoch=[1, 2, 3])


def test_every_age_with_samples_is_a_point_and_every_epoch_a_step(method, epochs):
    figure, _ = draw(method, epochs)
    above, below = figure.axes[:4], figure.axes[4:]
    assert all(len(axis.lines[0].get_xdata()) == 3 and axis.get_xscale() == "log" for axis in above)
    for axis, name in zip(below, OVER_EPOCHS, strict=False):
        mean, least, greatest = (line.get_ydata() for line in axis.lines)
        for found, part in ((mean, "mean"), (least, "min"), (greatest, "max")):
            np.testing.assert_allclose(found, epochs[f"{name}_{part}"])
    assert [line.get_label() for line in below[3].lines] == ["phi", "psi"]
    assert len(figure.legends[0].get_texts()) == 4  # points, lines, bands and dotted lines


def test_table_has_the_statistics_and_the_margins_of_every_age(method, epochs):
    table = draw(method, epochs)[1].set_index("age")
    assert table.index.tolist() == list(AGES) and table["count"].to_dict() == dict.fromkeys(AGES, 0) | COUNTS
    psi, applied = method.statistics.inter_class_variance, method.margins().detach()
    assert table.loc[22, "phi"] == pytest.approx(method.statistics.intra_class_variance[2].item(), rel=1e-5)
    assert table.loc[22, "psi"] == pytest.approx((psi[2, 0] + psi[2, 9]).item() / 2, rel=1e-5)
    np.testing.assert_allclose(table["margin_mean"], method.fused().detach().mean(1), rtol=1e-5)
    np.testing.assert_allclose(table["margin_spread"], method.fused().detach().std(1, correction=0), rtol=1e-4)
    np.testing.assert_allclose(table["applied_own"], applied.diag(), rtol=1e-4)
    np.testing.assert_allclose(table["applied_spread"], 0.01, rtol=1e-4)


@pytest.fixture
def task(method, epochs, tmp_path, monkeypatch) -> Task:
    """The job of drawing a run of `method`."""
    run = {"method": "a:B", "options": {}, "backbone": "resnet18", "backbone_options": {}, "initialisation": "random"}
    loaded = Model(nn.Identity(), method, torch.device("cpu")), Settings(**run, courses=1)
    monkeypatch.setattr(diagnostics, "load_model", lambda directory, device: loaded)
    epochs.to_csv(tmp_path / "diagnostics.csv", index=False)
    (tmp_path / "run.json").write_text("{}")
    outputs = {kind: str(tmp_path / f"figure.{kind}") for kind in ("pdf", "png", "csv")}
    settings = {"data": {"label": "Toy", "synthetic": True}, "run": str(tmp_path)}
    return Task("draw_diagnostics", {}, {"jobs": []}, outputs, settings)


def test_stage_saves_the_figure_and_the_table(task):
    diagnostics.draw_diagnostics(task)
    assert len(read_table(task.outputs["csv"], "class_margins")) == len(AGES)
    drawn = [Path(task.outputs[kind]).read_bytes() for kind in ("pdf", "png")]
    assert drawn[0].startswith(b"%PDF") and drawn[1].startswith(b"\x89PNG")
    diagnostics.draw_diagnostics(task)
    assert drawn == [Path(task.outputs[kind]).read_bytes() for kind in ("pdf", "png")], "the same bytes again"


def test_method_without_a_figure_is_refused_by_name(task, monkeypatch):
    monkeypatch.setattr(PML, "figure", None)
    with pytest.raises(InputError, match="method 'a:B' has no figure"):
        diagnostics.draw_diagnostics(task)


def test_run_without_diagnostics_is_refused(task, tmp_path):
    (tmp_path / "diagnostics.csv").unlink()
    with pytest.raises(InputError, match="diagnostics.csv: no such file"):
        diagnostics.draw_diagnostics(task)
