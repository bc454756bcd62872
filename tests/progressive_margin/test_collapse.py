"""The figure of the collapse shows what docs/fidelity.md says."""

import math

import pytest

from pml.progressive_margin import collapse
from pml.progressive_margin.collapse import CLASSES, FORMS, descend, main


@pytest.fixture(autouse=True)
def fewer_steps(monkeypatch):
    monkeypatch.setattr(collapse, "STEPS", 120)
    monkeypatch.setattr(collapse, "IMAGES", 64)


def test_as_written_the_loss_falls_below_zero_and_lets_go_of_the_similarities():
    curve = descend(*FORMS["as written"])
    assert curve["loss"].is_monotonic_decreasing and curve["loss"].iloc[-1] < -1.5
    assert curve["margin"].iloc[-1] < -3 and curve["pull"].iloc[-1] < 0.5 * curve["pull"].iloc[0]


@pytest.mark.parametrize("preset", ["preset paper", "preset released"])
def test_under_a_preset_the_margin_is_bounded_and_the_similarities_keep_their_gradient(preset):
    curve = descend(*FORMS[preset])
    assert curve["margin"].abs().max() <= 0.01 * math.sqrt(CLASSES)
    assert curve["pull"].iloc[-1] == pytest.approx(curve["pull"].iloc[0], rel=0.05)


def test_the_figure_has_a_panel_for_each_quantity_and_a_line_for_each_form(tmp_path):
    main(["--pdf", str(tmp_path / "c.pdf"), "--png", str(tmp_path / "c.png")])
    assert (tmp_path / "c.pdf").stat().st_size and (tmp_path / "c.png").stat().st_size
