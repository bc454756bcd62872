"""The arithmetic of several processes, in one process that is told it is one of several, and in real ones."""

import math

import pytest
import torch
from torch import distributed, nn
from torch.testing import assert_close

from pml.errors import InputError
from pml.training import processes
from pml.training.batch_norm import JointBatchNorm, join_batch_norm
from tests.several_processes import run_in_processes

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def pretend(monkeypatch, rank: int, count: int) -> None:
    monkeypatch.setattr(processes, "rank", lambda: rank)
    monkeypatch.setattr(processes, "count", lambda: count)


@pytest.mark.parametrize("total", [0, 1, 2, 7, 8, 1002])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_shares_are_every_image_once_in_order_and_nearly_equal(monkeypatch, total, count):
    shares = []
    for rank in range(count):
        pretend(monkeypatch, rank, count)
        shares.append(list(range(total))[processes.share(total)])
    assert sum(shares, []) == list(range(total))
    assert {len(share) for share in shares} <= {total // count, math.ceil(total / count)}


def test_one_process_has_all_and_changes_nothing():
    processes.join(CPU)
    assert (processes.count(), processes.rank()) == (1, 0) and not distributed.is_initialized()
    rows = torch.randn(3, 2, requires_grad=True)
    assert processes.gather(rows, 3) is rows
    weight = torch.ones(2, requires_grad=True)
    weight.grad = gradient = torch.ones(2)
    processes.average_gradients(torch.optim.SGD([weight]))
    assert weight.grad is gradient
    processes.leave()


@pytest.fixture
def torchrun(monkeypatch):
    """Pretend to be process 1 of a torchrun on a machine with two GPUs; return what is asked of torch."""
    asked = []
    monkeypatch.setattr(distributed, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(distributed, "init_process_group", lambda backend: asked.append(backend))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    return asked


def test_each_process_has_a_gpu_of_its_own(torchrun):
    processes.join(GPU)
    assert torchrun == [1, "nccl"]


def test_processes_without_gpus_talk_through_gloo(torchrun):
    processes.join(CPU)
    assert torchrun == ["gloo"]


def test_more_processes_than_gpus_are_refused(torchrun, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="more processes than GPUs; give --nproc-per-node at most 2"):
        processes.join(GPU)
    assert not torchrun


def test_batch_norm_of_any_network_is_joined_for_several_processes_and_keeps_what_it_holds(monkeypatch):
    layer = nn.BatchNorm2d(3)
    layer.act = nn.ReLU()  # as timm's layers have it
    state = layer.state_dict()
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(layer))
    join_batch_norm(network, CPU)
    assert type(network[1][0]) is nn.BatchNorm2d
    monkeypatch.setattr("pml.training.batch_norm.count", lambda: 2)
    for device, kind in ((CPU, JointBatchNorm), (GPU, nn.SyncBatchNorm)):
        join_batch_norm(network, device)
        assert isinstance(layer, kind) and layer.state_dict().keys() == state.keys()
        layer.__class__ = nn.BatchNorm2d
    join_batch_norm(network, CPU)
    inputs = torch.randn(2, 3, 4, 4)
    assert_close(layer.eval()(inputs), nn.functional.relu(inputs / (1 + layer.eps) ** 0.5))


@pytest.mark.slow
def test_gathered_rows_and_the_gradients_of_all_weights_are_those_of_one_process(tmp_path):
    one = _linear_step()
    for several in run_in_processes(3, _linear_step, tmp_path):
        assert several.keys() == one.keys()
        for name, value in one.items():
            assert_close(several[name], value, rtol=1e-12, atol=1e-12)


def _linear_step() -> dict[str, torch.Tensor]:
    """Take one step of a weight before the rows are gathered and of one after, on shares of 2, 2 and 3 of 7 rows, or of all."""
    torch.manual_seed(0)
    inputs = torch.randn(7, 4, dtype=torch.float64)
    backbone, head, unused = (nn.Linear(4, 4).double() for _ in range(3))
    optimiser = torch.optim.SGD([*backbone.parameters(), *head.parameters(), *unused.parameters()], 0.1)
    rows = processes.gather(backbone(inputs[processes.share(7)]), 7)
    (head(rows).exp().mean(1) / rows.std(0).sum()).sum().backward()
    processes.average_gradients(optimiser)
    optimiser.step()
    few = processes.gather(inputs[:1][processes.share(1)], 1)  # fewer rows than processes
    assert unused.weight.grad is None
    return {"rows": rows.detach(), "few": few, "backbone": backbone.weight.detach(), "head": head.weight.detach()}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("kind", "shape"), [(nn.BatchNorm2d, (5, 3, 4, 4)), (nn.BatchNorm1d, (5, 3))])
def test_joint_batch_norm_is_torch_s_of_the_joint_batch(tmp_path, kind, shape, dtype):
    several = run_in_processes(2, _normalise_share, tmp_path, dtype, shape)
    torch.manual_seed(0)
    inputs = torch.randn(shape, dtype=dtype).requires_grad_()
    layer = kind(3).to(torch.promote_types(dtype, torch.float32))
    outputs = layer(inputs)
    (outputs.to(layer.weight.dtype) ** 3).sum().backward()
    expected = {"outputs": outputs.detach(), "inputs": inputs.grad, "evaluated": layer.eval()(inputs).detach()}
    tolerance = {} if dtype == torch.float64 else {"rtol": 0.02, "atol": 0.02}
    for name, values in expected.items():
        found = torch.cat([each[name] for each in several])
        assert found.dtype == dtype
        assert_close(found, values, **tolerance)
    assert_close(several[0]["weight"] + several[1]["weight"], layer.weight.grad, **tolerance)
    for each in several:
        assert_close(each["state"], layer.state_dict(), **tolerance)


def _normalise_share(dtype: torch.dtype, shape: tuple[int, ...]) -> dict:
    torch.manual_seed(0)
    inputs = torch.randn(shape, dtype=dtype)[processes.share(5)].requires_grad_()
    layer = JointBatchNorm(3).to(torch.promote_types(dtype, torch.float32))
    outputs = layer(inputs)
    (outputs.to(layer.weight.dtype) ** 3).sum().backward()
    found = {"outputs": outputs.detach(), "inputs": inputs.grad, "weight": layer.weight.grad, "state": dict(layer.state_dict())}
    return found | {"evaluated": layer.eval()(inputs).detach()}
