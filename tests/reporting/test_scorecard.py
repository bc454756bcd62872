"""Every published cell of the paper's tables, and what suites say of it."""

import numpy as np
import pandas as pd
import pytest

from pml.errors import InputError
from pml.reporting.scorecard import counted, merge, page
from pml.tables import PUBLISHED, load_schema, read_table, write_table
from tests.reporting.conftest import grid_of, written

FILES = {
    "table2": "table2_morph2_setting1.csv",
    "table3": "table3_morph2_setting2.csv",
    "table4": "table4_fgnet.csv",
    "table5": "table5_chalearn.csv",
    "table6": "table6_curriculum.csv",
}


def card_of(folder, suite="own", **tables):
    """The scorecard of a suite that made some of the tables, given as frames; its CSV as a frame, and its Markdown."""
    paths = []
    for name, frame in tables.items():
        paths.append(str(folder / f"{name}.csv"))
        write_table(frame, paths[-1], "curricula" if name == "table6" else "table")
    absent = [name for name in FILES if name not in tables]
    inputs = {"published": [str(PUBLISHED / FILES[name]) for name in absent], "tables": paths}
    inputs["reported_only"] = str(PUBLISHED / "reported_only.csv")
    settings = {"kind": "scorecard", "suite": suite, "tables": list(tables), "absent": absent}
    return written(folder, "scorecard", "scorecard", inputs, **settings)[:2]


def rows_of(schema, *rows):
    columns = load_schema(schema)["properties"]
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: float for name, column in columns.items() if "number" in column["type"]})


def ran(method="PML", data="ChaLearn", verdict="reproduced", **more):
    row = {
        "method": method,
        "pretraining": "none",
        "published_mae": 3.455,
        "reproduced_mae": 3.4,
        "reproduced_by": f"our {method}",
    }
    row |= {"published_epsilon_error": 0.293, "data": data, "verdict": verdict, "experiment": "official"}
    row |= {"start": "ImageNet"}
    return row | {"reproduced_low": 3.39, "reproduced_high": 3.41, "seeds": 3, "folds": 1, "images": 1079} | more


def test_without_a_table_every_published_cell_is_not_run(tmp_path):
    card, markdown = card_of(tmp_path)
    published = [read_table(PUBLISHED / file, "published") for name, file in FILES.items() if name != "table6"]
    cells = sum(
        frame.get("mae", pd.Series()).notna().sum() + frame.get("epsilon_error", pd.Series()).notna().sum()
        for frame in published
    )
    assert len(card) == cells + len(read_table(PUBLISHED / FILES["table6"], "published_curricula"))
    assert (card["verdict"] == "not run").all() and card["value"].isna().all()
    reasons = card.drop_duplicates("cell").set_index("cell")["reason"]
    assert reasons["BridgeNet"] == "layers and losses were not published" and reasons["PML"] == "not in this suite's config"
    assert f"Of {len(card)} published cells, 0 are reproduced" in markdown and f"and {len(card)} are not run." in markdown
    assert grid_of(markdown)["Cell"].tolist() == card["cell"].tolist()


def test_a_cell_that_was_run_has_its_value_verdict_and_runs_each_measure_in_a_row(tmp_path):
    row = ran(
        reproduced_epsilon_error=0.3, epsilon_error_low=0.28, epsilon_error_high=0.32, epsilon_error_verdict="inconclusive"
    )
    card, _ = card_of(tmp_path, table5=rows_of("table", row))
    own = card[card["table"] == "table5"].set_index("measure")
    names = ["cell", "published", "value", "low", "high", "verdict", "runs"]
    assert own.loc["mae", names].tolist() == ["PML", 3.455, 3.4, 3.39, 3.41, "reproduced", "results/own/runs/official"]
    assert own.loc["epsilon_error", names[1:6]].tolist() == [0.293, 0.3, 0.28, 0.32, "inconclusive"]
    assert own["data"].tolist() == ["ChaLearn"] * 2 and own["images"].tolist() == [1079] * 2


