import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.files import write_table
from pml.reporting import margins


@pytest.fixture
def files(tmp_path):
    """A table of five ages, one without samples, and a margins.csv of three epochs."""
    random = np.random.default_rng(0)
    columns = ["phi", "psi", "margin_mean", "margin_spread", "applied_own", "applied_spread"]
    classes = pd.DataFrame(random.random((5, len(columns))), columns=columns)
    classes = classes.assign(age=range(20, 25), count=[100, 30, 0, 4, 1])
    write_table(classes, tmp_path / "classes.csv", "class_margins")
    names = [f"{name}_{part}" for name in margins.OVER_EPOCHS for part in ("mean", "std", "min", "max")]
    history = pd.DataFrame(random.random((3, len(names) + 2)), columns=[*names, "phi_mean", "psi_mean"])
    history.assign(epoch=[1, 2, 3]).to_csv(tmp_path / "margins.csv", index=False)
    return tmp_path


def test_files(files, draws_well):
    arguments = ["--classes", str(files / "classes.csv"), "--margins", str(files / "margins.csv")]
    draws_well(margins.main, arguments, files, width=6.9)


def test_every_age_with_samples_is_a_point_and_every_epoch_a_step(files):
    figure = margins.draw(pd.read_csv(files / "classes.csv"), margins.read_margins(str(files / "margins.csv")))
    above, below = figure.axes[:4], figure.axes[4:]
    assert all(len(axis.collections[0].get_offsets()) == 4 and axis.get_xscale() == "log" for axis in above)
    history = pd.read_csv(files / "margins.csv")
    for axis, name in zip(below, margins.OVER_EPOCHS, strict=False):
        mean, least, greatest = (line.get_ydata() for line in axis.lines)
        for found, part in ((mean, "mean"), (least, "min"), (greatest, "max")):
            np.testing.assert_allclose(found, history[f"{name}_{part}"])
    assert [line.get_label() for line in below[3].lines] == ["phi", "psi"]


@pytest.mark.parametrize("content, words", [(None, "No such file"), ("epoch,phi_mean\n1,2\n", "columns missing: .*psi_mean")])
def test_what_is_no_margins_csv_is_refused(tmp_path, content, words):
    path = tmp_path / "margins.csv"
    if content:
        path.write_text(content)
    with pytest.raises(InputError, match=f"{path}: .*{words}.*PML"):
        margins.read_margins(str(path))
