"""Leases: one worker at a time leads a host, without trusting any wall clock.

The holder changes a counter (the beat). A challenger that has seen the same beat for lease plus grace, on its own
monotonic clock, takes over by compare-and-set and begins a new epoch; appends of the old epoch are refused. The holder
itself stops when it could not renew for the length of the lease. The time of each beat is written for who asks how
Revisor is; nothing here reads it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg_pool import ConnectionPool

Monotonic = Callable[[], float]


SCHEDULER = "scheduler"
"""The name of the lease under which all schedules are kept."""


def lease_of(host: UUID) -> str:
    """The name of the lease under which a host is led."""
    return f"host:{host}"


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a silent holder is believed. Renewals come three times a lease."""

    lease_s: float = 15.0
    grace_s: float = 5.0

    @property
    def renew_s(self) -> float:
        return self.lease_s / 3

    @property
    def believed_s(self) -> float:
        """So long after the last beat a challenger that was there has taken over:
        it may first see that a renewal later.
        """
        return self.lease_s + self.grace_s + self.renew_s


class LeaseLost(Exception):
    """Somebody else holds the lease, or it could not be renewed in time."""


class Lease:
    """A worker's view of one lease: ``try_acquire`` until it returns an epoch, then ``renew`` until LeaseLost."""

    def __init__(
        self,
        pool: ConnectionPool[Any],
        name: str,
        worker: UUID,
        times: LeaseTimes,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self.name = name
        self.worker = worker
        self.times = times
        self._pool = pool
        self._monotonic = monotonic
        self._seen: tuple[int, int] | None = None
        self._seen_at = 0.0
        self._renewed_at = 0.0
        self.epoch: int | None = None

    def try_acquire(self) -> int | None:
        """One attempt; returns the new epoch, or None while somebody else may still be alive."""
        row = self._one("SELECT worker, epoch, beat FROM work.leases WHERE name = %s", self.name)
        if row is None:
            return self._take(
                "INSERT INTO work.leases VALUES (%s, %s, 1, 0, clock_timestamp(), %s)"
                " ON CONFLICT DO NOTHING RETURNING epoch",
                self.name,
                self.worker,
                self.times.believed_s,
            )
        now, seen = self._monotonic(), (row["epoch"], row["beat"])
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        if row["worker"] is not None and now - self._seen_at < self.times.lease_s + self.times.grace_s:
            return None
        return self._take(
            "UPDATE work.leases SET worker = %s, epoch = epoch + 1, beat = beat + 1,"
            " beaten_at = clock_timestamp(), believed_s = %s"
            " WHERE name = %s AND epoch = %s AND beat = %s RETURNING epoch",
            self.worker,
            self.times.believed_s,
            self.name,
            *seen,
        )

    def renew(self) -> None:
        """Beat; raises LeaseLost when it is no longer ours."""
        # From before it was asked for: a challenger may see the beat, and count from it, long before we hear of it.
        asked_at = self._monotonic()
        row = self._one(
            "UPDATE work.leases SET beat = beat + 1, beaten_at = clock_timestamp()"
            " WHERE name = %s AND worker = %s AND epoch = %s RETURNING epoch",
            self.name,
            self.worker,
            self.epoch,
        )
        if row is None:
            raise LeaseLost(f"lease {self.name}: another worker took over from epoch {self.epoch}")
        self._renewed_at = asked_at

    def expired(self) -> bool:
        """Whether it could not be renewed for so long that somebody else may hold it."""
        return self._monotonic() - self._renewed_at > self.times.lease_s

    def release(self) -> None:
        """Give it up, so that a successor need not wait."""
        self._one(
            "UPDATE work.leases SET worker = NULL WHERE name = %s AND worker = %s AND epoch = %s RETURNING epoch",
            self.name,
            self.worker,
            self.epoch,
        )
        self.epoch = None

    def _take(self, statement: str, *params: object) -> int | None:
        asked_at = self._monotonic()
        row = self._one(statement, *params)
        if row is None:
            return None
        self.epoch = int(row["epoch"])
        self._renewed_at = asked_at
        return self.epoch

    def _one(self, statement: str, *params: object) -> Any:
        with self._pool.connection() as connection:
            return connection.execute(statement.encode(), params).fetchone()
