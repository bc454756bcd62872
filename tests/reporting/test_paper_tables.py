import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.files import load_schema, read_table, write_table
from pml.reporting.paper import verdict
from tests.reporting.conftest import budget, grid_of, written

PUBLISHED = {path.name[:6]: path for path in (Path(__file__).parents[2] / "pml/published").glob("table[2-5]_*.csv")}
METHODS = [
    {"method": "kl", "label": "KL baseline", "published": None, "start": "ImageNet"},
    {"method": "pml", "label": "PML (paper)", "published": "PML", "start": "ImageNet"},
    {"method": "released", "label": "PML (released)", "published": "PML", "start": "ImageNet"},
    {"method": "dex", "label": "DEX_100%", "published": ["DEX", "CVL_ETHZ"], "start": "ImageNet"},
]
# Against the published 2.16 of PML and 4.63 of DEX.
MAES = {"kl": (3.5, 3.0, 4.0), "pml": (2.3, 2.1, 2.5), "released": (2.9, 2.7, 3.1), "dex": (3.9, 3.6, 4.2)}
EPSILON = (0.30, 0.28, 0.32)


def write_metrics(path, epsilon=(None, None, None), common=100, subjects=9):
    """The metrics of an experiment in which `kl` ran on more images than the others."""
    rows = []
    for method, (mae, low, high) in MAES.items():
        row = dict.fromkeys(load_schema("metrics")["properties"], 0) | {"method": method, "seeds": 1, "subjects": subjects}
        row |= dict(zip(["epsilon_error", "epsilon_error_low", "epsilon_error_high"], epsilon, strict=True))
        row["mae_per_subject"] = mae + 0.01 if subjects else None
        images = 200 if method == "kl" else common
        rows.append(row | {"scope": "own", "folds": 9, "images": images, "mae": mae, "mae_low": low, "mae_high": high})
        rows.append(row | {"scope": "common", "folds": 9, "images": common, "mae": mae - 1})
    write_table(pd.DataFrame(rows), path, "metrics")
    return str(path)


@pytest.fixture
def plain(tmp_path):
    """An experiment without pre-training, and where its metrics are."""
    metrics = write_metrics(tmp_path / "plain.csv")
    entry = {"experiment": "plain", "metrics": metrics, "pretraining": "none", "budget": budget(5), "methods": METHODS}
    return entry | {"data": {"label": "FG-NET", "synthetic": False}}


@pytest.fixture
def pretrained(tmp_path, plain):
    """An experiment with pre-training and other common images."""
    metrics = write_metrics(tmp_path / "pretrained.csv", common=90)
    return plain | {"experiment": "pretrained", "metrics": metrics, "pretraining": "IMDB-WIKI", "budget": budget(70)}


def table_of(experiments, folder, table="table4", synthetic=False):
    """Return the CSV as a frame and the others as text."""
    inputs = {"published": str(PUBLISHED[table]), "others": list(map(str, PUBLISHED.values()))}
    inputs["metrics"] = [entry["metrics"] for entry in experiments]
    described = [entry | {"data": {"label": "FG-NET", "synthetic": synthetic}} for entry in experiments]
    return written(folder, table, "table", inputs, kind="paper", name=table.replace("table", "Table "), experiments=described)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_rows_are_kept_exactly_and_in_order(plain, tmp_path, name):
    table, _, _ = table_of([plain], tmp_path, table=name)
    printed = read_table(PUBLISHED[name], "published")
    renamed = {"published_mae": "mae", "published_epsilon_error": "epsilon_error"}
    kept = table[table["source"] == "published"].rename(columns=renamed)[list(printed)]
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), printed, check_dtype=False)


def test_reproductions_follow_their_published_twin_and_the_rest_comes_last(plain, tmp_path):
    table, _, _ = table_of([plain], tmp_path)
    methods = table["method"].tolist()
    assert methods[:2] == ["DEX", "DEX_100%"]
    assert methods[-4:] == ["PML", "PML (paper)", "PML (released)", "KL baseline"]
    assert len(methods) == len(read_table(PUBLISHED["table4"], "published")) + len(METHODS)


