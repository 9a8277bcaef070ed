"""A claim's line: what was measured, against which aim; and where the time goes of what missed it."""

import cProfile
import io
import pstats
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks._figures import median

_LONG_S, _LONG_ROUNDS = 30.0, 2
"""Of rounds that take longer than that there are so many."""
_COSTLIEST = 8


def seconds_of(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def enough(seconds: Sequence[float], rounds: int) -> bool:
    """Whether these are all the rounds there are to be."""
    return len(seconds) >= (min(rounds, _LONG_ROUNDS) if max(seconds, default=0.0) > _LONG_S else rounds)


@dataclass
class Claim:
    """Something that is to take no longer than ``aim_s``. ``seconds`` are those of its rounds."""

    what: str
    aim_s: float
    act: Callable[[], object]
    inside: Callable[[], object] | None = None
    """The same work in this process, to profile it, where another one does it."""
    seconds: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool:
        return median(self.seconds) <= self.aim_s

    def measure(self, rounds: int, *, warm: bool = True) -> None:
        """Do it ``rounds`` times, or fewer when that takes long; ``warm`` is once before, which does not count."""
        if warm:
            self.act()
        while not enough(self.seconds, rounds):
            self.seconds.append(seconds_of(self.act))

    def row(self) -> list[str]:
        """For a table of what, median, best, worst, rounds, aim and verdict."""
        shown = (median(self.seconds), min(self.seconds), max(self.seconds))
        figures = (*(in_words(each) for each in shown), str(len(self.seconds)), in_words(self.aim_s))
        return [self.what, *figures, verdict(self.met)]

    def profile(self) -> str:
        return profile(self.what, self.inside or self.act)


HEADER = ["", "median", "best", "worst", "rounds", "aim", ""]


def in_words(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def verdict(met: bool) -> str:  # noqa: FBT001
    return "met" if met else "missed"


def profile(what: str, act: Callable[[], object], threads: int = 1) -> str:
    """Where the time of ``act`` goes: the functions that cost most by themselves.

    With several threads that do it at once, what one of them computes: it waits for the others most of the time.
    """
    profiler, text = cProfile.Profile(time.perf_counter if threads == 1 else time.thread_time), io.StringIO()
    began, computed = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        others = [pool.submit(act) for _ in range(threads - 1)]
        pool.submit(profiler.runcall, act).result()
        for other in others:
            other.result()
    took_s, computed_s = time.perf_counter() - began, time.process_time() - computed
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(_COSTLIEST)
    lines = [line for line in text.getvalue().splitlines() if line.strip()]
    busy = f"{took_s:.2f} s, of which this process computes for {computed_s:.2f} s"
    return "\n".join([f"\nwhere the time of {what} goes ({busy}):", *lines])
