"""Whatever a data set's label files and file names hold, every picture is in the index or rejected, or there is one error."""

import faulthandler
import random
import sys
from pathlib import Path

import pandas as pd
import pytest

from pml.datasets import archives
from pml.datasets.index import build_tables
from pml.datasets.listing import MACOS, file_name, is_picture, list_files
from pml.datasets.synthetic.draw import write_archive
from pml.errors import InputError
from pml.registry import REGISTRIES, find, find_options
from pml.tables import check_table
from tests.faults.damage import damaged

COUNT = 10_000  # of each format
TABLES_OF = 10  # every tenth input is also written to tables, which are checked against their schemas
ODD = [
    "",
    "nan",
    "inf",
    "-1",
    "1e308",
    "999",
    "0x10",
    "٣",
    "1,5",
    '"',
    "'",
    "\t",
    ";",
    "|",
    "\r",
    "\ufeff",
    "\u2028",
    "é",
    " ",
    ".",
    "_",
    "00",
]

# A crop and its whole picture are one.
WHOLE = {"appa_real": lambda paths: {file_name(path).removesuffix("_face.jpg") for path in paths}}


@pytest.fixture(autouse=True)
def quiet():
    """Keep pytest from printing the stack of each reader of a .mat file that crashes."""
    faulthandler.disable()
    yield
    faulthandler.enable(sys.__stderr__)


@pytest.fixture(scope="module", params=REGISTRIES["format"])
def data_set(request, tmp_path_factory):
    """Return the name of a format, and a folder with the files of a small data set of it, its pictures empty."""
    folder = tmp_path_factory.mktemp(request.param)
    write_archive(request.param, folder / "archive", subjects=4, images=8, seed=0)
    root = folder / "images"
    root.mkdir()
    archives.unpack([folder / "archive"], root)
    for path in list_files(root):
        if is_picture(path):
            (root / path).write_bytes(b"")
    return request.param, root


def odd_text(content: bytes, chance: random.Random) -> bytes:
    """Return a text with something odd in a place or two of it, or in another encoding."""
    text = content.decode("latin-1")
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(text) + 1)
        text = text[:place] + chance.choice(ODD) + text[place + chance.choice([0, 0, 1, 2, 6]) :]
    return text.encode(chance.choice(["utf-8", "utf-8", "utf-16", "utf-16-le", "utf-8-sig"]))


def odd_name(path: Path, chance: random.Random) -> Path:
    """Return another name for a file in its folder."""
    name = odd_text(path.name.encode(), chance).decode(errors="ignore").replace("/", "").replace("\0", "")
    while len(name.encode()) > 255:
        name = name[1:]
    return path.with_name(name if name.strip(".") else "x")


def check(tables, root, format):
    """Check that each picture is once in the index, or among the rejected."""
    index, rejected = pd.DataFrame(tables.index), pd.DataFrame(tables.rejected, columns=["image"])
    pictures = {path for path in list_files(root) if is_picture(path) and not MACOS.search(path)}
    indexed, rejected = list(index.get("image", [])), set(rejected["image"])
    assert set(indexed) <= pictures and len(indexed) == len(set(indexed))
    assert rejected.isdisjoint(indexed)
    names = WHOLE.get(format, set)
    assert names(pictures) <= names(indexed) | names(rejected)
    assert all(0 <= age <= 120 for age in index.get("age", []))


def test_every_picture_is_accounted_for(data_set, campaign):
    format, root = data_set
    module, options = find("format", format), find_options("format", format, {})
    whole = module.load(root, options)
    check(whole, root, format)
    files = [root / path for path in list_files(root)]
    labels = [path for path in files if not is_picture(path.name)]
    tried = campaign(f"labels, {format}")
    for number, chance in enumerate(tried.trials(COUNT)):
        path = chance.choice(labels if labels and chance.random() < 0.8 else files)
        content, moved = path.read_bytes(), path
        if path in labels:
            path.write_bytes(chance.choice([damaged, odd_text])(content, chance))
        else:
            moved = odd_name(path, chance)
            path.rename(moved)
        try:
            tables = module.load(root, options)
            check(tables, root, format)
            if number % TABLES_OF == 0:
                for name, table in build_tables(format, root, {}).items():
                    check_table(table, name, name)
            tried.count("left out" if len(tables.rejected) > len(whole.rejected) else "unharmed")
        except InputError as error:
            assert str(error).isprintable()
            tried.count("refused")
        finally:
            moved.rename(path)
            path.write_bytes(content)