def test_a_reproduced_row_holds_its_metrics_and_its_twin(plain, tmp_path):
    table, _, _ = table_of([plain], tmp_path)
    row = table.set_index("method").loc["PML (paper)"]
    names = ["published_mae", "reproduced_mae", "reproduced_low", "reproduced_high", "mae_per_subject", "mae_common"]
    assert row[names].tolist() == pytest.approx([2.16, 2.3, 2.1, 2.5, 2.31, 1.3])
    assert row["difference"] == pytest.approx(2.3 - 2.16)
    assert row[["images", "images_common", "folds", "seeds", "data"]].tolist() == [100, 100, 9, 1, "FG-NET"]
    assert row["experiment"] == "plain"


def test_verdicts_of_a_table(plain, tmp_path):
    table, _, _ = table_of([plain], tmp_path)
    verdicts = table.drop_duplicates("method").set_index("method")["verdict"]
    assert verdicts["PML"] == verdicts["DEX"] == "see reproduced row"
    assert verdicts["PML (paper)"] == "within interval"
    assert verdicts["PML (released)"] == "higher than published"
    assert verdicts["DEX_100%"] == "lower than published"
    assert verdicts["KL baseline"] == "no published value"
    assert (verdicts.drop(["PML", "DEX", *(method["label"] for method in METHODS)]) == "published only").all()
    assert table[(table["method"] == "DEX") & (table["pretraining"] != "none")]["verdict"].item() == "published only"


@given(*[st.floats(0, 20)] * 3)
def test_verdict_follows_from_the_interval(published, one, other):
    low, high = sorted((one, other))
    expected = (
        "within interval"
        if low <= published <= high
        else "higher than published"
        if published < low
        else "lower than published"
    )
    assert verdict(published, low, high, synthetic=False) == expected
    assert verdict(published, low, high, synthetic=True) == "synthetic: not comparable"


def test_verdict_without_a_published_value_or_an_interval():
    assert verdict(np.nan, 2.0, 3.0, synthetic=False) == "no published value"
    assert verdict(2.5, np.nan, np.nan, synthetic=False) == "no interval"


class TestSeveralExperiments:
    def test_each_row_stands_below_the_twin_of_its_own_pretraining(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained], tmp_path)
        rows = table[["method", "pretraining", "source"]].apply(tuple, axis=1).tolist()
        for pretraining in ("none", "IMDB-WIKI"):
            place = rows.index(("DEX", pretraining, "published"))
            assert rows[place + 1] == ("DEX_100%", pretraining, "reproduced")
        of_dex = table[table["method"] == "DEX_100%"].set_index("experiment")
        assert of_dex["published_mae"].to_dict() == {"plain": 4.63, "pretrained": 3.09}
        assert of_dex["verdict"].to_dict() == {"plain": "lower than published", "pretrained": "higher than published"}

    def test_a_pretraining_that_the_paper_lacks_has_no_published_value(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained], tmp_path)
        row = table[table["pretraining"] == "IMDB-WIKI"].set_index("method").loc["PML (paper)"]
        assert row["verdict"] == "no published value"
        assert np.isnan(row["published_mae"]) and np.isnan(row["difference"])

    def test_rows_without_a_twin_come_last_in_the_order_of_the_experiments(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained], tmp_path)
        assert table["method"].tolist()[-4:] == ["KL baseline", "KL baseline", "PML (paper)", "PML (released)"]
        assert table["experiment"].tolist()[-4:] == ["plain", *["pretrained"] * 3]

    def test_a_method_that_an_experiment_does_not_list_is_left_out(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained | {"methods": METHODS[1:]}], tmp_path)
        assert table[table["method"] == "KL baseline"]["experiment"].tolist() == ["plain"]

    def test_the_caption_says_what_differs_and_bold_is_the_best_of_each(self, plain, pretrained, tmp_path):
        _, markdown, _ = table_of([plain, pretrained], tmp_path)
        shared = "Budget: resnet18 from random weights, faces of 48 pixels,"
        assert f"plain (pretraining none, 100 images common): {shared} 5 epochs" in markdown
        assert f"pretrained (pretraining IMDB-WIKI, 90 images common): {shared} 70 epochs" in markdown
        assert re.findall(r"\*\*(.*?)\*\*", markdown) == ["1.30", "1.30"]

    def test_rows_name_their_experiment_where_pretraining_does_not(self, plain, pretrained, tmp_path):
        _, markdown, _ = table_of([plain, pretrained], tmp_path)
        assert "plain" not in markdown.split("\n\n")[1]
        _, markdown, _ = table_of([plain, pretrained | {"pretraining": "none"}], tmp_path)
        sources = grid_of(markdown)["Source"]
        assert (sources == "reproduced on FG-NET, plain").sum() == (sources == "reproduced on FG-NET, pretrained").sum() == 4


