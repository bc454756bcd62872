"""The table of a run's classes and margins, from its files alone."""

import numpy as np
import pytest
import torch
from pml.training.settings import Settings

from pml.files import read_table
from pml.progressive_margin import PML, inspector
from pml.training.loop import Model

FEATURE_DIM, AGES = 40, range(20, 31)
OTHERS = [name for name in Settings.__dataclass_fields__ if name != "method"]


@pytest.fixture
def method() -> PML:
    torch.manual_seed(0)
    method = PML(FEATURE_DIM, AGES, PML.Options())
    labels = torch.tensor([20.0, 22.0, 22.0, 29.0])
    method.train().loss(torch.randn(4, FEATURE_DIM), labels, labels * torch.nan)
    return method


def call(monkeypatch, tmp_path, method) -> None:
    """Call the stage on a run whose model is `method`."""

    def load_model(run, device):
        return Model(torch.nn.Identity(), method, device), Settings(method="a:B", **dict.fromkeys(OTHERS))

    monkeypatch.setattr(inspector, "load_model", load_model)
    inspector.main(["--run", str(tmp_path), "--output", str(tmp_path / "classes.csv")])


def test_table_has_the_statistics_and_the_margins_of_every_age(method, tmp_path, monkeypatch):
    call(monkeypatch, tmp_path, method)
    table = read_table(tmp_path / "classes.csv", "class_margins").set_index("age")
    assert table.index.tolist() == list(AGES) and table["count"].to_dict() == dict.fromkeys(AGES, 0) | {20: 1, 22: 2, 29: 1}
    psi, applied = method.statistics.inter_class_variance, method.margins().detach()
    assert table.loc[22, "phi"] == pytest.approx(method.statistics.intra_class_variance[2].item(), rel=1e-5)
    assert table.loc[22, "psi"] == pytest.approx((psi[2, 0] + psi[2, 9]).item() / 2, rel=1e-5)
    np.testing.assert_allclose(table["margin_mean"], method.fused().detach().mean(1), rtol=1e-5)
    np.testing.assert_allclose(table["margin_spread"], method.fused().detach().std(1, correction=0), rtol=1e-4)
    np.testing.assert_allclose(table["applied_own"], applied.diag(), rtol=1e-4)
    np.testing.assert_allclose(table["applied_spread"], 0.01, rtol=1e-4)


def test_method_without_margins_is_refused_by_name(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        call(monkeypatch, tmp_path, torch.nn.Identity())
    assert "method 'a:B' has no margins" in capsys.readouterr().err
