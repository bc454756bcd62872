"""Every method through the whole workflow, as a user runs it: config/leaderboard_demo.yaml on drawn faces."""

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.workflow.checkout import ROOT, copy_checkout, snakemake


@pytest.mark.slow
def test_every_method_has_one_row_with_its_error_and_says_that_the_faces_are_drawn(tmp_path):
    config = yaml.safe_load((ROOT / "config" / "leaderboard_demo.yaml").read_text())
    run = snakemake(copy_checkout(tmp_path / "checkout"), config=config)
    assert run.returncode == 0, run.stdout[-4000:]
    rows = pd.read_csv(tmp_path / "checkout" / "results" / "tables" / "table_leaderboard.csv")
    assert sorted(rows["method"]) == sorted(method["label"] for method in config["methods"].values())
    assert np.isfinite(rows["mae"]).all() and (rows["data"] == "FG-NET (synthetic)").all()
