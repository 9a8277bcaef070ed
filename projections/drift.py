"""The read model of drift: what our own last operation made of a domain on a host,
and what was observed otherwise since.

One row a placement. ``recorded`` has by aspect what it is to be, ``observed`` those aspects that are not so; both with
the position and the time of the fact they come from. Snapshots stand in ``observed`` alone: what was ours of one, the
fact that says it is otherwise tells. A row stays when the hypervisor no longer has a domain that by our word it should
have; it goes when an operation, the guest itself or an acceptance ended the domain.

A guest that shuts down or sleeps is no drift: nobody did that past Revisor. Nor is what the first look at a domain
shows, that is, whatever has the time of the fact by which it appeared.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from domain_model import drift
from domain_model.domain import Domain
from domain_model.facts import SnapshotDeletion, SnapshotFact, StateFact
from domain_model.libvirt import DomainState
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, Row, Rows, Table

DRIFT = Table(
    name="drift",
    columns={
        "domain": "uuid NOT NULL",
        "host": "uuid NOT NULL",
        "appeared_at": "timestamptz NOT NULL",
        "active": "boolean NOT NULL",
        "recorded": "jsonb NOT NULL",
        "observed": "jsonb NOT NULL",
        "position": "bigint NOT NULL",
    },
    key=("domain", "host"),
    indexes=("(host) WHERE observed <> '{}'",),
    fillfactor=50,
)

_APPEARS = (Domain.Defined, Domain.Started)
_RELEVANT = (
    *(StateFact, Domain.Defined, Domain.Undefined, Domain.Renamed, Domain.Updated),
    *(SnapshotFact, SnapshotDeletion, Domain.SnapshotMadeCurrent, Domain.DriftAccepted),
)
_OFF = int(DomainState.SHUTOFF)
_NEW = {drift.STATE: _OFF, drift.DEFINITION: None, drift.AUTOSTART: False, drift.MANAGED_SAVE: False}
"""What a domain is before anything is said of it."""
_GONE = {drift.STATE: _OFF, drift.AUTOSTART: False, drift.MANAGED_SAVE: False, drift.CURRENT: None}
"""What is lost with a domain that the hypervisor no longer has."""
_TOLD_ALONG = (drift.NAME, drift.AUTOSTART, drift.MANAGED_SAVE)
"""What facts about something else repeat."""
_SHUT_DOWN, _WOKE_UP = 1, 8
"""Reasons of being off and of running that come from the guest."""


class Drift:
    """What happened past Revisor, and was not made good or accepted since."""

    name = "drift"
    version = 1
    tables = (DRIFT,)
    about = _RELEVANT

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        return (OneRow(DRIFT, (event.stream, UUID(event.event.host))),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        key = (event.stream, UUID(event.event.host))
        before = rows.get(DRIFT, key)
        if before is None and not isinstance(event.event, _APPEARS):
            return
        placement = _Placement(before, event)
        if placement.is_gone and not isinstance(event.event, (*_APPEARS, Domain.DriftAccepted)):
            return
        placement.fold()
        if placement.over:
            rows.delete(DRIFT, key)
        elif before is None or placement.changed(before):
            rows.put(DRIFT, {"domain": event.stream, "host": key[1], **placement.columns()})


class _Placement:
    """The row of one placement while one event is folded into it."""

    def __init__(self, row: Row | None, event: RecordedEvent) -> None:
        self._said = event.event
        self._mark = {"position": event.position, "at": event.occurred_at.isoformat()}
        self._appeared_at = event.occurred_at if row is None else row["appeared_at"]
        self._active: bool = False if row is None else row["active"]
        self._recorded: dict[str, Any] = {} if row is None else dict(row["recorded"])
        self._observed: dict[str, Any] = {} if row is None else dict(row["observed"])
        if row is None:
            new = {**_NEW, drift.NAME: self._said.name, drift.CURRENT: None}
            self._recorded = {aspect: self._entry(value) for aspect, value in new.items()}
        first_sight = event.occurred_at == self._appeared_at
        self._ours = first_sight or getattr(self._said, "origin", None) == "operation"

    @property
    def over(self) -> bool:
        """Whether it is gone, and by our word too."""
        ours = (self._recorded[drift.DEFINITION]["value"], self._recorded[drift.STATE]["value"])
        ended_by_us = self._ours and isinstance(self._said, (Domain.Undefined, Domain.Stopped))
        return self.is_gone and (ended_by_us or ours == (None, _OFF))

    def changed(self, before: Row) -> bool:
        return any(before[column] != value for column, value in self.columns().items() if column != "position")

    def columns(self) -> dict[str, Any]:
        return {
            "appeared_at": self._appeared_at,
            "active": self._active,
            "recorded": self._recorded,
            "observed": self._observed,
            "position": self._mark["position"],
        }

    def fold(self) -> None:
        """What the event says of each aspect."""
        said = self._said
        if isinstance(said, Domain.DriftAccepted):
            self._accept(said)
            return
        if isinstance(said, StateFact):
            self._active = said.hypervisor_id is not None
            self._note(drift.STATE, _plain(said.state), ours=self._ours or _by_the_guest(said))
        for aspect, value in _told(said):
            self._note(aspect, value, ours=self._ours)
        if isinstance(said, SnapshotFact):
            self._snapshot(said)
        elif isinstance(said, SnapshotDeletion):
            self._deleted(said)
        if self.is_gone:
            self._lose()

    @property
    def is_gone(self) -> bool:
        """Whether the hypervisor has the domain no more."""
        return not self._active and self._actual(drift.DEFINITION) is None

    def _actual(self, aspect: str) -> Any:
        return self._observed.get(aspect, self._recorded[aspect])["value"]

    def _entry(self, value: Any) -> dict[str, Any]:
        return {"value": value, **self._mark}

    def _note(self, aspect: str, value: Any, *, ours: bool) -> None:
        if aspect in _TOLD_ALONG and value == self._actual(aspect):
            return
        if ours:
            self._recorded[aspect] = self._entry(value)
        if ours or value == self._recorded[aspect]["value"]:
            self._observed.pop(aspect, None)
        elif value != self._actual(aspect):
            self._observed[aspect] = self._entry(value)

    def _accept(self, said: Domain.DriftAccepted) -> None:
        for aspect in said.aspects:
            seen = self._observed.get(aspect)
            if seen is not None and seen["position"] <= said.position:
                del self._observed[aspect]
                if aspect in self._recorded:
                    self._recorded[aspect] = self._entry(seen["value"])

    def _snapshot(self, said: SnapshotFact) -> None:
        key, now = drift.snapshot_key(said.snapshot), [said.header, said.domain, said.inactive_domain]
        known = self._observed.get(key)
        if known is None and not self._ours:
            replaced = getattr(said, "replaced", None)
            before = None if replaced is None else [replaced[part] for part in ("header", "domain", "inactive_domain")]
            if before != now:
                self._differs(key, said.name, drift.ADDED if before is None else drift.CHANGED, before)
        elif self._ours or (known is not None and _is_back(known, now)):
            self._observed.pop(key, None)
        elif known is not None:
            # Changed once more: who accepts what was seen before does not accept this.
            value = drift.CHANGED if known["value"] == drift.GONE else known["value"]
            self._differs(key, said.name, value, known["recorded"])

    def _deleted(self, said: SnapshotDeletion) -> None:
        for removed in said.removed:
            key = drift.snapshot_key(removed["snapshot"])
            known = self._observed.pop(key, None)
            if not self._ours and (known is None or known["value"] != drift.ADDED):
                self._differs(key, removed["name"], drift.GONE, None if known is None else known["recorded"])

    def _differs(self, key: str, name: str | None, value: str, recorded: list[str | None] | None) -> None:
        self._observed[key] = {**self._entry(value), "name": name, "recorded": recorded}

    def _lose(self) -> None:
        self._observed = {aspect: seen for aspect, seen in self._observed.items() if aspect in self._recorded}
        for aspect, value in _GONE.items():
            self._note(aspect, value, ours=False)


def _is_back(known: dict[str, Any], now: list[str | None]) -> bool:
    """Whether a snapshot is what it was by our word; one that went is, if what it was is not known."""
    return known["recorded"] == now or (known["value"] == drift.GONE and known["recorded"] is None)


def _plain(state: int) -> int:
    """A guest that idles runs."""
    return int(DomainState.RUNNING) if state == DomainState.BLOCKED else state


def _by_the_guest(said: StateFact) -> bool:
    """Whether the guest itself brought this about."""
    if isinstance(said, Domain.Stopped):
        return said.reason == _SHUT_DOWN
    if isinstance(said, Domain.Resumed):
        return said.reason == _WOKE_UP
    return isinstance(said, Domain.ShuttingDown | Domain.PMSuspended)


def _told(said: Any) -> Iterable[tuple[str, Any]]:
    """The aspects but the state that an event is about, and what each is now."""
    told: list[tuple[str, Any]] = []
    match said:
        case Domain.Defined():
            told = [(drift.NAME, said.name), (drift.DEFINITION, said.definition)]
        case Domain.Undefined():
            told = [(drift.DEFINITION, None)]
        case Domain.Renamed() | Domain.Started():
            told = [(drift.NAME, said.name)]
        case Domain.Updated():
            told = [(drift.AUTOSTART, said.autostart), (drift.MANAGED_SAVE, said.managed_save)]
        case SnapshotFact():
            told = [(drift.CURRENT, said.snapshot)] if said.current else told
        case Domain.SnapshotMadeCurrent() | Domain.SnapshotReverted():
            told = [(drift.CURRENT, said.snapshot)]
        case SnapshotDeletion() if said.current != said.current_before:
            told = [(drift.CURRENT, said.current)]
    return told
