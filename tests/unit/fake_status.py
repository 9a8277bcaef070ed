"""A hand-written stand-in for who looks at how the database is."""

import threading
from datetime import datetime

from revisor.status import LogStatus, PoolStatus, Status

UUID_OF_WEB = "6695eb01-f6a4-8304-79aa-97f2502e193f"
SEEN_AT = "2026-11-23T15:27:05.000001Z"


class FakeStatusReader:
    """A database that is as it was told to be: well, away, or hanging until it is let go."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be as new, for the next test at the same door."""
        self.known = Status(LogStatus(UUID_OF_WEB, 7, datetime.fromisoformat(SEEN_AT), 8192), "18.6", (), ())
        self.trouble: Exception | None = None
        """What every look meets."""
        self.let_go = threading.Event()
        self.let_go.set()
        self.looks = 0

    def pool(self) -> PoolStatus:
        return PoolStatus(most=20, used=1, idle=2, waiting=0)

    def read(self) -> Status:
        self.looks += 1
        self.let_go.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.known
