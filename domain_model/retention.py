"""Retention: which snapshots a keep rule such as ``24h,7d,4w`` lets go of.

As those who make snapshots by the clock know it: the newest snapshot of each of the last 24 hours that have one, of the
last 7 days that have one, of the last 4 weeks that have one. Hours without a snapshot do not count, so what was not
taken makes nothing older go. The moments are in the time zone in which hours and days are meant.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from domain_model.errors import InvalidArgument

_PART = re.compile(r"([1-9][0-9]{0,4})([hdwmy])")
_NAMES = {"h": "hour", "d": "day", "w": "week", "m": "month", "y": "year"}
_PERIODS: Mapping[str, Callable[[datetime], Any]] = {
    # The offset: the hour that comes twice when clocks are put back is two hours.
    "h": lambda at: (at.date(), at.hour, at.utcoffset()),
    "d": lambda at: at.date(),
    "w": lambda at: at.isocalendar()[:2],
    "m": lambda at: (at.year, at.month),
    "y": lambda at: at.year,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot that a schedule took."""

    id: str
    name: str
    at: datetime
    held: bool = False
    missing: bool = False
    """Whether its data is gone: it can stand for no period, nor take the place of one that has its own."""


@dataclass(frozen=True, slots=True)
class KeepRule:
    """How many periods of each kind keep their newest snapshot."""

    counts: Mapping[str, int]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ``24h,7d,4w``. Raises InvalidArgument (8)."""
        counts: dict[str, int] = {}
        for part in text.split(","):
            match = _PART.fullmatch(part.strip())
            if match is None or match[2] in counts:
                why = "is no number of periods" if match is None else "has a kind of period twice"
                raise InvalidArgument(
                    f"'{part.strip()}' in keep '{text}' {why}",
                    field="keep",
                    value=text,
                    accepted="numbers from 1 with h (hours), d (days), w (weeks), m (months) or y (years), each once, such as"
                    " 24h,7d,4w",
                )
            counts[match[2]] = int(match[1])
        return cls(counts)

    def __str__(self) -> str:
        """What it means, in words: nobody shall take months for minutes."""
        *others, last = [f"{count} {_NAMES[kind]}{'s' if count > 1 else ''}" for kind, count in self.counts.items()]
        return f"the newest of each of the last {' and '.join([', '.join(others), last] if others else [last])}"

    def surplus(self, taken: Sequence[Taken]) -> list[Taken]:
        """What may go, oldest first. Never the newest one, and never one that is held."""
        newest_first = sorted(taken, key=lambda each: (each.at, each.id), reverse=True)
        whole = [each for each in newest_first if not each.missing]
        kept = {each.id for kind, count in self.counts.items() for each in _newest(whole, kind, count)}
        kept |= {each.id for each in newest_first[:1]}
        return [each for each in reversed(newest_first) if each.id not in kept and not each.held]


def _newest(newest_first: Sequence[Taken], kind: str, count: int) -> list[Taken]:
    """The newest one of each of the last ``count`` periods that have one."""
    found: dict[Any, Taken] = {}
    for each in newest_first:
        found.setdefault(_PERIODS[kind](each.at), each)
    return list(found.values())[:count]
