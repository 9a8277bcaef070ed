"""The product with a scheduler and a clock that a test moves: a day passes in no time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from revisor.schedule_records import ScheduleRecords
from revisor.store.database import Database
from tests.integration.product import ALICE, AT_ONCE, WEB, Product
from workers.leases import SCHEDULER, Lease
from workers.scheduler import Scheduler

MORNING = datetime(2026, 11, 28, 6, tzinfo=UTC)


class Clockwork:
    """Revisor with one simulated host, two domains, ``web`` and ``mail``, and the scheduler that leads."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.product = Product(database, folder)
        self.now = MORNING
        self.product.application.now = lambda: self.now
        self.product.add_host("alpha")
        for name in ("web", "mail"):
            self.product.define(
                xml=WEB.replace("<name>web</name>", f"<name>{name}</name>").replace("web.q", f"{name}.q")
            )
        self.scheduler = Scheduler(self.lead())

    def lead(self) -> ScheduleRecords:
        """What another scheduler has that takes over; whoever led before leads no more."""
        lease = Lease(self.product.database.pool, SCHEDULER, uuid4(), AT_ONCE)
        while (epoch := lease.try_acquire()) is None:
            pass
        product = self.product
        return ScheduleRecords(product.application, product.queries, product.service, epoch)

    def add(
        self, name: str = "hourly", cron: str = "0 * * * *", whose: dict[str, Any] | None = None, **given: Any
    ) -> None:
        whose = {"domain": "web"} if whose is None else whose
        self.product.service.schedules.add(name, ALICE, cron=cron, whose=whose, **given)

    def passes(self, hours: float = 0, *, minutes: float = 0, rounds: int = 2) -> None:
        """Time passes, then the scheduler looks and the agents work, and once more: what was made is let go of."""
        self.now += timedelta(hours=hours, minutes=minutes)
        for _ in range(rounds):
            self.scheduler.run_once(self.now)
            self.settle()

    def settle(self) -> None:
        """Let the agents work until nothing waits."""
        for row in self.product.database.fetch("SELECT operation FROM work.operation_queue ORDER BY position"):
            self.product.settled(row["operation"])

    def snapshots(self, domain: str = "web") -> list[str]:
        return [item["name"] for item in self.product.service.snapshots(domain, None)]

    def told(self, schedule: str = "hourly") -> dict[str, Any]:
        return self.product.service.schedules.one(schedule)

    def topics(self, schedule: str = "hourly") -> list[str]:
        """What is on record of a schedule."""
        rows = self.product.database.fetch(
            "SELECT topic FROM log.events WHERE originator_id = %s ORDER BY originator_version",
            self.told(schedule)["id"],
        )
        return [row["topic"] for row in rows]
