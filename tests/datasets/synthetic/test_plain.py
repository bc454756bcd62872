"""The drawn archives of every format: read whole, with dirt that is rejected, and with what the format says that it tells."""

import pytest

from pml.datasets import archives
from pml.datasets.index import build_tables
from pml.datasets.synthetic.draw import write_archive
from pml.registry import REGISTRIES, find
from pml.tables import check_table

PLAIN = {"agedb": 2, "cacd": 1, "afad": 1, "megaage_asian": 1, "lap2016": 1, "table": 1}  # rejected files and rows
IMAGES, SUBJECTS = 60, 12


@pytest.fixture
def drawn(tmp_path, blank_pictures):
    def tables(format, images=IMAGES):
        write_archive(format, tmp_path / "A.zip", SUBJECTS, images, seed=0)
        left_out = archives.unpack([tmp_path / "A.zip"], tmp_path / "images")
        return build_tables(format, tmp_path / "images", {}, left_out)

    return tables


@pytest.mark.parametrize("format", PLAIN)
def test_every_image_is_read_and_the_dirt_is_rejected(format, drawn):
    tables = drawn(format)
    for name in ("index", "landmarks", "rejected"):
        check_table(tables[name], name, name)
    assert len(tables["index"]) == IMAGES and len(tables["rejected"]) == PLAIN[format]
    assert len(tables["landmarks"]) == (IMAGES if format == "table" else 0)


@pytest.mark.parametrize("format", REGISTRIES["format"])
def test_an_index_has_what_its_format_tells_and_no_more_that_a_protocol_could_need(format, drawn, tmp_path):
    index, kind = drawn(format, images=SUBJECTS)["index"], find("format", format)
    told = kind.tells([tmp_path / "A.zip"], kind.Options()) if format == "table" else set(kind.TELLS)
    columns = {"subject", "picture", "gender", "race", "part"}
    assert {column for column in columns if index[column].notna().any()} == told & columns


@pytest.mark.parametrize("format", ["agedb", "cacd", "afad", "table"])
def test_people_persist(format, drawn):
    assert drawn(format)["index"]["subject"].nunique() == SUBJECTS


@pytest.mark.parametrize("format", ["cacd", "megaage_asian", "lap2016", "table"])
def test_every_part_has_images(format, drawn):
    parts = set(drawn(format)["index"]["part"])
    assert parts == ({"train", "test"} if format == "megaage_asian" else {"train", "validation", "test"})
