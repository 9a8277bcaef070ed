"""What is remembered of the log outside its database: the newest position and its leaf, in a file.

A database can be put back to what it was: from a backup, a snapshot, by a failover to a replica that lagged. The log is
whole then, and older than the world. Only somebody outside can notice. The file lags behind the log by the pause
between two looks; to survive a disk it should be on another one than the database (``REVISOR_WITNESS_FILE``).
"""

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from revisor.store.database import Database

_log = logging.getLogger(__name__)

_HEAD = """
SELECT h.log::text, h.position, encode(e.leaf, 'hex') AS leaf
FROM log.head h LEFT JOIN log.events e ON e.notification_id = h.position
"""
_KNOWN = """
SELECT acknowledged_at IS NOT NULL AS acknowledged FROM work.restores
WHERE (witnessed_log, witnessed_position, witnessed_leaf) = (%s, %s, %s)
"""
_FOUND = """
INSERT INTO work.restores (why, position, witnessed_log, witnessed_position, witnessed_leaf)
SELECT %s, %s, %s, %s, %s FROM log.head WHERE log = %s
"""
"""Nothing is told of a log that a restore replaced since it was looked at; the next look tells of the new one."""
_NO_MARK = (LookupError, TypeError, ValueError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class Mark:
    """One position of a log: ``leaf`` is hexadecimal. An empty log has position 0 and no leaf."""

    log: str
    position: int
    leaf: str | None


class Witness:
    """Keeps the file up with the log, and notices a log that is not the one it remembers."""

    def __init__(self, database: Database, file: Path) -> None:
        self._database = database
        self._file = file
        self._remembered: Mark | None = None
        self._written: Mark | None = None
        self._warned = False

    def look(self) -> None:
        """Compare, and remember what is there now.

        Afterwards a log that is older than what was remembered, or another one, is in ``work.restores``: nothing new is
        begun until that is acknowledged, and until then the file stays as it is. A file that cannot be written is
        warned of and tried again by the next look; until it can be, what is remembered lasts as long as this object.
        Raises psycopg.Error, PoolTimeout, and OSError for a file that is there and cannot be read: nothing was
        compared.
        """
        head = self._head()
        remembered = self._remembered or self._read(head)
        why = None if remembered is None else self._difference(remembered, head)
        if remembered is None or why is None or self._acknowledged(remembered, why, head):
            self._remembered = head
            self._keep(head)

    def _difference(self, remembered: Mark, head: Mark) -> str | None:
        """Why the log is not the remembered one gone on; None when it is, or when there was nothing to remember."""
        if remembered.position == 0 or remembered == head:
            return None
        if remembered.log != head.log:
            return f"the database holds log {head.log}, and the one that was here is log {remembered.log}"
        if remembered.position > head.position:
            return f"the log ends at position {head.position}, and it was at {remembered.position} once"
        if remembered.leaf != self._leaf(remembered.position):
            return f"the event at position {remembered.position} is another one than was there once"
        return None

    def _acknowledged(self, remembered: Mark, why: str, head: Mark) -> bool:
        """Whether somebody acknowledged this; makes it known if nobody knows."""
        mark = (UUID(remembered.log), remembered.position, bytes.fromhex(remembered.leaf or ""))
        row = self._database.fetch_one(_KNOWN, *mark)
        if row is None:
            self._database.execute(_FOUND, why, head.position, *mark, UUID(head.log))
            _log.error("the log was restored: %s. Nothing new is begun until 'revisor acknowledge-restore'", why)
        return row is not None and bool(row["acknowledged"])

    def _head(self) -> Mark:
        row = self._database.fetch_one(_HEAD)
        assert row is not None
        return Mark(row["log"], int(row["position"]), row["leaf"])

    def _leaf(self, position: int) -> str | None:
        row = self._database.fetch_one(
            "SELECT encode(leaf, 'hex') AS leaf FROM log.events WHERE notification_id = %s", position
        )
        return None if row is None else row["leaf"]

    def _read(self, head: Mark) -> Mark | None:
        try:
            self._written = _mark(self._file.read_bytes())
        except FileNotFoundError:
            if head.position:
                _log.warning("%s is not there: whether the log was put back before this cannot be told", self._file)
        except _NO_MARK as damage:
            _log.warning("%s is damaged and is written anew, and what was remembered is lost: %s", self._file, damage)
        return self._written

    def _keep(self, mark: Mark) -> None:
        """A disk that is full must not keep Revisor from running, nor fill its log with that."""
        if mark == self._written:
            return
        try:
            self._write(mark)
        except OSError as trouble:
            if not self._warned:
                _log.warning("%s cannot be written, and is tried again all the time: %s", self._file, trouble)
            self._warned = True
        else:
            self._warned = False

    def _write(self, mark: Mark) -> None:
        """Whole or not at all, also when the machine stops in the middle of it."""
        beside = self._file.with_name(self._file.name + ".new")
        with beside.open("w", encoding="ascii") as file:
            json.dump(asdict(mark), file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)
        self._written = mark


def _mark(text: bytes) -> Mark:
    """Raises one of ``_NO_MARK`` for what is none."""
    told = json.loads(text)
    log, position, leaf = UUID(str(told["log"])), int(told["position"]), told["leaf"]
    return Mark(str(log), position, None if leaf is None else bytes.fromhex(str(leaf)).hex())
