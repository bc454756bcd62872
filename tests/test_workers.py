"""The same results in the same order, by however many processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pml.errors import InputError
from pml.workers import AHEAD, MOST_MEMORY, apart, mapping


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers):
    with mapping(lambda number: number**2, workers) as map_in_order:
        assert list(map_in_order(range(100))) == [number**2 for number in range(100)]


def test_items_are_drawn_as_results_are_taken():
    drawn = []
    with mapping(lambda number: number, 2, chunk=4) as map_in_order:
        results = map_in_order(number for number in range(1000) if not drawn.append(number))
        for taken in range(1000):
            assert next(results) == taken
            assert len(drawn) <= taken + (2 * AHEAD + 1) * 4


def test_several_workers_are_processes_of_their_own():
    with mapping(lambda item: os.getpid(), 2) as map_in_order:
        assert os.getpid() not in set(map_in_order(range(64)))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_raised_here(workers):
    def fail(item):
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"), mapping(fail, workers) as map_in_order:
        list(map_in_order([0]))


def test_a_killed_worker_is_an_error_with_the_remedy_and_no_endless_wait():
    expected = pytest.raises(
        InputError, match="one of 2 worker processes was killed, probably for lack of memory; .*fewer threads"
    )
    with expected, mapping(lambda item: os.kill(os.getpid(), signal.SIGKILL), 2) as map_in_order:
        list(map_in_order(range(4)))


PROGRAM = """
import os, sys, time
from pml.errors import stage_main
from pml.workers import {imported}

def work(item):
    os.write(1, f"{{os.getpid()}}\\n".encode())
    time.sleep(60)

@stage_main
def main():
    {body}

main()
"""
MAPPING = PROGRAM.format(imported="mapping", body="with mapping(work, 2) as each: list(each(range(32)))")
APART = PROGRAM.format(imported="apart", body="apart(work, 0, seconds=60)")


@pytest.mark.parametrize("number, code", [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("program, count", [(MAPPING, 2), (APART, 1)], ids=["mapping", "apart"])
def test_workers_end_with_their_parent_at_once(program, count, number, code):
    if number == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux tells a process of its parent's kill")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        workers = [int(parent.stdout.readline()) for _ in range(count)]
        parent.send_signal(number)
        assert parent.wait(10) == code
        deadline = time.monotonic() + 10
        while any(is_running(worker) for worker in workers):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        said = parent.stderr.read().decode()
    assert said.startswith("interrupted: ") and len(said.splitlines()) == 1 if code > 0 else said == ""


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux alone")
def test_what_works_apart_cannot_take_the_memory_of_the_machine():
    with pytest.raises(MemoryError):
        apart(np.ones, MOST_MEMORY // 8, seconds=60)
    assert apart(np.ones, 8, seconds=60).sum() == 8
