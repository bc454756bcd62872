import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.reporting.evidence import judge
from pml.tables import load_schema, read_table, write_table
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


def write_metrics(path, epsilon=(None, None, None), common=100, subjects=9, no_interval=None, best=None):
    """The metrics of an experiment in which `kl` ran on more images than the others."""
    rows = []
    for method, (mae, low, high) in MAES.items():
        row = (
            dict.fromkeys(load_schema("metrics")["properties"], 0)
            | {"whole_years": False, "best": False}
            | {"method": method, "seeds": 1, "subjects": subjects}
        )
        row |= dict(zip(["epsilon_error", "epsilon_error_low", "epsilon_error_high"], epsilon, strict=True))
        row |= {"mae_per_subject": mae + 0.01 if subjects else None, "no_interval": no_interval, "best": False}
        images = 200 if method == "kl" else common
        rows.append(row | {"scope": "own", "folds": 9, "images": images, "mae": mae, "mae_low": low, "mae_high": high})
        rows.append(row | {"scope": "common", "folds": 9, "images": common, "mae": mae - 1, "best": method == best})
    write_table(pd.DataFrame(rows), path, "metrics")
    return str(path)


@pytest.fixture
def plain(tmp_path):
    """An experiment without pre-training, and where its metrics are."""
    metrics = write_metrics(tmp_path / "plain.csv")
    entry = {"experiment": "plain", "metrics": metrics, "pretraining": "none", "budget": budget(5), "methods": METHODS}
    return entry | {"data": {"label": "FG-NET", "synthetic": False}, "obstacle": None, "folds": None}


@pytest.fixture
def pretrained(tmp_path, plain):
    """An experiment with pre-training and other common images."""
    metrics = write_metrics(tmp_path / "pretrained.csv", common=90)
    return plain | {"experiment": "pretrained", "metrics": metrics, "pretraining": "IMDB-WIKI", "budget": budget(70)}


def table_of(experiments, folder, table="table4", synthetic=False):
    """Return the CSV as a frame and the others as text."""
    inputs = {"published": str(PUBLISHED[table]), "others": list(map(str, PUBLISHED.values()))}
    inputs["reported_only"] = str(PUBLISHED[table].with_name("reported_only.csv"))
    inputs["metrics"] = [entry["metrics"] for entry in experiments]
    changed = {"data": {"label": "FG-NET", "synthetic": True}, "obstacle": "synthetic data"} if synthetic else {}
    settings = {"kind": "paper", "name": table.replace("table", "Table "), "margin": 0.1}
    return written(folder, table, "table", inputs, experiments=[entry | changed for entry in experiments], **settings)


def row_of(experiments, folder, reproduced_by, **options):
    return table_of(experiments, folder, **options)[0].set_index("reproduced_by", drop=False).loc[reproduced_by]


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_rows_are_kept_exactly_and_in_order(plain, tmp_path, name):
    table, _, _ = table_of([plain], tmp_path, table=name)
    printed = read_table(PUBLISHED[name], "published")
    renamed = {"published_mae": "mae", "published_epsilon_error": "epsilon_error"}
    kept = table[table["year"].notna()].rename(columns=renamed)[list(printed)].drop_duplicates()
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), printed, check_dtype=False)


def test_a_reproduction_stands_in_the_row_of_its_published_twin_and_the_rest_comes_last(plain, tmp_path):
    table, _, _ = table_of([plain], tmp_path)
    rows = table.set_index("reproduced_by")["method"]
    assert rows[["DEX_100%", "PML (paper)", "PML (released)", "KL baseline"]].tolist() == ["DEX", "PML", "PML", "KL baseline"]
    assert table["reproduced_by"].tolist()[0] == "DEX_100%"
    assert table["reproduced_by"].tolist()[-3:] == ["PML (paper)", "PML (released)", "KL baseline"]
    assert len(table) == len(read_table(PUBLISHED["table4"], "published")) + 2


