import dataclasses

import numpy as np
import pytest
import torch

from pml.training import precision
from pml.training.precision import autocast, choose_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FACES = np.empty((1, 112, 112, 3), np.uint8)


@pytest.fixture
def auto(settings):
    return dataclasses.replace(settings, precision="auto", batch_size=32)


@pytest.mark.parametrize("instructions", ["avx512_bf16", "amx_bf16"])
def test_auto_is_bfloat16_where_the_processor_computes_in_it(monkeypatch, auto, instructions):
    _pretend(monkeypatch, {instructions: True})
    assert choose_precision(auto, CPU, FACES) == "bfloat16"


def test_auto_is_float32_where_the_processor_would_emulate_bfloat16(monkeypatch, auto):
    _pretend(monkeypatch, {"avx512_f": True, "avx512_bf16": False})
    assert choose_precision(auto, CPU, FACES) == "float32"


@pytest.mark.parametrize(
    ("store", "batch_size", "chosen"),
    [
        (np.empty((1, 224, 224, 3), np.uint8), 128, "bfloat16"),
        (np.empty((1, 224, 224, 3), np.uint8), 32, "float32"),
        (FACES, 128, "float32"),
        (np.empty((1, 2, 1024), np.float16), 4096, "float32"),
    ],
)
def test_auto_is_float32_on_a_gpu_whose_batches_are_small(monkeypatch, auto, store, batch_size, chosen):
    monkeypatch.setattr(precision, "_has_bfloat16", lambda device_type: device_type == "cuda")
    assert choose_precision(dataclasses.replace(auto, batch_size=batch_size), GPU, store) == chosen


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_named_precision_is_taken_as_it_is(monkeypatch, auto, name):
    _pretend(monkeypatch, {})
    assert choose_precision(dataclasses.replace(auto, precision=name), CPU, FACES) == name


def test_float32_is_left_alone_and_bfloat16_is_mixed():
    weights = torch.ones(2, 2)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with autocast(name, CPU):
            assert (weights @ weights).dtype == dtype


def _pretend(monkeypatch, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(precision, "_has_bfloat16", precision._has_bfloat16.__wrapped__)
