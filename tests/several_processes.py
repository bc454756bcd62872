"""Runs a function in several processes at once, joined as torchrun joins them."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed, multiprocessing


def run_in_processes(count: int, work: Callable[..., object], folder: Path, *arguments: object) -> list:
    """Return what `work(*arguments)` returned in each of `count` processes; it is a module's function, for they are spawned."""
    multiprocessing.spawn(_run, (count, work, folder, *arguments), nprocs=count)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(count)]


def _run(rank: int, count: int, work: Callable[..., object], folder: Path, *arguments: object) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=count)
    torch.save(work(*arguments), folder / f"{rank}.pt")
    distributed.destroy_process_group()
