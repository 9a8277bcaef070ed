"""Alerts: which problems somebody is to be told of, and which of that has not reached them yet.

Pure: what to do is decided here, at moments that are handed in; who looks and who delivers is elsewhere. A problem that
lasts is told once, and once more when it is over. What was not taken is told again, later each time, until it is; where
an answer was lost they may hear a thing twice, but in the end they know what is so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 300.0


@dataclass(slots=True)
class Alert:
    """A problem by its ``key``, which stays the same while its words change."""

    key: str
    problem: str
    """In a sentence, as last seen."""
    since: str
    """When it was first seen: RFC 3339, UTC."""
    told: bool = False
    """Whether they know of it."""
    tried: bool = False
    """Whether it was sent without an answer: they may know of it."""
    over: bool = False
    """Whether it is gone: they are to be told that as well."""
    failures: int = 0
    error: str | None = None
    """Why it did not reach them, last time."""
    until: str | None = None
    """When it was first seen to be gone; None while it lasts."""


@dataclass(slots=True)
class _Timing:
    """Of this process alone, by its monotonic clock."""

    first_seen_s: float
    not_before_s: float = 0.0


@dataclass(slots=True)
class AlertBook:
    """What is known of all problems. ``after_s``: a problem that is gone sooner was none worth telling."""

    after_s: float
    alerts: dict[str, Alert] = field(default_factory=dict)
    _timings: dict[str, _Timing] = field(default_factory=dict)

    @classmethod
    def of_json(cls, told: Iterable[Mapping[str, Any]], after_s: float) -> "AlertBook":
        """What a process before us left."""
        return cls(after_s, {alert["key"]: Alert(**alert) for alert in told})

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(alert) for alert in self.open()]

    def open(self) -> Sequence[Alert]:
        """All that is not told to its end, by key."""
        return [self.alerts[key] for key in sorted(self.alerts)]

    def see(self, problems: Mapping[str, str], at: str, now_s: float) -> None:
        """Take in what is wrong now: sentences by key. ``at`` is what people read, ``now_s`` the monotonic clock."""
        for key, problem in problems.items():
            alert = self.alerts.setdefault(key, Alert(key, problem, at))
            alert.problem = problem
            if alert.over:  # it is back before they heard that it was gone; or they did, and only the answer was lost
                alert.told = alert.told and not alert.failures
                alert.over, alert.until, alert.failures, alert.error = False, None, 0, None
            self._timings.setdefault(key, _Timing(now_s))
        for key in [key for key in self.alerts if key not in problems]:
            self._is_over(self.alerts[key], at)

    def _is_over(self, alert: Alert, at: str) -> None:
        if not (alert.told or alert.tried):
            self._forget(alert.key)
        elif not alert.over:
            alert.over, alert.until, alert.failures, alert.error = True, at, 0, None
            self._timings.pop(alert.key, None)

    def due(self, now_s: float) -> Sequence[Alert]:
        """What is to be told now."""
        return [alert for alert in self.open() if self._is_due(alert, now_s)]

    def _is_due(self, alert: Alert, now_s: float) -> bool:
        timing = self._timings.get(alert.key, _Timing(first_seen_s=now_s))
        if now_s < timing.not_before_s:
            return False
        return alert.over or (not alert.told and now_s >= timing.first_seen_s + self.after_s)

    def reached(self, alert: Alert) -> None:
        """They know; of one that is over nothing more is to be told."""
        if alert.over:
            self._forget(alert.key)
        alert.told, alert.failures, alert.error = True, 0, None

    def failed(self, alert: Alert, why: str, now_s: float) -> None:
        """It did not reach them, and is told again after a pause, a longer one each time."""
        pause_s = min(_FIRST_PAUSE_S * 2**alert.failures, _LONGEST_PAUSE_S)
        self._timings.setdefault(alert.key, _Timing(now_s)).not_before_s = now_s + pause_s
        alert.failures, alert.error, alert.tried = min(alert.failures + 1, 30), why, True

    def _forget(self, key: str) -> None:
        del self.alerts[key]
        self._timings.pop(key, None)