def test_a_reproduced_row_holds_its_metrics_and_its_twin(plain, tmp_path):
    row = row_of([plain], tmp_path, "PML (paper)")
    names = ["published_mae", "reproduced_mae", "reproduced_low", "reproduced_high", "mae_per_subject", "mae_common"]
    assert row[names].tolist() == pytest.approx([2.16, 2.3, 2.1, 2.5, 2.31, 1.3])
    assert row["difference"] == pytest.approx(2.3 - 2.16)
    assert row[["images", "images_common", "folds", "seeds", "data"]].tolist() == [100, 100, 9, 1, "FG-NET"]
    assert row[["method", "experiment", "year"]].tolist() == ["PML", "plain", 2021]


def test_verdicts_of_a_table(plain, tmp_path):
    table, _, _ = table_of([plain], tmp_path)
    verdicts = table.set_index("reproduced_by")["verdict"]
    assert verdicts["PML (paper)"] == "inconclusive"
    assert verdicts["PML (released)"] == verdicts["DEX_100%"] == "not reproduced"
    assert verdicts["KL baseline"] == "no published value"
    others = table[table["reproduced_by"].isna()]
    assert (others["verdict"] == "not run").all() and others["reproduced_mae"].isna().all()
    reasons = others.drop_duplicates("method").set_index("method")["reason"]
    assert reasons["BridgeNet"] == "layers and losses were not published"
    assert reasons["DRFs"] == reasons["DEX"] == "not in this suite's config"


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        ({"obstacle": "synthetic data"}, "not comparable", "synthetic data"),
        ({"obstacle": "another start: random weights"}, "not comparable", "another start: random weights"),
        ({"folds": 82}, "not comparable", "9 of 82 folds"),
        ({"folds": 9}, "inconclusive", None),
        ({"pretraining": "VGGFace2"}, "not comparable", "another start: ImageNet"),
    ],
)
def test_what_stands_in_the_way_of_a_comparison(plain, tmp_path, change, verdict, reason):
    row = row_of([plain | change], tmp_path, "PML (paper)")
    assert row["verdict"] == verdict and (row["reason"] == reason if reason else pd.isna(row["reason"]))
    assert row["published_mae"] == 2.16


def test_without_an_interval_nothing_is_concluded(plain, tmp_path):
    metrics = write_metrics(tmp_path / "one.csv", no_interval="one training")
    row = row_of([plain | {"metrics": metrics}], tmp_path, "PML (released)")
    assert row[["verdict", "reason"]].tolist() == ["inconclusive", "one training"]


@given(*[st.floats(0, 20)] * 3, st.floats(0, 1))
def test_the_verdict_follows_from_the_interval_and_the_margin(published, one, other, margin):
    low, high = sorted((one, other))
    found, reason = judge(published, low, high, margin, "", "")
    assert reason is None
    if found == "reproduced":
        assert max(abs(low - published), abs(high - published)) <= margin + 1e-9
    elif found == "inconclusive":
        assert low <= published <= high and max(published - low, high - published) > margin - 1e-9
    else:
        assert found == "not reproduced" and not low <= published <= high
        assert max(abs(low - published), abs(high - published)) > margin - 1e-9


