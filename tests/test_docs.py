"""What the documentation shows runs as it stands there."""

import re
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
import yaml
from markdown_it import MarkdownIt

from pml.forecast.jobs import Suite, runs_before
from pml.progressive_margin import PML
from pml.registry import REGISTRIES, find
from pml.reporting import effects, scorecard
from pml.suite import make_plan
from pml.suite.check import check_config
from pml.suite.config import config_schema
from pml.tables import read_table

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted([*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md")])


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def tokens(page: Path) -> list:
    parsed = MarkdownIt("commonmark").enable("table").parse(page.read_text())
    return [token for each in parsed for token in [each, *(each.children or [])]]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found = tokens(page)
    headings = [after.content for token, after in zip(found, found[1:], strict=False) if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS.parent).as_posix())
def test_every_link_leads_somewhere(page):
    links = [token.attrs.get("href", token.attrs.get("src")) for token in tokens(page) if token.type in ("link_open", "image")]
    for link in links:
        name, _, anchor = link.partition("#")
        if "://" not in link:
            target = page.parent / name if name else page
            assert target.exists() and (not anchor or anchor in anchors(target)), link


def test_the_example_config_validates_when_merged_into_the_demo():
    section = yaml.safe_load(code_blocks("adding-a-method.md", "yaml")[0])
    config = yaml.safe_load((DOCS.parent / "config" / "config.yaml").read_text())
    config["methods"] |= section["methods"]
    config["experiments"]["fgnet_lopo"]["methods"] = [*config["methods"]]
    assert check_config(config)["methods"]["huber"]["options"] == {"delta": 3.0}


def fidelity_rows() -> dict[int, list[str]]:
    """Return the cells of each numbered row of the fidelity page."""
    lines = (DOCS / "fidelity.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if re.match(r"\| \d+ \|", line)]
    return {int(cells[0]): cells for cells in rows}


def settings_in(text: str) -> dict:
    """Return every `name: value` of a text."""
    return {name: yaml.safe_load(value) for name, value in re.findall(r"`(\w+): ([\w.-]+)`", text)}


def test_the_fidelity_page_gives_every_option_of_both_presets():
    for preset, column in (("paper", 4), ("released", 5)):
        named = {}
        for number in range(1, 12):
            named |= settings_in(fidelity_rows()[number][column])
        shared = {"decoder": "expectation"}  # which every method has
        assert named | shared | {"preset": preset} == vars(PML.Options(preset=preset))


def test_every_setting_that_the_fidelity_page_names_exists():
    schema = config_schema()["$defs"]
    training = schema["training"]["properties"]
    config = schema["experiment"]["properties"] | training | training["augmentation"]["properties"]
    choices = {option.name: option.metadata.get("values", ("paper", "released")) for option in fields(PML.Options)}
    for name, value in settings_in((DOCS / "fidelity.md").read_text()).items():
        if name in choices:
            assert value in choices[name], name
        else:
            assert value == config[name].get("default") or value in config[name].get("enum", REGISTRIES.get(name, ())), name


def test_the_example_of_the_released_training_validates_and_states_only_what_differs_from_the_defaults():
    training = yaml.safe_load(code_blocks("fidelity.md", "yaml")[0])["training"]
    config = yaml.safe_load((DOCS.parent / "config" / "config.yaml").read_text())
    filled = []
    for section in (training, {}):
        config["experiments"]["fgnet_lopo"]["training"] = section
        filled.append(check_config(config)["experiments"]["fgnet_lopo"]["training"])
    released, default = filled
    assert all(released[name] != default[name] for name in training)
    assert released["power"] == 0.9 and released["augmentation"]["colour"] == [0.5, 0.5, 0.5, 0.1]


def test_every_row_of_the_fidelity_page_has_its_test():
    tests = re.findall(r"^def (test_row_\w+)", (DOCS.parent / "tests" / "test_fidelity.py").read_text(), re.MULTILINE)
    assert [cells[-1].strip("`") for cells in fidelity_rows().values()] == tests
    assert [int(name.split("_")[2]) for name in tests] == list(fidelity_rows()) == list(range(1, 21))


def table_rows(page: Path) -> dict[str, list[str]]:
    """Return the cells of each row of a page's tables, by the row's first cell."""
    rows = re.findall(r"^\|(.+)\|$", page.read_text(), re.MULTILINE)
    return {cells[0]: cells[1:] for cells in ([cell.strip() for cell in row.split("|")] for row in rows)}


def signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


@pytest.mark.parametrize(
    ("name", "folds", "seeds", "images"),
    [("fgnet_frozen", 82, 10, 1002), ("utkface_frozen", 5, 10, 19030), ("finetuned", 82, 2, 1002)],
)
def test_the_page_of_frozen_features_shows_the_committed_table(name, folds, seeds, images):
    table = pd.read_csv(DOCS / "frozen" / f"table_{name}.csv")
    assert table[["folds", "seeds", "images"]].drop_duplicates().to_numpy().tolist() == [[folds, seeds, images]]
    page = (DOCS / "frozen" / "README.md").read_text()
    for row in table.itertuples():
        cells = [row.method, f"{row.mae:.2f} ({row.mae_low:.2f} to {row.mae_high:.2f})"]
        if row.verdict == "reference":
            cells += ["–"] * 3
        else:
            interval = f"{signed(row.difference_low)} to {signed(row.difference_high)}"
            cells += [f"{signed(row.difference)} ({interval})", row.verdict, f"{row.smallest:.3f}"]
        assert f"| {' | '.join(cells)} | {row.mae_few:.2f} |" in page


@pytest.mark.parametrize(
    ("name", "folds", "seeds", "fewer", "images"),
    [
        ("fgnet_leaderboard", 5, 10, {}, 1002),
        ("utkface_leaderboard", 5, 10, {"POE": 7, "Rank-N-Contrast in one stage": 6}, 19030),
        ("methods_finetuned", 5, 3, {}, 996),
        ("utkface_finetuned", 1, 2, {}, 3806),
    ],
)
def test_the_leaderboard_shows_the_committed_tables_in_the_order_of_their_errors(name, folds, seeds, fewer, images):
    table = pd.read_csv(DOCS / "leaderboard" / f"table_{name}.csv").sort_values("mae", ignore_index=True)
    assert table[["folds", "images"]].drop_duplicates().to_numpy().tolist() == [[folds, images]]
    assert table.set_index("method")["seeds"].to_dict() == dict.fromkeys(table["method"], seeds) | fewer
    words = {"equivalent": " =", "lower error": " **lower**", "higher error": " **higher**", "no difference shown": ""}
    page = (DOCS / "leaderboard.md").read_text()
    for place, row in enumerate(table.itertuples(), 1):
        difference = f"{row.difference:+.2f} ({row.difference_low:+.2f} to {row.difference_high:+.2f})".replace("-", "−")
        told = "reference" if row.verdict == "reference" else difference + words[row.verdict]
        assert (
            f"| {place} | {row.method} | {row.mae:.2f} ({row.mae_low:.2f} to {row.mae_high:.2f}) | {told} | {row.mae_few:.2f} |"
            in page
        )


def test_the_page_of_stress_shows_the_committed_table():
    table = pd.read_csv(DOCS / "frozen" / "stress.csv")
    parts = (DOCS / "frozen" / "stress.md").read_text().split("\n## ")[1:]
    assert table["seeds"].unique().tolist() == [3] and len(parts) == table["experiment"].nunique() == 6
    for part, (_, rows) in zip(parts, table.groupby("experiment", sort=False), strict=True):
        shown = [line for line in part.splitlines() if line.startswith("| ")][1:]
        ages = rows.set_index(["method", "ages"])
        methods = rows[rows["ages"] == "all"].sort_values("mae", kind="stable")["method"]
        groups = ["all"] if ages.loc[("KL baseline", "unseen"), "images"] == 0 else ["all", "seen", "unseen"]
        expected = []
        for method in methods:
            found = [ages.loc[(method, group)] for group in groups]
            cells = [f"{one.mae:.2f} ({one.mae_low:.2f} to {one.mae_high:.2f})" for one in found]
            cells += [f"{found[-1].bias:+.1f}".replace("-", "−")] if len(groups) > 1 else []
            expected.append(f"| {' | '.join([method, *cells])} |")
        assert sorted(shown) == sorted(expected)
        errors = [float(line.split("| ")[2].split(" (")[0]) for line in shown]
        assert errors == sorted(errors)


def test_the_examples_of_resolutions_and_alignments_validate():
    base = yaml.safe_load((DOCS.parent / "config" / "vary.yaml").read_text())
    cut = {}
    for block in code_blocks("vary.md", "yaml")[1:]:
        plan = make_plan(base | yaml.safe_load(block))
        cut |= {task.wildcards["dataset"]: task.settings for task in plan.tasks("align_faces")}
        assert len(plan.task("write_table", table="effects_study").inputs["pooled"]) == len(plan.config["datasets"])
    assert cut == {
        "fgnet": {"size": 224},
        "fgnet_112": {"size": 112},
        "fgnet_box": {"size": 224, "crop": {"alignment": "box"}},
        "fgnet_wide": {"size": 224, "crop": {"zoom": 0.6}},
    }


@pytest.mark.parametrize("name", ["effects_fgnet", "effects_fgnet_high_rates", "effects_alignment"])
def test_the_page_of_factors_shows_the_committed_tables(name):
    cells = effects.cells_of(read_table(DOCS / "vary" / f"{name}.csv", "effects"))
    page = (DOCS / "vary.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    assert all(row in rows for row in cells.to_numpy().tolist()) and list(cells) in rows


def test_the_readme_shows_the_committed_table_of_the_real_fgnet():
    table = pd.read_csv(DOCS / "frozen" / "table_fgnet_frozen.csv")
    readme = table_rows(DOCS.parent / "README.md")
    shown = [row for row in table.itertuples() if row.method in readme]
    assert {"PML", "KL baseline", "Constant median"} <= {row.method for row in shown}
    for row in shown:
        difference = [signed(row.difference), f"{signed(row.difference_low)} to {signed(row.difference_high)}"]
        if row.verdict == "reference":
            difference = ["–", "–"]
        expected = [f"{row.mae:.2f}", f"{row.mae_low:.2f} to {row.mae_high:.2f}", *difference, row.verdict]
        assert readme[row.method] == expected


def test_the_page_of_reproduction_is_that_of_the_committed_scorecards():
    cards = [DOCS / suite / "scorecard.csv" for suite in ("frozen", "fgnet")]
    assert (DOCS / "reproduction.md").read_text() == scorecard.page(scorecard.merge(cards))


def test_the_page_of_the_demo_shows_the_errors_of_its_leakage_table():
    leakage = pd.read_csv(DOCS / "demo" / "leakage.csv").pivot(index="method", columns="protocol", values="mae")
    columns = ["setting1", "setting1_subject_exclusive", "setting2", "lopo", "official"]
    expected = leakage[columns].map(lambda mae: "–" if pd.isna(mae) else f"{mae:.2f}")
    shown = table_rows(DOCS / "demo" / "README.md")
    for method, maes in expected.iterrows():
        assert shown[method] == maes.tolist()


def test_the_forecast_of_the_paper_counts_its_images_and_divides_them_by_a_published_speed(tmp_path, monkeypatch):
    text = (DOCS.parent / "config" / "paper.yaml").read_text()
    page = (DOCS / "forecast.md").read_text()
    monkeypatch.chdir(tmp_path)  # where nothing has been indexed
    suite = Suite(make_plan(yaml.safe_load(text)))
    tables = {name: runs_before(table) for name, table in suite.tables.items()}
    images = {name.replace("table", "Table "): sum(job.trained for job in jobs) for name, jobs in tables.items()}
    images["all, each run once"] = sum(job.trained for job in suite.jobs)
    trainings = sum(job.task.rule == "train_folds" for job in suite.jobs)
    assert f"has {len(suite.jobs)} jobs, {trainings} of them trainings" in page
    speed = 2_470 * 4.089 / 3.664  # of a ResNet-34, from that of a ResNet-50
    header = " ".join(text.split("suite:")[0].replace("#", " ").split())
    assert f"{images['all, each run once'] / speed / 3600:.0f} on one A100" in header
    for name, count in images.items():
        (row,) = re.findall(rf"^\| {name}[^|]*\| ([\d,]+) \| (\d+) \|$", page, re.MULTILINE)
        hours = f"{count / speed / 3600:.0f}"
        assert row == (f"{count / 1e6:,.0f}", hours)
        assert f"{name} {hours}" in header or name.startswith("all")


def test_the_page_of_methods_has_a_section_for_each():
    page = (DOCS / "methods.md").read_text()
    headings = " ".join(re.findall(r"^### .*", page, re.MULTILINE))
    assert sorted(re.findall(r"`(\w+)`", headings)) == sorted(REGISTRIES["method"])


def test_both_leaderboards_have_the_same_methods_and_every_trained_one():
    boards = [
        yaml.safe_load((DOCS.parent / "config" / f"{name}.yaml").read_text()) for name in ("leaderboard", "leaderboard_demo")
    ]
    methods, demo = (board["methods"] for board in boards)
    assert {name: demo[name] for name in methods} == methods
    trained = {name for name in REGISTRIES["method"] if find("method", name).reads_pixels}
    assert {entry["class"] for entry in demo.values()} == trained | {"constant_median"}
    for board in boards:
        make_plan(board)
        used = {method for experiment in board["experiments"].values() for method in experiment["methods"]}
        assert used == set(board["methods"])
