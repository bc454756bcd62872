"""The chain from a row of a table down to the predictions of its runs."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from pml.commands.explain import explain_text
from pml.errors import InputError
from pml.suite import make_plan
from pml.suite.run_jobs import method_jobs
from pml.tables import load_schema, write_table
from tests.suite.conftest import demo_config


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """The demo's table 4, made of runs of two methods that stand where the plan has them."""
    config = demo_config()
    monkeypatch.chdir(tmp_path)
    plan = make_plan(config)
    plan.save()
    experiment = plan.config["tables"]["table4"]["experiments"][0]
    for number, method in enumerate(("pml", "kl")):
        for path in method_jobs(plan, experiment, [method]):
            rows, seed = [], int(path.split("/seed")[1].split("/")[0])
            for fold in (1, 2):
                run = tmp_path / "runs" / method / f"seed{seed}" / f"fold{fold}"
                run.mkdir(parents=True, exist_ok=True)
                facts = {"settings": {"initialisation": "random", "sigma": number}, "commit": "c0ffee" * 6, "device": "cpu"}
                facts |= {"versions": {"torch": "2.14.1"}, "precision": "float32", "seconds": 30.4, "peak_memory_mb": 700}
                (run / "run.json").write_text(json.dumps(facts))
                rows.append((method, seed, fold, str(run)))
            write_table(pd.DataFrame(rows, columns=["method", "seed", "fold", "run"]), path, "runs")
    columns = load_schema("table")["properties"]
    rows = [
        {"method": "PML", "reproduced_by": "PML", "reproduced_mae": 3.25, "published_mae": 2.16, "verdict": "not comparable"}
    ]
    rows.append(
        {"method": "KL baseline", "reproduced_by": "KL baseline", "reproduced_mae": 3.5, "verdict": "no published value"}
    )
    rows = [row | {"experiment": experiment} for row in rows] + [{"method": "DRFs", "verdict": "not run"}]
    frame = pd.DataFrame(rows, columns=list(columns)).assign(pretraining="none", data="FG-NET (synthetic)")
    frame = frame.astype({name: float for name, column in columns.items() if "number" in column["type"]})
    path = tmp_path / "results" / plan.suite / "tables" / "table4.csv"
    write_table(frame, path, "table")
    return path, experiment, plan


def test_it_goes_from_the_row_to_the_predictions_of_each_seed(suite):
    path, experiment, plan = suite
    text = explain_text(path, "pml")
    assert f"PML in {experiment} on FG-NET (synthetic): published_mae 2.16, reproduced_mae 3.25, verdict not comparable" in text
    for rule in ("evaluate_predictions", "assign_folds"):
        assert all(path in text for path in plan.outputs(rule, experiment=experiment).values())
    assert "runs/pml/seed0/fold*/predictions.csv" in text and "runs/kl" not in text
    assert "c0ffeec0ffee" in text and "torch 2.14.1" in text and "cpu float32" in text and " 61 " in text


def test_a_label_names_a_row_as_well_as_a_key(suite):
    assert explain_text(suite[0], "KL baseline") == explain_text(suite[0], "kl")


def test_methods_with_other_settings_have_another_hash(suite):
    hashes = [
        next(line.split()[3] for line in explain_text(suite[0], name).splitlines() if "fold*" in line) for name in ("pml", "kl")
    ]
    assert len(set(hashes)) == 2 and all(len(each) == 12 for each in hashes)


def test_the_published_copy_leads_to_the_suite_that_has_the_same_table(suite, tmp_path):
    path, _, plan = suite
    copy = tmp_path / "results" / "tables" / "table4.csv"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    assert f"made by suite {plan.suite}" in explain_text(copy, "pml")
    copy.write_text(copy.read_text().replace("3.25", "3.26"))
    with pytest.raises(InputError, match="table4.csv: no suite has written it"):
        explain_text(copy, "pml")


def test_an_unknown_method_and_a_table_without_methods_are_refused(suite, tmp_path):
    path = suite[0]
    with pytest.raises(InputError, match="table4.csv: no row of 'pm'; did you mean 'pml'"):
        explain_text(path, "pm")
    other = path.with_name("data_fgnet.csv")
    pd.DataFrame({"section": ["a"], "value": [np.nan]}).to_csv(other, index=False)
    with pytest.raises(InputError, match="data_fgnet.csv: its rows name no method and experiment"):
        explain_text(other, "pml")
    with pytest.raises(InputError, match="absent.csv: not a table"):
        explain_text(path.with_name("absent.csv"), "pml")