class TestSeveralExperiments:
    def test_each_row_has_the_twin_of_its_own_pretraining(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained], tmp_path)
        of_dex = table[table["reproduced_by"] == "DEX_100%"].set_index("experiment")
        assert of_dex["published_mae"].to_dict() == {"plain": 4.63, "pretrained": 3.09}
        assert of_dex["pretraining"].to_dict() == {"plain": "none", "pretrained": "IMDB-WIKI"}
        assert of_dex["verdict"].eq("not reproduced").all()

    def test_a_pretraining_that_the_paper_lacks_is_not_comparable(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained], tmp_path)
        rows = table[table["method"] == "PML"].set_index(["experiment", "reproduced_by"])
        row = rows.loc[("pretrained", "PML (paper)")]
        assert row[["verdict", "pretraining", "published_mae"]].tolist() == ["not comparable", "none", 2.16]

    def test_rows_without_a_twin_come_last_in_the_order_of_the_experiments(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained], tmp_path)
        assert table["method"].tolist()[-2:] == ["KL baseline"] * 2
        assert table["experiment"].tolist()[-2:] == ["plain", "pretrained"]

    def test_a_method_that_an_experiment_does_not_list_is_left_out(self, plain, pretrained, tmp_path):
        table, _, _ = table_of([plain, pretrained | {"methods": METHODS[1:]}], tmp_path)
        assert table[table["method"] == "KL baseline"]["experiment"].tolist() == ["plain"]

    def test_the_caption_says_what_differs(self, plain, pretrained, tmp_path):
        _, markdown, _ = table_of([plain, pretrained], tmp_path)
        shared = "Budget: resnet18 from random weights, faces of 48 pixels,"
        assert f"plain (pretraining none, 100 images common): {shared} 5 epochs" in markdown
        assert f"pretrained (pretraining IMDB-WIKI, 90 images common): {shared} 70 epochs" in markdown

    def test_bold_is_the_best_of_each_where_it_is_shown(self, plain, pretrained, tmp_path):
        shown = plain | {"metrics": write_metrics(tmp_path / "shown.csv", best="pml")}
        _, markdown, _ = table_of([shown, pretrained], tmp_path)
        assert re.findall(r"\*\*(.*?)\*\*", markdown) == ["1.30"]

    def test_rows_name_their_experiment_where_there_are_several(self, plain, pretrained, tmp_path):
        assert "Experiment" not in grid_of(table_of([plain], tmp_path)[1])
        names = grid_of(table_of([plain, pretrained], tmp_path)[1])["Experiment"]
        assert (names == "plain").sum() == (names == "pretrained").sum() == 4


class TestNamesOfTheOtherTables:
    def test_a_method_that_this_table_lacks_has_no_twin(self, plain, tmp_path):
        assert row_of([plain], tmp_path, "DEX_100%", table="table2")["verdict"] == "no published value"

    def test_a_method_with_another_name_in_this_table_finds_its_twin(self, pretrained, tmp_path):
        row = row_of([pretrained], tmp_path, "DEX_100%", table="table5")
        assert row[["method", "published_mae"]].tolist() == ["CVL_ETHZ", 3.252]


class TestEpsilonError:
    @pytest.fixture
    def chalearn(self, tmp_path, pretrained):
        return pretrained | {"metrics": write_metrics(tmp_path / "chalearn.csv", epsilon=EPSILON, subjects=0)}

    def test_it_stands_beside_the_published_one_with_a_verdict_of_its_own(self, chalearn, tmp_path):
        table, markdown, latex = table_of([chalearn], tmp_path, table="table5")
        row = table.set_index("reproduced_by").loc["DEX_100%"]
        names = ["published_epsilon_error", "reproduced_epsilon_error", "epsilon_error_low", "epsilon_error_high"]
        assert row[names].tolist() == pytest.approx([0.282, *EPSILON])
        assert row[["verdict", "epsilon_error_verdict"]].tolist() == ["not reproduced", "inconclusive"]
        cells = grid_of(markdown).set_index("Reproduced by").loc["DEX_100%"]
        assert cells[["Published ε", "Reproduced ε", "Verdict ε"]].tolist() == ["0.282", "0.300 [0.280, 0.320]", "inconclusive"]
        assert "and ε-error on FG-NET" in markdown
        assert r"Published $\epsilon$" in latex and "ε" not in latex

    def test_where_the_paper_gives_one_measure_only_the_other_has_no_verdict(self, chalearn, tmp_path):
        methods = [{"method": "pml", "label": "ARN-like", "published": "ARN", "start": "ImageNet"}]
        table, markdown, _ = table_of([chalearn | {"methods": methods}], tmp_path, table="table5")
        assert table.set_index("reproduced_by").loc["ARN-like", "epsilon_error_verdict"] == "no published value"
        assert grid_of(markdown).set_index("Method").loc["ARN, 2017", ["Published", "Published ε"]].tolist() == ["3.15", "–"]

    def test_without_subjects_nothing_is_said_per_subject(self, chalearn, tmp_path):
        _, markdown, _ = table_of([chalearn], tmp_path, table="table5")
        assert "Per subject" not in markdown

    def test_a_table_without_it_shows_no_trace_of_it(self, plain, tmp_path):
        table, markdown, latex = table_of([plain], tmp_path)
        assert table.filter(like="epsilon").isna().all(axis=None)
        assert "ε" not in markdown and "epsilon" not in latex

    def test_synthetic_is_compared_with_nothing(self, chalearn, tmp_path):
        table, _, _ = table_of([chalearn], tmp_path, synthetic=True, table="table5")
        assert set(table["epsilon_error_verdict"].dropna()) == {"not comparable"}


