"""Work on many rows in several processes: results come in the order of the work, whoever did it."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from jobs.core.errors import EnvironmentProblem
from jobs.core.process import PR_SET_PDEATHSIG

T = TypeVar("T")
R = TypeVar("R")
FREED = 31 << 20
"""Bytes. glibc keeps freed memory of up to twice the largest mapping it was given back: a block's arrays are then not
mapped and cleared anew each time, which cost up to half of their work."""
COLLECTED = 200_000
"""Objects made between two looks for cycles; rows have none, and looking took up to a quarter of the work on them."""
AHEAD = 2
"""Pieces of work a process that may wait, so that memory does not grow with the work."""


class Workers:
    """`num` processes, or this one where `num` is 1. A context: leaving it ends them."""

    def __init__(self, num: int) -> None:
        self.num = num
        self._pool: ProcessPoolExecutor | None = None
        self._thresholds = gc.get_threshold()

    def __enter__(self) -> Self:
        self._thresholds = gc.get_threshold()
        gc.set_threshold(COLLECTED)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        gc.set_threshold(*self._thresholds)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`function` of each item, in order; a few items are taken ahead of the results.

        Raises EnvironmentProblem where a process is ended from outside.
        """
        if self.num == 1:
            yield from map(function, items)
            return
        pool = self._started()
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= self.num * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise EnvironmentProblem(
                f"one of {self.num} processes was ended from outside, as it is where memory runs out; "
                "set prepare.workers to fewer, or give the machine more memory"
            ) from None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.num, mp_context=context, initializer=_quiet)
        return self._pool


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _quiet() -> None:
    """A stop is the parent's to answer; without the parent there is nothing left to do."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    np.empty(FREED, np.uint8)
    gc.set_threshold(COLLECTED)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
