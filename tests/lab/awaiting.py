"""Waiting for a condition instead of for a time, so that a slow machine makes the lab slow and not wrong."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NeverHappenedError(AssertionError):
    """What was waited for did not come true in time."""


def eventually(probe: Callable[[], T | None], *, what: str, timeout_s: float = 60.0, every_s: float = 0.02) -> T:
    """Return the first answer of ``probe`` that is neither None nor False.

    Raises NeverHappenedError naming ``what`` when ``timeout_s`` seconds pass without one.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = probe()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise NeverHappenedError(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)
