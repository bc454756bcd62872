"""The example notebook runs, before and after a suite has."""

import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = nbformat.read(ROOT / "examples" / "read_results.ipynb", as_version=4)


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A fresh clone, as far as the notebook looks at it, from the folder where Jupyter runs it."""
    (tmp_path / "docs" / "demo").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "demo" / "table4.csv", tmp_path / "docs" / "demo")
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    return tmp_path


def drawn() -> plt.Axes:
    """Run the cells in their order, and return what they draw."""
    plt.switch_backend("agg")  # which also closes the figures of other tests
    names: dict = {}
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), names)  # noqa: S102 # it is ours
    (axes,) = plt.gcf().axes
    return axes


def test_the_notebook_is_valid_and_holds_no_output():
    nbformat.validate(NOTEBOOK)
    code = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    assert code and not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.filterwarnings("error", "ignore:.*is non-interactive")
@pytest.mark.parametrize("suite, synthetic", [(None, True), ("demo", True), ("frozen", False), ("fgnet", False)])
def test_each_error_is_drawn_beside_the_published_one(checkout, suite, synthetic):
    if suite:
        (checkout / "results" / "tables").mkdir(parents=True)
        shutil.copy(ROOT / "docs" / suite / "table4.csv", checkout / "results" / "tables")
    table = pd.read_csv(ROOT / "docs" / (suite or "demo") / "table4.csv")
    run = table[table["reproduced_mae"].notna()]
    axes = drawn()
    here, published = axes.lines
    assert here.get_xdata().tolist() == run["reproduced_mae"].tolist()
    assert published.get_xdata() == pytest.approx(run["published_mae"], nan_ok=True)
    bars = [bar[:, 0].tolist() for bar in axes.collections[0].get_segments() if len(bar)]
    intervals = run[["reproduced_low", "reproduced_high"]].dropna().to_numpy().tolist()
    assert bars == intervals
    assert ("drawn faces" in axes.get_title()) == synthetic
    assert [label.get_text().split(" (")[0] for label in axes.get_yticklabels()] == run["method"].tolist()