class TestNamesOfTheOtherTables:
    def test_a_method_that_this_table_lacks_has_no_twin(self, plain, tmp_path):
        table, _, _ = table_of([plain], tmp_path, table="table2")
        assert "DEX" not in table["method"].tolist()
        assert table.set_index("method").loc["DEX_100%", "verdict"] == "no published value"

    def test_a_method_with_another_name_in_this_table_finds_its_twin(self, pretrained, tmp_path):
        table, _, _ = table_of([pretrained], tmp_path, table="table5")
        place = table["method"].tolist().index("CVL_ETHZ")
        assert table.loc[place + 1, ["method", "published_mae"]].tolist() == ["DEX_100%", 3.252]


class TestEpsilonError:
    @pytest.fixture
    def chalearn(self, tmp_path, pretrained):
        return pretrained | {"metrics": write_metrics(tmp_path / "chalearn.csv", epsilon=EPSILON, subjects=0)}

    def test_it_stands_beside_the_published_one_with_a_verdict_of_its_own(self, chalearn, tmp_path):
        table, markdown, latex = table_of([chalearn], tmp_path, table="table5")
        row = table.set_index("method").loc["DEX_100%"]
        names = ["published_epsilon_error", "reproduced_epsilon_error", "epsilon_error_low", "epsilon_error_high"]
        assert row[names].tolist() == pytest.approx([0.282, *EPSILON])
        assert row[["verdict", "epsilon_error_verdict"]].tolist() == ["higher than published", "within interval"]
        grid = grid_of(markdown).set_index("Method")
        assert grid.loc["CVL_ETHZ", "Published ε"] == "0.282"
        assert grid.loc["DEX_100%", ["Reproduced ε", "Verdict ε"]].tolist() == ["0.300 [0.280, 0.320]", "within interval"]
        assert "and ε-error on FG-NET" in markdown
        assert r"Published $\epsilon$" in latex and "ε" not in latex

    def test_where_the_paper_gives_one_measure_only_the_other_has_no_verdict(self, chalearn, tmp_path):
        methods = [{"method": "pml", "label": "ARN-like", "published": "ARN", "start": "ImageNet"}]
        table, markdown, _ = table_of([chalearn | {"methods": methods}], tmp_path, table="table5")
        assert table.set_index("method").loc["ARN-like", "epsilon_error_verdict"] == "no published value"
        assert grid_of(markdown).set_index("Method").loc["ARN", ["Published", "Published ε"]].tolist() == ["3.15", "–"]

    def test_without_subjects_nothing_is_said_per_subject(self, chalearn, tmp_path):
        _, markdown, _ = table_of([chalearn], tmp_path, table="table5")
        assert "Per subject" not in markdown and "bootstrap over the images" in markdown

    def test_a_table_without_it_shows_no_trace_of_it(self, plain, tmp_path):
        table, markdown, latex = table_of([plain], tmp_path)
        assert table.filter(like="epsilon").isna().all(axis=None)
        assert "ε" not in markdown and "epsilon" not in latex

    def test_synthetic_is_compared_with_nothing(self, chalearn, tmp_path):
        table, _, _ = table_of([chalearn], tmp_path, synthetic=True, table="table5")
        assert set(table["epsilon_error_verdict"].dropna()) == {"synthetic: not comparable"}


def test_synthetic_is_said_in_every_file_and_row_and_compared_with_nothing(plain, pretrained, tmp_path):
    table, markdown, latex = table_of([plain, pretrained], tmp_path, synthetic=True)
    reproduced = table[table["source"] == "reproduced"]
    assert (reproduced["data"] == "FG-NET (synthetic)").all()
    assert (reproduced["verdict"] == "synthetic: not comparable").all()
    assert reproduced["difference"].isna().all()
    assert (table[table["source"] == "published"]["data"] == "FG-NET").all()
    for text in (markdown, latex):
        assert "ran on synthetic images" in text
        rows = [line for line in text.splitlines() if "reproduced on" in line]
        assert len(rows) == 2 * len(METHODS)
        assert all("FG-NET (synthetic)" in row and "synthetic: not comparable" in row for row in rows)


