"""The processes that train one model together: this one alone, or all that torchrun has started on this machine."""

import os

import torch
from torch import Tensor, distributed

from pml.errors import InputError


def join(device: torch.device) -> None:
    """Join the processes of torchrun, each with a GPU of its own if `device` is one; without torchrun do nothing.

    Raises:
        InputError: there are fewer GPUs than processes.
    """
    if not distributed.is_torchelastic_launched():
        return
    if device.type == "cuda":
        number, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= gpus:
            raise InputError(f"torchrun: more processes than GPUs; give --nproc-per-node at most {gpus}")
        torch.cuda.set_device(number)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")


def leave() -> None:
    """Leave the other processes at the end; after an error a process just ends, and torchrun ends the others."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def count() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0; process 0 alone writes files and the log."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(total: int) -> slice:
    """Return which of `total` images are this process's; shares follow one another and differ by one at most."""
    return slice(total * rank() // count(), total * (rank() + 1) // count())


def gather(rows: Tensor, total: int) -> Tensor:
    """Return (total, ...) the rows of all processes in order, of which this one has its `share`.

    All processes are to work out the same loss from them. The gradient of the rows is then `count()` times what it is in one
    process, so that `average_gradients` is right both for the weights behind the rows and for those that follow.
    """
    if count() == 1:
        return rows
    # To gather takes shares of one size; to add zeros does not, and changes no bit.
    joint = rows.new_zeros(total, *rows.shape[1:])
    joint[share(total)] = rows
    return sum_over_processes(joint)


@torch.no_grad()
def average_gradients(optimiser: torch.optim.Optimizer) -> None:
    """Replace the gradients of all weights by their means over the processes.

    In one piece, for `DistributedDataParallel` regroups the weights after its first step, so that resuming would change bits.
    """
    if count() == 1:
        return
    weights = (weight for group in optimiser.param_groups for weight in group["params"])
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    means = sum_over_processes(torch.cat([gradient.flatten() for gradient in gradients])) / count()
    for gradient, mean in zip(gradients, means.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes, whose gradient is the sum of theirs; all get the same bits."""
    return _Sum.apply(values)


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context, values: Tensor) -> Tensor:
        values = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(values)
        return values

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        return _Sum.apply(gradient)
