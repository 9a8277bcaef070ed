"""How things look to the outside: rows and events as plain values with the keys of the command line's contract."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from domain_model import domain_xml
from domain_model.commands import HostNames
from domain_model.errors import ERROR_NAMES
from domain_model.holds import Hold
from domain_model.libvirt import DomainState, reason_words
from domain_model.operations import NAMES_HOSTS
from domain_model.presence import Presence
from domain_model.snapshots import SnapshotForest
from projections.ports import RecordedEvent
from projections.positions import ProjectionState
from revisor.health import word_for
from revisor.held_up import held_up
from revisor.rows import HostRow, OperationRow, PlacementRow, SnapshotRow
from revisor.sightings import LastLook
from revisor.status import PoolStatus, Status
from revisor.summaries import summary

Shown = dict[str, Any]


def time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the microsecond."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_uuid(text: str) -> bool:
    return domain_xml.normalised_uuid(text) is not None


def reference(ref: str, host: str | None) -> str:
    """What was asked for, for the record; a document given as a name is left out, as it may hold a password."""
    shown = "(XML)" if ref.lstrip().startswith("<") else ref
    return shown if host is None else f"{host}/{shown}"


def host(row: HostRow, look: LastLook) -> Shown:
    """``state`` is ``connected`` when the last look succeeded, ``waiting`` before the first one.

    ``unattended`` when nobody looks at it any more.
    """
    return {
        "id": str(row.id),
        "name": row.name,
        "uri": row.uri,
        "driver": row.driver,
        "host_uuid": row.host_uuid,
        "hostname": row.hostname,
        "capabilities": row.capabilities,
        "state": _host_state(look),
        "problem": look.problem,
        "epoch": row.epoch,
        "disabled": row.disabled,
        "operations": row.operations,
        "adopt": row.adopt,
        "observed_at": time(look.observed_at),
    }


def _host_state(look: LastLook) -> str:
    if look.problem is not None:
        return "unreachable"
    if look.silent:
        return "unattended"
    return "waiting" if look.observed_at is None else "connected"


def domain(row: PlacementRow) -> Shown:
    state = DomainState(row.state)
    return {
        "id": row.hypervisor_id,
        "name": row.name,
        "uuid": row.uuid,
        "host": row.host_name,
        "role": row.role,
        "state": state.words,
        "reason": reason_words(state, row.reason),
        "persistent": row.persistent,
        "autostart": row.autostart,
        "managed_save": row.managed_save,
        "has_snapshots": row.has_snapshots,
        "has_checkpoints": row.has_checkpoints,
    }


def domain_with_title(row: PlacementRow, xml: str | None) -> Shown:
    return {**domain(row), "title": None if xml is None else domain_xml.read(xml).title}


def domain_in_detail(row: PlacementRow, xml: str) -> Shown:
    said = domain_xml.read(xml)
    return {
        **domain(row),
        "os_type": said.os_type,
        "vcpus": said.current_vcpus,
        "max_memory_kib": said.memory_kib,
        "used_memory_kib": said.current_memory_kib,
        "stream": str(row.domain),
        "position": row.position,
    }


def snapshots(rows: Sequence[SnapshotRow], host: str, now: datetime) -> list[Shown]:
    """All snapshots of a domain, whose owner is on a host, each with its place in the tree, and who holds it."""
    children: dict[str | None, list[str]] = {}
    for row in rows:
        children.setdefault(row.parent_name, []).append(row.name)
    return [
        {
            "name": row.name,
            "id": row.id,
            "parent": row.parent_name,
            "children": sorted(children.get(row.name, [])),
            "state": row.state,
            "location": row.location,
            "creation_time": row.creation_time,
            "current": row.current,
            "presence": row.presence,
            "why": row.why,
            "has_description": row.description is not None,
            "description": row.description,
            "host": host,
            **_hold(row, now),
        }
        for row in rows
    ]


def _hold(row: SnapshotRow, now: datetime) -> Shown:
    """A hold that has come to its end is none."""
    if row.held_by is None or (row.held_until is not None and row.held_until <= now):
        return held(None)
    until = None if row.held_until is None else row.held_until.isoformat()
    return held(Hold(row.held_by, until, row.held_reason, row.held_ticket))


def held(hold: Hold | None) -> Shown:
    """Who holds a snapshot, until when and why."""
    if hold is None:
        return {"held": False} | dict.fromkeys(("held_by", "held_until", "held_reason", "held_ticket"))
    until = None if hold.until is None else datetime.fromisoformat(hold.until)
    why = {"held_reason": hold.reason, "held_ticket": hold.ticket}
    return {"held": True, "held_by": hold.by, "held_until": time(until), **why}


def deleted_snapshots(forest: SnapshotForest) -> list[Shown]:
    """The snapshots whose metadata was deleted and can be brought back, each with the place it would come back to."""
    names = {record.id: record.name for record in forest} | {each.record.id: each.record.name for each in forest.grave}
    places = {**forest.grave.displaced, **{each.record.id: each.belongs_below or "" for each in forest.grave}}
    return [
        {
            "name": each.record.name,
            "id": each.record.id,
            "parent": names.get(each.belongs_below or ""),
            "children": sorted(names[child] for child, place in places.items() if place == each.record.id),
            "state": each.record.state,
            "location": each.record.location,
            "creation_time": each.record.creation_time,
            "current": each.record.id == forest.grave.current,
            "presence": Presence.UNVERIFIED.value,
            "why": None,
            "has_description": each.record.description is not None,
            "description": each.record.description,
            "lost": each.lost,
        }
        for each in forest.grave
    ]


def operation(row: OperationRow, hosts: HostNames) -> Shown:
    return {
        "id": str(row.id),
        "request_id": None if row.request_id is None else str(row.request_id),
        "verb": row.verb,
        "domain": row.domain_name,
        "stream": str(row.domain),
        "host": row.host_name,
        "state": row.state,
        "error": _error(row.error_code, row.error_message),
        "requested_at": time(row.requested_at),
        "ended_at": time(row.ended_at),
        "actor": row.actor,
        "arguments": {
            key: hosts.get(value, value) if key in NAMES_HOSTS else value for key, value in row.arguments.items()
        },
        "result": row.result or {},
        "position": row.ended_position or row.requested_position,
        "progress": row.progress,
        "settled": row.settled,
        "held_up": _held_up(row),
    }


def _held_up(row: OperationRow) -> str | None:
    ended = row.ended_at is not None
    return None if ended or row.held_up is None else held_up(row.held_up, row.host_name or row.host)


def _error(code: int | None, message: str | None) -> Shown | None:
    if code is None:
        return None
    return {"code": code, "name": ERROR_NAMES.get(code, "INTERNAL_ERROR"), "message": message}


def projection(
    row: ProjectionState, head: int, unseen_since: datetime | None, parked_topic: str | None, now: datetime
) -> Shown:
    """``behind_s`` is the age of the oldest event it has not seen, recorded at ``unseen_since``."""
    age_s = 0.0 if unseen_since is None else max(0.0, (now - unseen_since).total_seconds())
    return {
        "name": row.name,
        "position": row.position,
        "behind": max(0, head - row.position),
        "behind_s": round(age_s, 3),
        "state": "parked" if row.parked_at is not None else "caught up" if row.position >= head else "behind",
        "error": row.error,
        "parked_at": row.parked_at,
        "parked_topic": parked_topic,
    }


def status(seen: Status, pool: PoolStatus, problems: list[str]) -> Shown:
    return {
        "status": word_for(problems),
        "problems": problems,
        "restore": seen.restore,
        "log": {**asdict(seen.log), "recorded_at": time(seen.log.recorded_at)},
        "projections": [asdict(each) for each in seen.projections],
        "hosts": [{**asdict(each), "observed_at": time(each.observed_at)} for each in seen.hosts],
        "scheduler": asdict(seen.scheduler),
        "overdue": [{**asdict(each), "planned_at": time(each.planned_at)} for each in seen.overdue],
        "unsettled": [asdict(each) for each in seen.unsettled],
        "database": {"version": seen.postgres, "connections": asdict(pool)},
    }


def attempt(event: RecordedEvent) -> Shown:
    said = event.event
    return {
        "recorded_at": time(event.recorded_at),
        "actor": event.actor,
        "verb": said.verb,
        "target": said.target,
        "code": said.code,
        "message": said.message,
        "suppressed": said.suppressed,
    }


def restore(event: RecordedEvent) -> Shown:
    """What was found when a restore was acknowledged, by whom, and where that is in the log."""
    return {
        **_data(event),
        "recorded_at": time(event.recorded_at),
        "actor": event.actor,
        "reason": event.reason,
        "ticket": event.ticket,
        "recorded_position": event.position,
    }


def log(events: Sequence[RecordedEvent], names: Mapping[str, str]) -> list[Shown]:
    """The history of a domain, a host or a schedule.

    Who asked for an operation is also the actor of what came of it. ``names`` are those of hosts, and of the domains of
    schedules, by their ids.
    """
    askers = {event.event.operation: event for event in events if event.topic == "operation.requested"}
    return [_entry(event, askers, names) for event in events]


def _entry(event: RecordedEvent, askers: dict[str, RecordedEvent], names: Mapping[str, str]) -> Shown:
    data = _data(event)
    operation = data.get("operation")
    asked = askers.get(operation or "", event)
    # Of these somebody else may have been the cause than who asked for the operation.
    who = event if event.topic in ("operation.cancelled", "operation.settled") else asked
    return {
        "position": event.position,
        "recorded_at": time(event.recorded_at),
        "occurred_at": time(event.occurred_at),
        "topic": event.topic,
        "origin": data.get("origin", _ORIGINS.get(event.topic, "operation")),
        "actor": who.actor,
        "recorded_by": event.actor,
        "reason": who.reason,
        "ticket": who.ticket,
        "operation": operation,
        "request_id": None if asked.request_id is None else str(asked.request_id),
        "host": names.get(data.get("host", "")),
        "summary": summary(event, asked, names),
        "data": data,
    }


def _data(event: RecordedEvent) -> Shown:
    return {key: value for key, value in vars(event.event).items() if key not in _ENVELOPE}


_BY_PEOPLE = (
    *("operation.requested", "operation.cancelled", "drift.accepted", "snapshot.held", "snapshot.released"),
    *("host.added", "host.uri_changed", "host.disabled", "host.enabled", "host.limited", "host.adoption_set"),
    *("host.removed", "schedule.added", "schedule.enabled", "schedule.disabled", "schedule.removed"),
)
"""What somebody asked for or said."""
_BY_ITSELF = ("host.led", "schedule.ran", "schedule.skipped", "schedule.pruned")
_ORIGINS = {
    **dict.fromkeys(_BY_PEOPLE, "requested"),
    **dict.fromkeys(_BY_ITSELF, None),
    "host.identified": "observed",
}
"""Of what does not say it itself; all else came of an operation."""
_ENVELOPE = ("originator_id", "originator_version", "originator_topic", "timestamp")