def test_published_numbers_have_as_many_decimals_as_the_paper_prints(tmp_path):
    grid = grid_of(card_of(tmp_path)[1]).set_index(["Table", "Cell", "Pretraining", "Measure"])["Published"]
    assert grid["Table 2", "ARN", "none", "MAE"] == "3.00"
    assert grid["Table 5", "ODL", "none", "MAE"] == "3.950" and grid["Table 5", "AgeED", "IMDB-WIKI", "ε"] == "0.280"


def test_a_row_that_the_paper_lacks_is_no_cell(tmp_path):
    card, _ = card_of(tmp_path, table5=rows_of("table", ran(published_mae=np.nan, published_epsilon_error=np.nan)))
    assert "table5" not in set(card["table"])


def test_curricula_are_cells_of_their_data_set(tmp_path):
    row = {"data": "ChaLearn (synthetic)", "curriculum": "D1", "dividing_line": 0.2, "method": "PML", "published_mae": 6.72}
    row |= {"mae": 9.0, "verdict": "not comparable", "reason": "synthetic data", "experiment": "courses"}
    card, _ = card_of(tmp_path, table6=rows_of("curricula", row, row | {"curriculum": "D5", "published_mae": np.nan}))
    own = card[card["table"] == "table6"]
    assert own[["cell", "value", "verdict", "reproduced_by"]].to_numpy().tolist() == [
        ["ChaLearn D1", 9, "not comparable", "PML"]
    ]


class TestSeveralSuites:
    @pytest.fixture
    def cards(self, tmp_path):
        made = {
            "drawn": ran(data="ChaLearn (synthetic)", verdict="not comparable", reason="synthetic data"),
            "real": ran(),
            "other": ran(verdict="not reproduced", reproduced_mae=4.0, reproduced_low=3.9, reproduced_high=4.1),
            "nothing": None,
        }
        paths = {}
        for suite, row in made.items():
            folder = tmp_path / suite
            folder.mkdir()
            card_of(folder, suite, **({"table5": rows_of("table", row)} if row else {}))
            paths[suite] = folder / "out.csv"
        return paths

    def of_pml(self, *paths):
        card = merge(paths)
        return card[
            (card["table"] == "table5") & (card["cell"] == "PML") & (card["pretraining"] == "none") & (card["measure"] == "mae")
        ]

    def test_all_that_ran_on_real_data_is_kept_and_nothing_else_of_the_cell(self, cards):
        rows = self.of_pml(*(cards[name] for name in ("nothing", "drawn", "real", "other")))
        assert rows[["suite", "verdict"]].to_numpy().tolist() == [["real", "reproduced"], ["other", "not reproduced"]]

    def test_drawn_faces_are_no_reproduction(self, cards):
        row = self.of_pml(cards["nothing"], cards["drawn"]).iloc[0]
        assert row["verdict"] == "not run" and pd.isna(row["value"])
        assert row["reason"] == "ChaLearn needs a registration; run on synthetic faces alone"

    def test_a_cell_that_no_one_ran_says_why(self, cards):
        card = merge([cards["nothing"]])
        reasons = {(row.table, row.cell): row.reason for row in card.itertuples()}
        assert reasons["table2", "PML"] == reasons["table6", "Morph II D1"] == "MORPH II is licensed"
        assert reasons["table5", "DHAA"] == "how landmarks give its crops was not published"
        assert reasons["table4", "PML"] == "not in this suite's config"

    def test_a_cell_counts_once_by_its_best_verdict(self, cards):
        sentence = counted(merge([cards["real"], cards["other"], cards["nothing"]]))
        assert ", 1 are reproduced, 0 are not reproduced, " in sentence

    def test_the_page_has_each_table_and_the_counts(self, cards):
        text = page(merge([cards["nothing"], cards["real"]]))
        assert text.startswith("# What has been reproduced\n\nOf 59 published cells, 1 are reproduced")
        assert [f"## Table {number}\n" in text for number in (2, 3, 4, 5, 6)] == [True] * 5
        assert "| our PML" in text and "3.40 [3.39, 3.41]" in text

    def test_another_table_is_refused(self, tmp_path):
        write_table(rows_of("table", ran()), tmp_path / "table5.csv", "table")
        with pytest.raises(InputError, match="a scorecard table has"):
            merge([tmp_path / "table5.csv"])
