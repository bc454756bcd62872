import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pml.faces.store import writing_faces


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