def test_synthetic_is_said_in_every_file_and_row_and_compared_with_nothing(plain, pretrained, tmp_path):
    table, markdown, latex = table_of([plain, pretrained], tmp_path, synthetic=True)
    reproduced = table[table["reproduced_by"].notna()]
    assert (reproduced["data"] == "FG-NET (synthetic)").all()
    assert set(reproduced["verdict"]) == {"not comparable", "no published value"}
    assert reproduced["difference"].isna().all()
    assert (table[table["reproduced_by"].isna()]["data"] == "FG-NET").all()
    for text in (markdown, latex):
        assert "ran on synthetic images" in text
        rows = [line for line in text.splitlines() if "FG-NET (synthetic)" in line and "ran on" not in line]
        assert len(rows) == 2 * len(METHODS)


def test_real_data_is_nowhere_called_synthetic(plain, tmp_path):
    _, markdown, latex = table_of([plain], tmp_path)
    assert "synthetic" not in markdown + latex


def test_markdown_has_every_row_under_its_caption(plain, tmp_path):
    table, markdown, _ = table_of([plain], tmp_path)
    text, grid = markdown.split("\n\n")
    assert text.endswith(", adam at 0.0001 with cosine schedule, last epoch, mean over face and mirror image.")
    assert "95 % interval over people and trainings" in text and "within 0.1 years of the published value" in text
    assert "on the 100 images" in text
    shown = grid_of(markdown)["Method"].str.replace(r", \d{4}$", "", regex=True)
    assert shown.tolist() == table["method"].tolist()
    assert "2.30 [2.10, 2.50]" in grid and "+0.14" in grid and "4.63" in grid
    assert "**" not in grid


def test_latex_is_escaped_and_every_row_has_every_column(plain, tmp_path):
    metrics = write_metrics(tmp_path / "shown.csv", best="pml")
    change = {"metrics": metrics, "budget": budget(5) | {"backbone": "64 px & x_1^2, 50 %"}}
    table, _, latex = table_of([plain | change], tmp_path)
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


def test_the_budget_tells_a_crop_that_is_not_the_usual_one(plain, tmp_path):
    given = budget(5) | {"crop": {"alignment": "upright", "zoom": 0.6}}
    assert "faces of 48 pixels, alignment upright, zoom 0.6, 5 epochs" in table_of([plain | {"budget": given}], tmp_path)[1]


def test_a_reference_has_no_start_and_has_seen_no_faces(plain, pretrained, tmp_path):
    methods = [method | {"start": None if method["method"] == "kl" else method["start"]} for method in METHODS]
    table, markdown, _ = table_of([plain, pretrained | {"methods": methods}], tmp_path)
    rows = table[table["experiment"] == "pretrained"].set_index("reproduced_by")
    assert rows.loc["KL baseline", "pretraining"] == "none"
    assert rows["start"].isna().to_dict() == {method["label"]: method["method"] == "kl" for method in METHODS}
    assert "pretrained (pretraining IMDB-WIKI" in markdown
