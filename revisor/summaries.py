"""Events in a few words, as the history of a domain, a host or a schedule is read:
what the topic does not say already.
"""

from collections.abc import Callable, Mapping
from typing import Any

from domain_model.checkpoints import CheckpointFact
from domain_model.commands import describe_arguments
from domain_model.domain import Domain
from domain_model.drift import SNAPSHOT
from domain_model.facts import SnapshotFact, StateFact
from domain_model.host import Host
from domain_model.libvirt import DomainState, reason_words
from domain_model.schedule import Schedule
from domain_model.times import moment_in_words
from projections.ports import RecordedEvent

Names = Mapping[str, str]
"""What hosts and domains are called that events name by their ids."""


def summary(event: RecordedEvent, asked: RecordedEvent, names: Names) -> str:
    """``asked`` is the request of the event's operation, or the event itself."""
    verb = asked.event.verb if isinstance(asked.event, Domain.OperationRequested) else ""
    said = event.event
    kind = next((kind for kind in type(said).__mro__ if kind in _SUMMARIES), None)
    words = "" if kind is None else _SUMMARIES[kind](said, names)
    if isinstance(said, Domain.OperationFailed | Domain.OperationOutcomeUnknown | Domain.OperationSettled):
        return f"{verb}: {words}"
    return words or verb


def _requested(said: Domain.OperationRequested, names: Names) -> str:
    arguments = {key: names.get(str(value), value) for key, value in said.arguments.items()}
    return f"{said.verb} {describe_arguments(said.verb, arguments)}".rstrip()


def _state(said: StateFact, _: Names) -> str:
    state = DomainState(said.state)
    return f"{state.words} ({reason_words(state, said.reason)})"


def _deleted(said: Domain.SnapshotDeleted, _: Names) -> str:
    return ", ".join(str(entry["name"] or entry["snapshot"]) for entry in said.removed)


def _verified(said: Domain.SnapshotsVerified, _: Names) -> str:
    counts = {"present": len(said.present), "missing": len(said.missing), "unverified": len(said.unverified)}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _images(said: Domain.ImagesSeen, _: Names) -> str:
    return ", ".join(f"{disk}: {files[0]}" for disk, files in said.files.items() if files)


def _begun(said: Domain.BackupBegun, _: Names) -> str:
    return "of everything" if said.incremental is None else f"since {said.incremental}"


def _ended(said: Domain.BackupEnded, _: Names) -> str:
    return said.outcome if said.message is None else f"{said.outcome}: {said.message}"


def _accepted(said: Domain.DriftAccepted, _: Names) -> str:
    """Snapshots are there by their ids, which tell a reader nothing: they are counted."""
    plain = [aspect for aspect in said.aspects if not aspect.startswith(f"{SNAPSHOT} ")]
    snapshots = len(said.aspects) - len(plain)
    return ", ".join([*plain, *([f"{snapshots} snapshot{'s' if snapshots > 1 else ''}"] if snapshots else [])])


def _held(said: Domain.SnapshotHeld, _: Names) -> str:
    return said.name if said.until is None else f"{said.name} until {moment_in_words(said.until)}"


def _scheduled(said: Schedule.Created, names: Names) -> str:
    match said.selector:
        case {"domain": domain}:
            whose = f"domain {names.get(domain, domain)}"
        case {"pattern": pattern}:
            whose = pattern
        case _:
            whose = "all"
    return f"{said.cron} ({said.timezone}) of {whose}, keeps {said.keep or 'everything'}"


def _ran(said: Schedule.Ran | Schedule.Pruned, _: Names) -> str:
    return f"{moment_in_words(said.planned)}: {len(said.operations)} asked for, {len(said.refused)} refused"


def _skipped(said: Schedule.Skipped) -> str:
    if said.first is None or said.first == said.planned:
        return moment_in_words(said.planned)
    how_many = "times" if said.count is None else f"{said.count} times"
    return f"{how_many} from {moment_in_words(said.first)} to {moment_in_words(said.planned)}"


_SUMMARIES: dict[type[Any], Callable[[Any, Names], str]] = {
    Domain.Created: lambda said, _: f"domain '{said.name}' ({said.uuid})",
    Domain.OperationRequested: _requested,
    Domain.OperationFailed: lambda said, _: f"{said.message} [{said.code}]",
    Domain.OperationOutcomeUnknown: lambda said, _: said.message,
    Domain.OperationSettled: lambda said, _: f"{said.outcome}: {said.evidence}",
    Domain.Renamed: lambda said, _: f"from '{said.name_before}' to '{said.name}'",
    Domain.ImagesSeen: _images,
    Domain.DriftAccepted: _accepted,
    Domain.HandedOver: lambda said, names: f"from {names.get(said.previous)} to {names.get(said.host)}",
    Domain.ReplicaVerified: lambda said, _: f"{said.identical} of {said.total} snapshots identical",
    Domain.SnapshotDeleted: _deleted,
    Domain.SnapshotReverted: lambda said, _: str(said.name),
    Domain.SnapshotMadeCurrent: lambda said, _: str(said.name),
    Domain.SnapshotsVerified: _verified,
    Domain.SnapshotHeld: _held,
    Domain.SnapshotReleased: lambda said, _: said.name,
    Domain.CheckpointDeleted: lambda said, _: ", ".join(entry["name"] for entry in said.removed),
    Domain.BackupBegun: _begun,
    Domain.BackupEnded: _ended,
    Host.Created: lambda said, _: said.uri,
    Host.UriChanged: lambda said, _: said.uri,
    Host.Identified: lambda said, _: f"{said.driver} on {said.hostname} ({said.host_uuid})",
    Host.Led: lambda said, _: f"by worker {said.worker}, epoch {said.epoch}",
    Host.Limited: lambda said, _: f"{said.operations} operations at once",
    Host.AdoptionSet: lambda said, _: said.adopt,
    Schedule.Created: _scheduled,
    Schedule.Ran: _ran,
    Schedule.Skipped: lambda said, _: _skipped(said),
    Schedule.Pruned: _ran,
    SnapshotFact: lambda said, _: str(said.name),
    CheckpointFact: lambda said, _: said.name,
    StateFact: _state,
}
"""By the kind of event or the nearest kind it is built on."""
