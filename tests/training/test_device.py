import torch

from pml.training.device import to_device


def test_a_gpu_copies_from_page_locked_memory_without_waiting(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda values: calls.append("pin") or values)
    monkeypatch.setattr(torch.Tensor, "to", lambda values, device, non_blocking: calls.append((device.type, non_blocking)))
    to_device(torch.ones(2), torch.device("cuda"))
    assert calls == ["pin", ("cuda", True)]


def test_a_cpu_copies_nothing():
    values = torch.ones(2)
    assert to_device(values, torch.device("cpu")) is values
