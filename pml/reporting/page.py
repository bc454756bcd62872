"""Stage: results/report.html, one file with all tables and figures of a suite, readable without a network."""

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import itables
from jinja2 import Environment, FileSystemLoader, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from pml.data_name import DataName
from pml.errors import InputError
from pml.files import write_text
from pml.reporting.evidence import NOT_RUN
from pml.task import Task

FOLDER = Path(__file__).parent
DATATABLES = Path(itables.__file__).parent / "html"  # the files of DataTables, as itables has them
FIRST = ("scorecard", "table4")  # what the first screen shows, as far as it is there
NOTHING = -999999  # where a dash is sorted
NUMBER = re.compile(r"\s*(?:<strong>)?([+−-]?[\d,]*\.?\d+)")


def write_page(task: Task) -> None:
    """Write the page, and the copy that shows the suite that ran last.

    Raises:
        InputError: one of the files that it shows is missing.
    """
    text = render(task.settings)
    for path in task.outputs.values():
        write_text(text, path)


def render(settings: dict[str, Any]) -> str:
    """Return the page.

    Args:
        settings: the `suite`, its `experiments`, and what is `shown`: files with their caption and its wildcards, and a table's
            Markdown.
    """
    entries = [_entry(entry) for entry in settings["shown"]]
    heads = sorted((entry for entry in entries if entry["name"] in FIRST), key=lambda entry: FIRST.index(entry["name"]))
    experiments = [row | {"data": str(DataName(**row["data"]))} for row in settings["experiments"]]
    drawn = [DataName(**row["data"]).synthetic for row in settings["experiments"]]
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html").render(
        suite=settings["suite"],
        experiments=experiments,
        synthetic="All" if all(drawn) else "Some" if any(drawn) else "",
        heads=heads,
        tables=[entry for entry in entries if entry["table"] and entry not in heads],
        figures=[entry for entry in entries if entry["image"]],
        files=[entry for entry in entries if not entry["table"] and not entry["image"]],
        style=Markup((DATATABLES / "dt_bundle.css").read_text()),
        script=base64.b64encode((DATATABLES / "dt_bundle.js").read_bytes()).decode(),
    )


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says of one file: its name, its caption, its content as an address, and its table or its picture."""
    path = Path(entry["file"])
    try:
        content = path.read_bytes()
        told, table = table_of(Path(entry["markdown"]).read_text()) if entry["markdown"] else ("", "")
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file; run the workflow, which writes it") from None
    except ValueError:
        raise InputError(
            f"{entry['markdown']}: no text with a table; remove it, and run the workflow, which writes it"
        ) from None
    caption = Template((FOLDER / "captions" / f"{entry['caption']}.rst").read_text())
    wildcards = SimpleNamespace(wildcards=SimpleNamespace(**entry["wildcards"]))
    picture = path.suffix == ".png"
    address = f"data:{'image/png' if picture else 'text/csv'};base64,{base64.b64encode(content).decode()}"
    return {
        "name": path.stem,
        "file": path.name,
        "title": title_of(path.stem),
        "caption": caption.render(snakemake=wildcards),
        "told": Markup(told),
        "table": Markup(table),
        "image": picture,
        "address": Markup(address),
    }


def title_of(name: str) -> str:
    """Return a heading of the name of a file."""
    words = re.sub(r"^(table|figure)(\d)", r"\1 \2", name).replace("_", " ")
    return words[0].upper() + words[1:]


def table_of(markdown: str) -> tuple[str, str]:
    """Return the text around a table and the table, as HTML; a cell that begins with a number is sorted by it.

    Raises:
        ValueError: there is no table.
    """
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    start, end = html.index("<table>"), html.rindex("</table>") + len("</table>")
    rows = re.sub(r"<td([^>]*)>(.*?)</td>", _ordered, html[start:end], flags=re.DOTALL)
    rows = re.sub(rf"<tr>(?=(?:(?!</tr>).)*<td[^>]*>{NOT_RUN}</td>)", '<tr class="not-run">', rows, flags=re.DOTALL)
    return html[:start] + html[end:], rows


def _ordered(cell: re.Match) -> str:
    attributes, content = cell.groups()
    number = NUMBER.match(content)
    if not number:
        return f'<td{attributes} data-order="{NOTHING}">–</td>' if content == "–" else cell.group()
    value = number[1].replace("−", "-").replace(",", "")
    return f'<td{attributes} data-order="{value}">{content}</td>'
