import dataclasses

import pytest
import torch
from torch import nn

from pml.training import precision
from pml.training.model import build_model
from pml.training.precision import autocast, choose_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize("instructions", ["avx512_bf16", "amx_bf16"])
def test_auto_is_bfloat16_where_the_processor_computes_in_it(monkeypatch, instructions):
    _pretend(monkeypatch, {instructions: True})
    assert choose_precision("auto", CPU, nn.Conv2d(3, 8, 3)) == "bfloat16"


def test_auto_is_float32_where_the_processor_would_emulate_bfloat16(monkeypatch):
    _pretend(monkeypatch, {"avx512_f": True, "avx512_bf16": False})
    assert choose_precision("auto", CPU, nn.Conv2d(3, 8, 3)) == "float32"


@pytest.mark.parametrize(("blocks", "chosen"), [(None, "float32"), (6, "bfloat16")])
def test_auto_is_float32_for_a_depthwise_network_whose_every_layer_is_trained(monkeypatch, settings, blocks, chosen):
    _pretend(monkeypatch, {"avx512_bf16": True})
    backbone = build_model(dataclasses.replace(settings, backbone="faceres_deep", trained_blocks=blocks), CPU).backbone
    assert choose_precision("auto", CPU, backbone) == chosen


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_named_precision_is_taken_as_it_is(monkeypatch, name):
    _pretend(monkeypatch, {})
    assert choose_precision(name, CPU, nn.Conv2d(3, 8, 3)) == name


def test_float32_is_left_alone_and_bfloat16_is_mixed():
    weights = torch.ones(2, 2)
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with autocast(name, CPU):
            assert (weights @ weights).dtype == dtype


def _pretend(monkeypatch, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(precision, "_has_bfloat16", precision._has_bfloat16.__wrapped__)
