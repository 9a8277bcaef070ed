"""What an agent does for each verb, and how it tells afterwards whether it happened.

``act`` touches the hypervisor. ``happened`` looks at what is there, beside the evidence taken before, when the answer
was lost: done, not done (so it may be done again), or not to be told from here. ``record`` adds the facts that a plain
comparison with the log would not find.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from domain_model.adoption import Adoption, Observation, record_replica
from domain_model.commands import check_role
from domain_model.domain import Domain
from domain_model.errors import OperationFailed, OperationInvalid
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from domain_model.libvirt import DomainState
from domain_model.operations import Command, Operation
from drivers.port import DomainSighting, Driver
from workers.ports import Drafts, Lead, Records
from workers.replication import Replication


class Verdict(Enum):
    DONE = "done"
    NOT_DONE = "not done"
    CANNOT_TELL = "cannot tell"


@dataclass(slots=True)
class Task:
    """One operation being carried out."""

    driver: Driver
    records: Records
    lead: Lead
    domain: Domain
    operation: Operation
    drafts: Drafts
    result: dict[str, Any] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    """By a replay: ids of snapshots taken off the replica."""
    agrees: bool = True
    """By a replay: whether the replica was found to agree."""

    @property
    def uuid(self) -> str:
        return self.domain.uuid

    @property
    def arguments(self) -> dict[str, Any]:
        return self.operation.arguments

    @property
    def xml(self) -> str:
        """The document the operation brought, with its secrets."""
        digest = self.arguments["xml"]
        return self.records.restore(self.domain.id, self.records.texts([digest])[digest])


Act = Callable[[Task], None]
Happened = Callable[[Operation, DomainSighting | None], Verdict]
Record = Callable[[Task, Domain, Adoption, Observation | None], None]


def _nothing_more(_task: Task, _domain: Domain, _adoption: Adoption, _seen: Observation | None) -> None:
    """The comparison with the log finds all facts."""


@dataclass(frozen=True, slots=True)
class Verb:
    act: Act
    happened: Happened
    record: Record = _nothing_more


def _done_if(test: Callable[[Operation, DomainSighting | None], bool]) -> Happened:
    """Done when the test says so; otherwise not done, and harmless to do again."""
    return lambda operation, seen: Verdict.DONE if test(operation, seen) else Verdict.NOT_DONE


def _do_again(_operation: Operation, _seen: DomainSighting | None) -> Verdict:
    """Doing it twice is the same as once."""
    return Verdict.NOT_DONE


def _in_state(*states: DomainState) -> Happened:
    return _done_if(lambda _, seen: seen is not None and seen.state in states)


def _inactive(operation: Operation, seen: DomainSighting | None) -> bool:
    return seen is None or not seen.active or seen.hypervisor_id != operation.evidence.get("hypervisor_id")


def _reboot_happened(_operation: Operation, _seen: DomainSighting | None) -> Verdict:
    return Verdict.CANNOT_TELL  # a reboot leaves no trace that a second look could find


def _snapshot_was_created(operation: Operation, seen: DomainSighting | None) -> Verdict:
    if operation.arguments["flags"] & SnapshotCreate.NO_METADATA or seen is None:
        return Verdict.CANNOT_TELL
    # Absence proves nothing: a disk may hold the snapshot although libvirt does not list it, and taking it again
    # would silently overwrite it.
    return Verdict.DONE if operation.arguments["name"] in seen.snapshots else Verdict.CANNOT_TELL


def _was_reverted(operation: Operation, seen: DomainSighting | None) -> Verdict:
    if seen is None or seen.current_snapshot != operation.arguments["name"]:
        return Verdict.CANNOT_TELL
    another_run = seen.hypervisor_id != operation.evidence.get("hypervisor_id")
    became_current = seen.current_snapshot != operation.evidence.get("current_snapshot")
    return Verdict.DONE if another_run or became_current else Verdict.CANNOT_TELL


def _snapshots_are_gone(operation: Operation, seen: DomainSighting | None) -> bool:
    if seen is None:
        return True
    if operation.arguments["flags"] & SnapshotDelete.CHILDREN_ONLY:
        return False
    return operation.arguments["name"] not in seen.snapshots


def _create_snapshot(task: Task) -> None:
    task.driver.snapshot_create(task.uuid, task.xml, SnapshotCreate(task.arguments["flags"]))
    task.result["snapshot"] = task.arguments["name"]


def _revert(task: Task) -> None:
    task.driver.snapshot_revert(task.uuid, task.arguments["name"], SnapshotRevert(task.arguments["flags"]))


def _record_revert(task: Task, domain: Domain, adoption: Adoption, seen: Observation | None) -> None:
    if seen is not None:
        adoption.reverted(domain.forest.named(task.arguments["name"]), seen)


def _delete_snapshot(task: Task) -> None:
    flags = SnapshotDelete(task.arguments["flags"])
    if not task.driver.capabilities.delete_metadata_only:
        flags &= ~SnapshotDelete.METADATA_ONLY
    task.driver.snapshot_delete(task.uuid, task.arguments["name"], flags)


def _record_reboot(_task: Task, _domain: Domain, adoption: Adoption, _seen: Observation | None) -> None:
    adoption.record(Domain.Rebooted)


def _replay(task: Task) -> None:
    def tell(done: int, total: int) -> None:
        task.records.progress(UUID(task.operation.id), done, total)

    replication = Replication(task.driver, task.records, task.domain, str(task.lead.host), tell)
    report = replication.run(existed_before=task.operation.evidence["existed"])
    task.removed = replication.removed
    task.agrees = report.agrees
    task.result = report.as_json()


def _record_replay(task: Task, domain: Domain, adoption: Adoption, seen: Observation | None) -> None:
    if seen is None:
        raise OperationFailed(f"the replica on host '{task.lead.host_name}' vanished after it was made")
    adoption.adopt(seen, snapshots=False)
    host = str(task.lead.host)
    # What was replayed is the forest as it was then, not what others may have recorded since.
    replayed = task.domain
    missing = {entry["name"] for entry in task.result["snapshots"] if entry["result"] == "missing"}
    record_replica(domain, replayed.forest, adoption, host, removed=task.removed, missing=missing)
    if task.agrees and domain.placements[host].verified != replayed.content:
        adoption.record(
            Domain.ReplicaVerified,
            content=replayed.content,
            identical=task.result["identical"],
            total=task.result["total"],
        )


def _check_handover(task: Task) -> None:
    """The owner must be off now, not only as last recorded; the rest of the rule is asked again too."""
    _must_be_off(task, task.driver.domain(task.uuid))


def _must_be_off(task: Task, seen: DomainSighting | Observation | None) -> None:
    if seen is not None and seen.hypervisor_id is not None:
        raise OperationInvalid(
            f"domain '{seen.name}' is running on host '{task.lead.host_name}'",
            field="state",
            value=seen.state.words,
            accepted="shut off",
        )


def _record_handover(task: Task, domain: Domain, adoption: Adoption, seen: Observation | None) -> None:
    _must_be_off(task, seen)
    adoption.adopt(seen)
    operation = task.operation
    check_role(domain, command_of(operation), task.records.host_names())
    domain.record(
        Domain.HandedOver,
        task.records.now(),
        operation=operation.id,
        host=operation.arguments["to"],
        previous=str(task.lead.host),
    )


def command_of(operation: Operation) -> Command:
    """What was asked for, to be checked once more."""
    return Command(operation.id, operation.verb, operation.host, operation.arguments)


def replica_differs(task: Task) -> OperationFailed:
    """The refusal that a replay ends with when the replica was found to differ."""
    agreeing = sum(1 for entry in task.result["snapshots"] if entry["result"] in ("identical", "normalised"))
    return OperationFailed(
        f"the replica on host '{task.lead.host_name}' differs: {agreeing} of {task.result['total']} snapshots agree"
    )


VERBS: dict[str, Verb] = {
    "define": Verb(lambda task: task.driver.define(task.xml), _do_again),
    "create": Verb(
        lambda task: task.driver.create(task.xml, paused=task.arguments.get("paused", False)),
        _done_if(lambda _, seen: seen is not None and seen.active),
    ),
    "undefine": Verb(
        lambda task: task.driver.undefine(
            task.uuid, snapshots_metadata=task.arguments.get("snapshots_metadata", False)
        ),
        _done_if(lambda _, seen: seen is None or not seen.persistent),
    ),
    "start": Verb(
        lambda task: task.driver.start(task.uuid, paused=task.arguments.get("paused", False)),
        _done_if(lambda _, seen: seen is not None and seen.active),
    ),
    "shutdown": Verb(lambda task: task.driver.shutdown(task.uuid), _done_if(_inactive)),
    "reboot": Verb(lambda task: task.driver.reboot(task.uuid), _reboot_happened, _record_reboot),
    "destroy": Verb(lambda task: task.driver.destroy(task.uuid), _done_if(_inactive)),
    "suspend": Verb(lambda task: task.driver.suspend(task.uuid), _in_state(DomainState.PAUSED)),
    "resume": Verb(lambda task: task.driver.resume(task.uuid), _in_state(DomainState.RUNNING)),
    "snapshot-create": Verb(_create_snapshot, _snapshot_was_created),
    "snapshot-redefine": Verb(_create_snapshot, _do_again),
    "snapshot-revert": Verb(_revert, _was_reverted, _record_revert),
    "snapshot-delete": Verb(_delete_snapshot, _done_if(_snapshots_are_gone)),
    "replay": Verb(_replay, _do_again, _record_replay),
    "handover": Verb(_check_handover, _do_again, _record_handover),
}
