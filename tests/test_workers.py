"""The same results in the same order, by however many processes."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from pml.workers import mapping


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers):
    with mapping(lambda number: number**2, workers) as map_in_order:
        assert list(map_in_order(range(100))) == [number**2 for number in range(100)]


def test_several_workers_are_processes_of_their_own():
    with mapping(lambda item: os.getpid(), 2) as map_in_order:
        assert os.getpid() not in set(map_in_order(range(64)))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_raised_here(workers):
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"), mapping(fail, workers) as map_in_order:
        list(map_in_order([0]))


def test_a_killed_worker_is_an_error_and_no_endless_wait():
    with pytest.raises(BrokenProcessPool), mapping(lambda item: os.kill(os.getpid(), signal.SIGKILL), 2) as map_in_order:
        list(map_in_order(range(4)))
