"""The tar: IMDB-WIKI's layout and structs, dirt that the loader removes and counts."""

import io
import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from pml.datasets import archives, imdb_wiki
from pml.datasets.synthetic.imdb_wiki import DIRT, draw_rows, write_imdb_wiki
from pml.datasets.synthetic.writing import draw_crowd

FIELDS = ["dob", "photo_taken", "full_path", "gender", "name", "face_location", "face_score", "second_face_score"]
SUBJECTS, IMAGES = 4, 10


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic")
    write_imdb_wiki(folder / "A.tar", SUBJECTS, IMAGES, seed=0)
    archives.unpack([folder / "A.tar"], folder / "images")
    return folder / "images"


@pytest.fixture(scope="module")
def tables(root):
    return imdb_wiki.load(root, imdb_wiki.Options())


def test_structs_have_the_owners_fields_in_their_order_and_types(root):
    for database, more in (("imdb", ["celeb_names", "celeb_id"]), ("wiki", [])):
        struct = loadmat(root / f"{database}_crop" / f"{database}.mat")[database]
        assert struct.shape == (1, 1) and list(struct.dtype.names) == FIELDS + more
        row = struct[0, 0]
        assert row["photo_taken"].shape == row["full_path"].shape and len(row["full_path"]) == 1
        assert row["photo_taken"].dtype == np.uint16 and row["full_path"][0, 0].shape == (1,)
        assert row["face_location"][0, 0].shape == (1, 4)


def test_pictures_lie_in_buckets_by_the_end_of_their_number(root):
    patterns = {
        "imdb_crop": r"[0-9]{2}/nm[0-9]{5}(?P<bucket>[0-9]{2})_rm[0-9]+_[0-9]{4}-[0-9]+-[0-9]+_[0-9]{4}.jpg",
        "wiki_crop": r"[0-9]{2}/[0-9]+(?P<bucket>[0-9]{2})_[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{4}.jpg",
    }
    for folder, pattern in patterns.items():
        names = [path.relative_to(root / folder).as_posix() for path in (root / folder).rglob("*.jpg")]
        matches = [re.fullmatch(pattern, name) for name in names]
        assert names and all(match and match["bucket"] == match[0][:2] for match in matches)


def test_the_usable_pictures_are_as_many_as_asked_for(root, tables):
    assert (len(tables.index), tables.index["subject"].nunique()) == (IMAGES, SUBJECTS)
    assert all((root / image).is_file() for image in tables.index["image"])
    assert tables.index["gender"].isna().any()


def test_each_kind_of_dirt_is_in_each_database_and_is_removed_for_its_reason(tables):
    reasons = Counter(zip(tables.rejected["image"].str[:4], tables.rejected["reason"], strict=True))
    expected = {
        "listed, but no such file",
        "birth date is no date",
        "no face found by the owners",
        "face score below 1",
        "a second face",
        "age below 0",
        "age above 100",
        "no row of a .mat file lists it",
    }
    assert set(reasons) == {(database, reason) for database in ("imdb", "wiki") for reason in expected}
    assert sum(reasons.values()) >= 2 * len(DIRT)
    findings = {kind for kind, count in tables.findings.items() if count}
    assert findings >= {f"{database}: {kind}" for database in ("imdb", "wiki") for kind in ("ages below 0", "a second face")}


def test_a_crop_is_the_face_with_two_fifths_around_it(root):
    """The box is of the whole picture; the crop is 1.8 times as wide, in whole pixels."""
    row = loadmat(root / "imdb_crop" / "imdb.mat")["imdb"][0, 0]
    for path, box, score in zip(row["full_path"][0], row["face_location"][0], row["face_score"][0], strict=True):
        file = root / "imdb_crop" / path[0]
        if file.exists() and np.isfinite(score):
            left, top, right, bottom = box[0]
            assert Image.open(io.BytesIO(file.read_bytes())).size == (round(1.8 * (right - left)), round(1.8 * (bottom - top)))


@pytest.mark.parametrize(("subjects", "images"), [(1, 1), (1, 5), (5, 5), (60, 900)])
def test_everyone_has_a_picture_and_labels_give_the_age_that_is_drawn(subjects, images):
    rows = draw_rows(draw_crowd(subjects, 0), images, np.random.default_rng(0))
    usable = rows[rows["kind"] == "usable"]
    assert (len(usable), usable["person"].nunique()) == (images, subjects)
    assert rows["full_path"].is_unique and usable["photo_taken"].between(1900, 2014).all()
    years, months = imdb_wiki.read_dates(usable["born"].to_numpy(float))
    assert (usable["photo_taken"] - years - (months > 6) == usable["age"]).all()
    assert (usable.groupby("person")["born"].nunique() == 1).all()


def test_ages_are_broad_with_most_in_the_thirties():
    rows = draw_rows(draw_crowd(60, 0), 900, np.random.default_rng(0))
    ages = rows.loc[rows["kind"] == "usable", "age"]
    assert 30 < ages.median() < 40 and 10 < ages.std() < 16
    assert (ages < 13).mean() < 0.05 and (ages > 70).mean() < 0.05
