import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pml.errors import InputError
from pml.tensors import load_tensors, save_tensors
from tests.damage import TENSORS, flipped, saved

WEIGHTS = {"backbone": {"a": torch.arange(6.0).view(2, 3), "b": torch.zeros(2)}, "history": [{"loss": 0.5}]}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tensors") / "model.pt"


@pytest.fixture(scope="module")
def content(path):
    save_tensors(WEIGHTS, path)
    return path.read_bytes()


def test_what_is_saved_is_loaded_and_the_same_value_gives_the_same_bytes(path, content, tmp_path):
    path.write_bytes(content)
    loaded = load_tensors(path, "")
    assert loaded["backbone"]["a"].equal(WEIGHTS["backbone"]["a"]) and loaded["history"] == WEIGHTS["history"]
    save_tensors(WEIGHTS, tmp_path / "another_name.pt")
    assert (tmp_path / "another_name.pt").read_bytes() == content


def test_torch_itself_reads_what_is_saved(path, content):
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["backbone"]["a"].equal(WEIGHTS["backbone"]["a"])


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "of before PyTorch 1.6"])
def test_files_of_others_without_a_checksum_are_loaded(tmp_path, legacy):
    torch.save(WEIGHTS, tmp_path / "theirs.pth", _use_new_zipfile_serialization=not legacy)
    assert load_tensors(tmp_path / "theirs.pth", "")["backbone"]["a"].equal(WEIGHTS["backbone"]["a"])


@pytest.mark.parametrize("damage", TENSORS)
def test_anything_else_is_refused_in_one_line_with_the_remedy(path, content, damage, capsys):
    path.write_bytes(TENSORS[damage](content))
    with pytest.raises(InputError) as refused:
        load_tensors(path, "make it again")
    message = str(refused.value)
    assert message.startswith(f"{path}: ") and message.endswith("; make it again") and "\n" not in message
    assert "weights_only" not in message and "run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage, told",
    [
        ("empty", "an empty one"),
        ("web page", "a web page"),
        ("git-LFS pointer", "git lfs pull"),
        ("whole module", "whole objects"),
        ("code in a zip", "code"),
        ("flipped bit", "checksum"),
    ],
)
def test_what_lies_there_is_named(path, content, damage, told):
    path.write_bytes(TENSORS[damage](content))
    with pytest.raises(InputError, match=told):
        load_tensors(path, "make it again")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.pt: no such file; make it again"):
        load_tensors(tmp_path / "absent.pt", "make it again")


@given(st.data())
def test_no_flipped_bit_goes_unnoticed(path, content, data):
    position, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(flipped(content, position, bit))
    with pytest.raises(InputError):
        load_tensors(path, "")


@given(st.data())
def test_a_flipped_bit_in_a_file_of_others_is_noticed_or_changes_no_weight(path, data):
    content = saved(WEIGHTS)
    position, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(flipped(content, position, bit))
    try:
        loaded = load_tensors(path, "")
    except InputError:
        return
    assert all(value.equal(loaded["backbone"][name]) for name, value in WEIGHTS["backbone"].items())


@given(st.data())
def test_a_file_cut_short_is_refused_or_lacks_its_checksum_alone(path, content, data):
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    try:
        assert load_tensors(path, "")["backbone"]["a"].equal(WEIGHTS["backbone"]["a"])
    except InputError:
        return
    assert len(content) - path.stat().st_size == 64
