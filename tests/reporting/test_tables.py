import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.files import load_schema, read_table, write_table
from pml.reporting.tables import main, verdict

PUBLISHED = Path(__file__).parents[2] / "published" / "table4_fgnet.csv"
METHODS = [
    {"method": "kl", "label": "KL baseline", "published": None, "pretraining": "none"},
    {"method": "pml", "label": "PML (paper)", "published": {"method": "PML", "pretraining": "none"}, "pretraining": "none"},
    {
        "method": "released",
        "label": "PML (released)",
        "published": {"method": "PML", "pretraining": "none"},
        "pretraining": "none",
    },
    {"method": "dex", "label": "DEX_100%", "published": {"method": "DEX", "pretraining": "none"}, "pretraining": "none"},
]
# Against the published 2.16 of PML and 4.63 of DEX.
MAES = {"kl": (3.5, 3.0, 4.0), "pml": (2.3, 2.1, 2.5), "released": (2.9, 2.7, 3.1), "dex": (3.9, 3.6, 4.2)}


@pytest.fixture
def folder(tmp_path):
    """Metrics and methods of an experiment in which `kl` ran on more images than the others."""
    columns = load_schema("metrics")["properties"]
    rows = []
    for method, (mae, low, high) in MAES.items():
        row = dict.fromkeys(columns, 0) | {"method": method, "seeds": 1, "subjects": 9, "mae_per_subject": mae + 0.01}
        images = 200 if method == "kl" else 100
        rows.append(row | {"scope": "own", "folds": 9, "images": images, "mae": mae, "mae_low": low, "mae_high": high})
        rows.append(row | {"scope": "common", "folds": 9, "images": 100, "mae": mae - 1})
    write_table(pd.DataFrame(rows), tmp_path / "metrics.csv", "metrics")
    write_methods(tmp_path, METHODS)
    return tmp_path


def write_methods(folder, methods):
    (folder / "methods.json").write_text(json.dumps(methods))


def run_main(folder, *more):
    """Write the three files; return the CSV as a frame and the others as text."""
    inputs = {"table": "table4", "published": PUBLISHED, "metrics": folder / "metrics.csv", "methods": folder / "methods.json"}
    outputs = {"csv": folder / "out.csv", "markdown": folder / "out.md", "latex": folder / "out.tex"}
    words = [word for name, value in {**inputs, **outputs, "data": "FG-NET"}.items() for word in (f"--{name}", str(value))]
    main([*words, *more])
    return read_table(outputs["csv"], "table"), outputs["markdown"].read_text(), outputs["latex"].read_text()


def test_published_rows_are_kept_exactly_and_in_order(folder):
    table, _, _ = run_main(folder)
    printed = read_table(PUBLISHED, "published")
    kept = table[table["source"] == "published"].rename(columns={"published_mae": "mae"})[list(printed)]
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), printed, check_dtype=False)


def test_reproductions_follow_their_published_twin_and_the_rest_comes_last(folder):
    table, _, _ = run_main(folder)
    methods = table["method"].tolist()
    assert methods[:2] == ["DEX", "DEX_100%"]
    assert methods[-4:] == ["PML", "PML (paper)", "PML (released)", "KL baseline"]
    assert len(methods) == len(read_table(PUBLISHED, "published")) + len(METHODS)


def test_a_reproduced_row_holds_its_metrics_and_its_twin(folder):
    table, _, _ = run_main(folder)
    row = table.set_index("method").loc["PML (paper)"]
    names = ["published_mae", "reproduced_mae", "reproduced_low", "reproduced_high", "mae_per_subject", "mae_common"]
    assert row[names].tolist() == pytest.approx([2.16, 2.3, 2.1, 2.5, 2.31, 1.3])
    assert row["difference"] == pytest.approx(2.3 - 2.16)
    assert row[["images", "images_common", "folds", "seeds", "data"]].tolist() == [100, 100, 9, 1, "FG-NET"]


def test_verdicts_of_a_table(folder):
    table, _, _ = run_main(folder)
    verdicts = table.drop_duplicates("method").set_index("method")["verdict"]
    assert verdicts["PML"] == verdicts["DEX"] == "reproduced"
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


def test_synthetic_is_said_in_every_file_and_row_and_compared_with_nothing(folder):
    table, markdown, latex = run_main(folder, "--synthetic")
    reproduced = table[table["source"] == "reproduced"]
    assert (reproduced["data"] == "FG-NET (synthetic)").all()
    assert (reproduced["verdict"] == "synthetic: not comparable").all()
    assert reproduced["difference"].isna().all()
    assert (table[table["source"] == "published"]["data"] == "FG-NET").all()
    for text in (markdown, latex):
        assert "ran on synthetic images" in text
        rows = [line for line in text.splitlines() if "reproduced on" in line]
        assert len(rows) == len(METHODS)
        assert all("FG-NET (synthetic)" in row and "synthetic: not comparable" in row for row in rows)


def test_real_data_is_nowhere_called_synthetic(folder):
    _, markdown, latex = run_main(folder)
    assert "synthetic" not in markdown + latex


def test_markdown_has_every_row_and_marks_the_best_on_the_common_images(folder):
    table, markdown, _ = run_main(folder, "--note", "ResNet-18, 5 epochs.")
    text, grid = markdown.split("\n\n")
    assert text.endswith("ResNet-18, 5 epochs.")
    assert "95 % interval from a bootstrap over the subjects" in text
    assert "on the 100 images" in text
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in grid.strip().splitlines()]
    assert [row[0] for row in rows[2:]] == table["method"].tolist()
    assert "2.30 [2.10, 2.50]" in grid and "+0.14" in grid and "4.63" in grid
    assert re.findall(r"\*\*(.*?)\*\*", grid) == ["1.30"]


def test_latex_is_escaped_and_every_row_has_every_column(folder):
    table, _, latex = run_main(folder, "--note", "64 px & x_1^2, 50 %")
    assert r"DEX\_100\%" in latex
    assert r"64 px \& x\_1\textasciicircum{}2, 50 \%" in latex
    assert re.findall(r"\\textbf\{(.*?)\}", latex) == ["1.30"]
    columns = len(re.search(r"\\begin\{tabular\}\{([lr]+)\}", latex).group(1))
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + len(table)
    assert all(len(re.findall(r"(?<!\\)&", row)) == columns - 1 for row in rows)
    assert all(latex.count(rule) == 1 for rule in (r"\toprule", r"\midrule", r"\bottomrule"))


def change(position, **values):
    return [method | values if i == position else method for i, method in enumerate(METHODS)]


@pytest.mark.parametrize(
    ("methods", "complaint"),
    [
        (METHODS[1:], r"methods.json: lists the methods \['pml', .* list each of these once"),
        ([*METHODS, METHODS[0]], "list each of these once"),
        (change(0, published={"method": "DEXX", "pretraining": "none"}), "no row 'DEXX, none'; did you mean 'DEX, none'"),
        (
            change(3, published={"method": "DEX", "pretraining": "IMDB-WIKI"}),
            "'dex' and its published twin differ in pretraining",
        ),
        ([{"method": "kl"}], "needs a list of methods, each with the keys label, method, pretraining, published"),
    ],
)
def test_wrong_methods_are_refused(folder, capsys, methods, complaint):
    write_methods(folder, methods)
    with pytest.raises(SystemExit) as stop:
        run_main(folder)
    assert stop.value.code == 2
    assert re.search(complaint, capsys.readouterr().err)
    assert not (folder / "out.csv").exists()
