"""The page of all tables and figures: one file, readable without a network."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from pml.errors import InputError
from pml.reporting.page import render, table_of, write_page
from pml.task import Task

MARKDOWN = """Errors in years & more, **bold**. Budget: none.

| Method | MAE | Verdict |
|:-------|----:|:--------|
| PML | 10.50 [9.1, 12] | not comparable |
| KL \\| baseline | −2.25 | reproduced |
| DRFs | – | not run |
| DEX | **3.00** | reproduced |
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Sorts the first table by its second column, opens a figure, and writes what it saw where `--dump-dom` shows it.
PROBE = """
<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
const wait = setInterval(() => {
  if (!document.documentElement.dataset.ready) return;
  clearInterval(wait);
  const table = document.querySelector("#table4 ~ .wide table");
  const cells = () => [...table.querySelectorAll("tbody tr")].map((row) => row.cells[1].textContent.trim()).join(" ; ");
  table.querySelectorAll("thead th")[1].click();
  setTimeout(() => {
    document.querySelector("figure button").click();
    const from = performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith("data:"));
    const width = document.documentElement.scrollWidth - innerWidth;
    document.title = JSON.stringify({ sorted: cells(), open: document.querySelector("dialog").open, errors, from, width });
  }, 300);
}, 50);
</script></body>"""


@pytest.fixture
def task(tmp_path):
    (tmp_path / "table4.md").write_text(MARKDOWN)
    (tmp_path / "scorecard.md").write_text("Of 4 published cells, 1 is **reproduced**.\n\n" + MARKDOWN.split("\n\n")[1])
    for name in ("table4", "scorecard", "metrics_one"):
        (tmp_path / f"{name}.csv").write_text("a,b\n1,2\n")
    plt.imsave(tmp_path / "forest_parts.png", np.zeros((20, 30, 3)))
    tables = {
        "metrics_one.csv": ("metrics", {"experiment": "one"}, ""),
        "table4.csv": ("table", {"table": "table4"}, "table4.md"),
    }
    tables |= {"scorecard.csv": ("table", {"table": "scorecard"}, "scorecard.md")}
    tables |= {"forest_parts.png": ("forest", {"comparison": "parts"}, "")}
    shown = [
        {"file": str(tmp_path / name), "caption": caption, "wildcards": wildcards, "markdown": told and str(tmp_path / told)}
        for name, (caption, wildcards, told) in tables.items()
    ]
    row = {"experiment": "one", "data": {"label": "FG-NET", "synthetic": True}, "protocol": "lopo", "folds": 82, "seeds": 3}
    row |= {"start": "ImageNet", "methods": ["PML", "KL <baseline>"]}
    outputs = {"page": str(tmp_path / "own/report.html"), "latest": str(tmp_path / "report.html")}
    return Task("write_page", {}, {}, outputs, {"suite": "own", "shown": shown, "experiments": [row]})


def test_cells_are_sorted_by_the_number_that_they_begin_with():
    told, table = table_of(MARKDOWN)
    orders = re.findall(r'data-order="([^"]*)"[^>]*>(?:<strong>)?([^<]*)', table)
    assert orders == [("10.50", "10.50 [9.1, 12]"), ("-2.25", "−2.25"), ("-999999", "–"), ("3.00", "3.00")]
    assert "<p>Errors in years &amp; more, <strong>bold</strong>." in told and "KL | baseline" in table
    assert re.findall(r'<tr class="not-run">\s*<td[^>]*>(\w+)</td>', table) == ["DRFs"]


def test_the_html_of_a_label_is_text():
    told, table = table_of("By <i>hand</i>.\n\n| Method |\n|:--|\n| <script>alert(1)</script> [x](javascript:alert(1)) |\n")
    assert "<i>" not in told and "<script" not in table and "href" not in table and "alert(1)" in table


def test_it_holds_everything_in_one_file_and_its_copy(task):
    write_page(task)
    text = Path(task.outputs["page"]).read_text()
    assert text == Path(task.outputs["latest"]).read_text()
    addresses = re.findall(r'\b(?:src|href|from)\s*=?\s*"([^"]*)"', re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))
    assert len(addresses) > 8 and all(address.startswith(("data:", "#")) for address in addresses)
    assert "@import" not in text and not re.search(r"url\(['\"]?https?:", text)
    assert text.count("data:text/csv;base64,YSxiCjEsMgo=") == 3 and text.count('src="data:image/png') == 1


def test_its_head_says_what_ran_on_what_and_that_faces_are_drawn(task):
    text = render(task.settings)
    assert "All of the faces here are drawn." in text and "FG-NET (synthetic)" in text and "KL &lt;baseline&gt;" in text
    assert text.index('id="scorecard"') < text.index('id="table4"') < text.index('id="tables"') < text.index("metrics_one.csv")
    assert "Comparison parts: the mean difference" in text
    real = task.settings | {
        "experiments": [task.settings["experiments"][0] | {"data": {"label": "FG-NET", "synthetic": False}}]
    }
    assert "faces here are drawn" not in render(real)


@pytest.mark.parametrize("content", [b"", b"no table", b"\xff\xfe"])
def test_a_damaged_table_is_named(task, tmp_path, content):
    (tmp_path / "table4.md").write_bytes(content)
    with pytest.raises(InputError, match="table4.md: no text with a table"):
        write_page(task)


def test_a_missing_file_is_named(task):
    Path(task.settings["shown"][1]["markdown"]).unlink()
    with pytest.raises(InputError, match="table4.md: no such file; run the workflow"):
        write_page(task)
    assert not Path(task.outputs["page"]).exists()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: Debian's package chromium")
@pytest.mark.parametrize("width", [1440, 390])
def test_a_browser_sorts_its_tables_and_enlarges_its_figures_without_an_error_or_a_request(task, tmp_path, width):
    page = tmp_path / "probe.html"
    text = render(task.settings)
    assert text.count("</body>") == 1
    page.write_text(text.replace("</body>", PROBE))
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
    command += ["--virtual-time-budget=20000", "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title
    seen = json.loads(title[1])
    assert seen["sorted"] == "– ; −2.25 ; 3.00 ; 10.50 [9.1, 12]"
    assert (seen["open"], seen["errors"], seen["from"]) == (True, [], [])
    assert seen["width"] <= 0  # nothing but tables reaches over the window's edge
    assert "CONSOLE" not in done.stderr
