"""Holds: snapshots that nobody may delete, until a day or until somebody releases them.

A hold is a fact of the log alone; no hypervisor knows of it. So it binds whoever asks Revisor, and not who acts behind
its back. It belongs to a snapshot's id: a snapshot that was lost and restored is held as before.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain_model.errors import InvalidArgument, OperationInvalid
from domain_model.flags import SnapshotDelete
from domain_model.operations import Command
from domain_model.times import moment_in_words

if TYPE_CHECKING:
    from domain_model.domain import Domain


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds a snapshot, until when (RFC 3339; None: until it is released), and why."""

    by: str
    until: str | None
    reason: str | None = None
    ticket: str | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it has not come to its end."""
        return self.until is None or at < datetime.fromisoformat(self.until)

    def outlasts(self, until: str | None) -> bool:
        """Whether another one until then would end before it."""
        if until is None:
            return False
        return self.until is None or datetime.fromisoformat(until) < datetime.fromisoformat(self.until)

    def __str__(self) -> str:
        """As refusals have it: by whom, until when, and why."""
        until = None if self.until is None else moment_in_words(self.until)
        return in_words(self.by, until, self.reason, self.ticket)


@dataclass(frozen=True, kw_only=True)
class OfSnapshot:
    """Something about one snapshot, by its id; ``name`` is what it was called."""

    snapshot: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Holding(OfSnapshot):
    """The snapshot is held from here on, however it was held before. Events of before do not say why."""

    by: str
    until: str | None
    reason: str | None = None
    ticket: str | None = None

    def apply(self, domain: "Domain") -> None:
        domain.holds[self.snapshot] = Hold(self.by, self.until, self.reason, self.ticket)
        domain.leave_evidence()


@dataclass(frozen=True, kw_only=True)
class Release(OfSnapshot):
    """Nobody holds the snapshot any more."""

    def apply(self, domain: "Domain") -> None:
        domain.holds.pop(self.snapshot, None)
        domain.leave_evidence()


def in_words(by: str, until: str | None, reason: str | None, ticket: str | None) -> str:
    """Who holds a snapshot, until when and why, as people read it;
    ``until`` is written as times are where they read it.
    """
    end = "until it is released" if until is None else f"until {until}"
    why = ", ".join(each for each in (reason, ticket and f"ticket {ticket}") if each)
    return f"by {by} {end}{f' ({why})' if why else ''}"


def hold(
    domain: "Domain",
    name: str,
    *,
    by: str,
    until: datetime | None,
    at: datetime,
    reason: str | None = None,
    ticket: str | None = None,
) -> None:
    """Hold a snapshot; who holds it may hold it longer, or for another reason, and without one for the same.

    The same hold again changes nothing.

    Raises NoSnapshot (72), InvalidArgument (8) for the past, OperationInvalid (55) for a snapshot that somebody else
    holds, or that would be held for less long than it is.
    """
    record = domain.forest.named(name)
    if until is not None and until <= at:
        raise InvalidArgument(
            f"a hold until {moment_in_words(until)} would be over already",
            field="until",
            value=_shown(until),
            accepted=f"a time after {_shown(at)}",
        )
    end = None if until is None else until.astimezone(UTC).isoformat()
    held = domain.holds.get(record.id)
    if held is not None and held.by == by and reason is None and ticket is None:
        reason, ticket = held.reason, held.ticket  # held longer, for what it was held for
    wanted = Hold(by, end, reason, ticket)
    if held is not None and held.holds(at) and (held.by != by or held.outlasts(end)):
        _refuse(domain, name, held, "a later end, or " if held.by == by else "")
    if held != wanted:
        domain.record(domain.SnapshotHeld, at, snapshot=record.id, name=name, **asdict(wanted))


def release(domain: "Domain", name: str, at: datetime) -> None:
    """End a hold. Raises NoSnapshot (72), OperationInvalid (55) when nobody holds the snapshot."""
    record = domain.forest.named(name)
    if record.id not in domain.holds:
        raise OperationInvalid(f"snapshot '{name}' is not held", field="name", value=name)
    domain.record(domain.SnapshotReleased, at, snapshot=record.id, name=name)


def check_holds(domain: "Domain", command: Command, at: datetime) -> None:
    """Refuse (55) a command that would take away a snapshot that is held."""
    for snapshot in _endangered(domain, command):
        held = domain.holds.get(snapshot)
        if held is not None and held.holds(at):
            _refuse(domain, domain.forest.by_id(snapshot).name, held)


def _endangered(domain: "Domain", command: Command) -> Iterable[str]:
    """The snapshots that a command would delete, or whose metadata it would."""
    forest = domain.forest
    match command.verb:
        case "snapshot-delete" if command.arguments["name"] in forest:
            flags = SnapshotDelete(command.arguments["flags"])
            return forest.deletion_of(
                command.arguments["name"],
                children=SnapshotDelete.CHILDREN in flags,
                children_only=SnapshotDelete.CHILDREN_ONLY in flags,
            ).removed
        case "undefine" if domain.replica_on(command.host) is None:
            return [record.id for record in forest]
        case _:
            return ()


def _refuse(domain: "Domain", name: str, held: Hold, accepted: str = "") -> None:
    raise OperationInvalid(
        f"snapshot '{name}' of domain '{domain.name}' is held {held}",
        field="snapshot",
        value=name,
        accepted=f"{accepted}snapshot-release {domain.name} {name} first",
    )


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