def test_real_data_is_nowhere_called_synthetic(plain, tmp_path):
    _, markdown, latex = table_of([plain], tmp_path)
    assert "synthetic" not in markdown + latex


def test_markdown_has_every_row_and_marks_the_best_on_the_common_images(plain, tmp_path):
    table, markdown, _ = table_of([plain], tmp_path)
    text, grid = markdown.split("\n\n")
    assert text.endswith(", adam at 0.0001 with cosine schedule, last epoch, mean over face and mirror image.")
    assert "95 % interval from a bootstrap over the subjects" in text
    assert "on the 100 images" in text
    assert grid_of(markdown)["Method"].tolist() == table["method"].tolist()
    assert "2.30 [2.10, 2.50]" in grid and "+0.14" in grid and "4.63" in grid
    assert re.findall(r"\*\*(.*?)\*\*", grid) == ["1.30"]


def test_latex_is_escaped_and_every_row_has_every_column(plain, tmp_path):
    table, _, latex = table_of([plain | {"budget": budget(5) | {"backbone": "64 px & x_1^2, 50 %"}}], tmp_path)
    assert r"DEX\_100\%" in latex
    assert r"64 px \& x\_1\textasciicircum{}2, 50 \%" in latex
    assert re.findall(r"\\textbf\{(.*?)\}", latex) == ["1.30"]
    columns = len(re.search(r"\\begin\{tabular\}\{([lr]+)\}", latex).group(1))
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + len(table)
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
    assert all(latex.count(rule) == 1 for rule in (r"\toprule", r"\midrule", r"\bottomrule"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"methods": [METHODS[0] | {"method": "kll"}]}, "plain.csv: no method 'kll'; did you mean 'kl'"),
        (
            {"methods": [METHODS[0] | {"published": "DEXX"}]},
            "config: methods.kl.published: no published table names 'DEXX'; did you mean 'DEX'",
        ),
        ({"metrics": "nowhere.csv"}, "nowhere.csv: no such file"),
    ],
)
def test_wrong_methods_and_missing_metrics_are_refused(plain, tmp_path, change, complaint):
    with pytest.raises(InputError, match=complaint):
        table_of([plain | change], tmp_path)
    assert not (tmp_path / "out.csv").exists()


def test_a_table_of_references_alone_names_no_budget(plain, pretrained, tmp_path):
    _, markdown, _ = table_of([plain | {"budget": None}], tmp_path)
    assert "udget" not in markdown
    several = [plain | {"budget": None}, pretrained | {"budget": None}]
    text = table_of(several, tmp_path)[1].split("\n\n")[0]
    assert "udget" not in text and "images common): " not in text
    assert text.endswith("pretrained (pretraining IMDB-WIKI, 90 images common).")


def test_only_the_experiment_that_trains_has_a_budget(plain, pretrained, tmp_path):
    _, markdown, _ = table_of([plain | {"budget": None}, pretrained], tmp_path)
    of_plain, of_pretrained = "(pretraining none, 100 images common).", "(pretraining IMDB-WIKI, 90 images common): Budget: "
    assert f"plain {of_plain} pretrained {of_pretrained}" in markdown


@pytest.mark.parametrize(
    "selection, chosen",
    [
        ("last", "last epoch"),
        ("validation", "best epoch on the validation part"),
        ("oracle", "best epoch on the test set"),
    ],
)
def test_the_budget_says_which_epoch_predicts(plain, tmp_path, selection, chosen):
    given = budget(5)
    given["training"]["selection"] = selection
    assert f"schedule, {chosen}, mean over face" in table_of([plain | {"budget": given}], tmp_path)[1]


def test_a_reference_has_no_start_and_has_seen_no_faces(plain, pretrained, tmp_path):
    methods = [method | {"start": None if method["method"] == "kl" else method["start"]} for method in METHODS]
    table, markdown, _ = table_of([plain, pretrained | {"methods": methods}], tmp_path)
    rows = table[table["experiment"] == "pretrained"].set_index("method")
    assert rows["pretraining"].to_dict() == {
        method["label"]: "none" if method["method"] == "kl" else "IMDB-WIKI" for method in METHODS
    }
    assert rows["start"].isna().to_dict() == {method["label"]: method["method"] == "kl" for method in METHODS}
    assert "pretrained (pretraining IMDB-WIKI" in markdown
