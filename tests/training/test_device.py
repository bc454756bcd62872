import pytest
import torch

from pml.errors import InputError
from pml.training.device import choose_device, to_device


def test_a_gpu_copies_from_page_locked_memory_without_waiting(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda values: calls.append("pin") or values)
    monkeypatch.setattr(torch.Tensor, "to", lambda values, device, non_blocking: calls.append((device.type, non_blocking)))
    to_device(torch.ones(2), torch.device("cuda"))
    assert calls == ["pin", ("cuda", True)]


def test_a_cpu_copies_nothing():
    values = torch.ones(2)
    assert to_device(values, torch.device("cpu")) is values


def test_gpu_is_asked_for_and_absent(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="training.device is 'cuda'.*no GPU.*'auto' or 'cpu'"):
        choose_device("cuda")
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize(
    "name, seen, available, reason",
    [
        ("auto", 1, True, "PyTorch can use 1"),
        ("auto", 2, False, "PyTorch can use 0"),  # a driver that is too old
        ("cpu", 2, True, "training.device is 'cpu'"),
    ],
)
def test_a_job_that_was_given_gpus_never_runs_without_them(monkeypatch, name, seen, available, reason):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    with pytest.raises(InputError, match=f"{reason}.*--set-resources train_folds:gpu=0"):
        choose_device(name, gpus=2)
