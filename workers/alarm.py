"""Wakes the scheduler in the moment a schedule's time comes, so that it need not look every instant.

A hint only: what is due is decided from the log and the clock, and looked after every second as well.
"""

import threading
from collections.abc import Sequence

from apscheduler.schedulers.background import BackgroundScheduler

from workers.cron import cron_of
from workers.scheduler import KnownSchedule

_LOOK_S = 1.0


class Alarm:
    """The times of all schedules in APScheduler's memory, made anew whenever a schedule becomes another."""

    def __init__(self) -> None:
        self._rang = threading.Event()
        self._jobs: frozenset[tuple[str, str]] = frozenset()
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._scheduler.start()

    def wait(self, schedules: Sequence[KnownSchedule]) -> None:
        """Return when a time of one of the schedules has come, or after a second."""
        wanted = frozenset((each.cron, each.timezone) for each in schedules)
        if wanted != self._jobs:
            self._scheduler.remove_all_jobs()
            for cron, timezone in wanted:
                trigger = cron_of(cron, timezone).trigger
                self._scheduler.add_job(self._rang.set, trigger, coalesce=True, misfire_grace_time=None)
            self._jobs = wanted
        self._rang.wait(_LOOK_S)
        self._rang.clear()

    def close(self) -> None:
        """Ring no more."""
        self._scheduler.shutdown(wait=False)
