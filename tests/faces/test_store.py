import json
from contextlib import suppress
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.faces.store import read_store, writing_store
from tests.damage import ANY, flipped


@given(
    items=st.lists(st.integers(0, 3), min_size=1, max_size=9).filter(sum),
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    dtype=st.sampled_from([np.uint8, np.float16]),
)
def test_the_store_is_the_array_of_its_rows(tmp_path_factory, items, shape, dtype):
    rows = np.random.default_rng(0).integers(0, 256, (sum(items), *shape)).astype(dtype)
    path, left = tmp_path_factory.mktemp("store") / "rows.npy", iter(rows)
    with writing_store(path, shape, dtype, "key", 1000) as (done, append):
        for count in items:
            append("seen", *islice(left, count))
    assert done == [] and list(path.parent.iterdir()) == [path]
    np.save(path.with_name("whole.npy"), rows)
    assert path.read_bytes() == path.with_name("whole.npy").read_bytes()


class Killed(BaseException):
    """Ends a block as Ctrl-C does."""


def images(count, seed=0):
    """Images, of which every third has no face: what there is to tell of each, and its face."""
    faces = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return [(f"{number} has none",) if number % 3 == 1 else ([number, np.pi], face) for number, face in enumerate(faces)]


def writing(path, key="key", at_once=1000):
    return writing_store(path, (4, 4, 3), np.uint8, key, at_once)


def write(path, wanted, stop=None, key="key"):
    """Write the store of the images wanted, or be killed after `stop` of them; return how many were done before."""
    with writing(path, key) as (done, append):
        assert done == [told for told, *_ in wanted[: len(done)]]
        for number, image in enumerate(wanted[len(done) :], len(done)):
            if number == stop:
                raise Killed
            append(*image)
    return len(done)


@given(stops=st.lists(st.integers(0, 9), max_size=4))
def test_a_store_left_half_way_does_not_appear_and_the_next_process_goes_on_to_the_same_bytes(tmp_path_factory, stops):
    folder, wanted = tmp_path_factory.mktemp("store"), images(10)
    write(folder / "whole.npy", wanted)
    for stop in sorted(stops):
        with pytest.raises(Killed):
            write(folder / "faces.npy", wanted, stop)
        assert not (folder / "faces.npy").exists()
    assert write(folder / "faces.npy", wanted) == max(stops, default=0)
    assert (folder / "faces.npy").read_bytes() == (folder / "whole.npy").read_bytes()
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("cut", range(1, 60, 7))
@pytest.mark.parametrize("file", ["journal", "part"])
def test_what_a_power_cut_left_of_a_journal_or_a_store_is_taken_as_far_as_both_are_whole(tmp_path, file, cut):
    wanted = images(10)
    write(tmp_path / "whole.npy", wanted)
    with pytest.raises(Killed):
        write(tmp_path / "faces.npy", wanted, 8)
    left = tmp_path / f".faces.npy.{file}"
    left.write_bytes(left.read_bytes()[:-cut])
    assert write(tmp_path / "faces.npy", wanted) <= 8
    assert (tmp_path / "faces.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_another_key_and_a_journal_without_any_face_begin_anew(tmp_path):
    for before, key in ((images(10), "other"), ([("has none",)] * 5, "key")):
        with pytest.raises(Killed):
            write(tmp_path / "faces.npy", before, 4, key)
        assert write(tmp_path / "faces.npy", images(10, seed=1)) == 0


def test_a_kill_costs_no_more_than_the_images_since_the_last_line_of_the_journal(tmp_path):
    with writing(tmp_path / "faces.npy", at_once=3) as (_, append):
        for number, image in enumerate(images(8), 1):
            append(*image)
            told = (tmp_path / ".faces.npy.journal").read_text().splitlines()[1:]
            assert len(told) == number // 3 * 3
            faces = (tmp_path / ".faces.npy.part").stat().st_size - 128
            assert faces >= 4 * 4 * 3 * sum(json.loads(line)[0] for line in told)


@pytest.mark.parametrize("face", [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_only_rows_of_the_stated_shape_and_type_are_taken(tmp_path, face):
    with pytest.raises(ValueError, match="a row is uint8"), writing(tmp_path / "faces.npy") as (_, append):
        append("seen", face)


@pytest.fixture(params=["faces", "embeddings"])
def store(request, tmp_path):
    """Return the path of a store and what it holds."""
    generator = np.random.default_rng(0)
    faces, embeddings = generator.integers(0, 256, (5, 4, 4, 3), np.uint8), generator.random((5, 2, 6)).astype(np.float16)
    array = faces if request.param == "faces" else embeddings
    np.save(tmp_path / "store.npy", array)
    return tmp_path / "store.npy", array


def test_a_store_is_read_as_it_was_written(store):
    path, array = store
    np.testing.assert_array_equal(read_store(path), array)


@pytest.mark.parametrize("damage", ANY)
def test_what_is_no_store_is_refused_with_the_remedy(store, damage):
    path, _ = store
    path.write_bytes(ANY[damage](path.read_bytes()))
    with pytest.raises(InputError, match="store.npy: .*no.* store of faces or embeddings.*run again the stage"):
        read_store(path)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 4, 4, 3), np.int8),
        np.zeros((5, 4, 3, 3), np.uint8),
        np.zeros((5, 2, 6), np.float32),
        np.zeros((5, 6), np.float16),
        np.zeros((0, 4, 4, 3), np.uint8),
        np.zeros((6, 2, 5), np.float16).T,
        np.array([{"a": 1}]),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_another_array_is_refused(tmp_path, array):
    np.save(tmp_path / "store.npy", array)
    with pytest.raises(InputError, match="store.npy: .*no.* store of faces or embeddings"):
        read_store(tmp_path / "store.npy")


def test_a_flipped_bit_of_the_header_is_refused_or_changes_nothing(store):
    path, array = store
    content = path.read_bytes()
    for position in range(128):
        path.write_bytes(flipped(content, position, position % 8))
        with suppress(InputError):
            np.testing.assert_array_equal(read_store(path), array)
