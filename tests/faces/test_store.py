from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.faces.store import read_store, writing_faces
from tests.damage import ANY, flipped


@given(count=st.integers(1, 12), size=st.integers(1, 40))
def test_the_store_is_the_array_of_its_faces(tmp_path_factory, count, size):
    faces = np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("store") / "faces.npy"
    with writing_faces(path, size) as append:
        for face in faces:
            append(face)
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), faces)


def test_a_store_left_half_way_does_not_appear(tmp_path):
    with pytest.raises(RuntimeError), writing_faces(tmp_path / "faces.npy", 4) as append:
        append(np.zeros((4, 4, 3), np.uint8))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("face", [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_only_faces_of_the_stated_size_and_type_are_taken(tmp_path, face):
    with pytest.raises(ValueError, match="a face is uint8"), writing_faces(tmp_path / "faces.npy", 4) as append:
        append(face)


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
