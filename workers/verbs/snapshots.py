"""Snapshots: what an agent does, and how it tells whether it happened."""

from collections.abc import Sequence

from domain_model import redefinition
from domain_model.adoption import Adoption, Observation
from domain_model.domain import Domain
from domain_model.flags import SnapshotCreate, SnapshotDelete, SnapshotRevert
from domain_model.presence import UNVERIFIED, check_is_there
from domain_model.redefinition import Step
from drivers.port import DomainSighting
from workers.image_eye import ImageEye
from workers.redefining import Redefinition, dumps_for
from workers.verbs import snapshot_creation
from workers.verbs.task import DO_AGAIN, Evidence, Task, Verb, Verdict, done_if


def _was_reverted(task: Task, seen: DomainSighting | None) -> Verdict:
    """A running guest becomes another run by it, and the snapshot the current one when all else is done."""
    if seen is None:
        return Verdict.CANNOT_TELL
    name, current_before = task.arguments["name"], task.evidence.get("current_snapshot")
    another_run = seen.hypervisor_id != task.evidence.get("hypervisor_id")
    if seen.current_snapshot == name and (another_run or current_before != name):
        return Verdict.DONE
    if seen.current_snapshot != current_before:
        return Verdict.CANNOT_TELL  # somebody went on from there
    # Off before and after, at the snapshot it was at: once more makes no difference.
    return Verdict.NOT_DONE


def _snapshots_are_gone(task: Task, seen: DomainSighting | None) -> bool:
    if seen is None:
        return True
    if task.arguments["flags"] & SnapshotDelete.CHILDREN_ONLY:
        return False
    return task.arguments["name"] not in seen.snapshots


def _redefine(task: Task) -> None:
    wanted = redefinition.wanted_by(task.arguments)
    _carry_out(task, redefinition.plan(task.domain.forest, wanted, SnapshotCreate(task.flags), task.uuid))
    if len(wanted) == 1:
        task.result["snapshot"] = wanted[0].name


def _undelete(task: Task) -> None:
    wanted = redefinition.undeletion(task.domain.forest, task.arguments["name"])
    _carry_out(task, redefinition.plan(task.domain.forest, wanted))


def _carry_out(task: Task, steps: Sequence[Step]) -> None:
    # Nothing is recorded before the end, so the plan of an operation that was broken off is the same the second time.
    batch = Redefinition(task.driver, task.uuid, dumps_for(steps, task.records, task.domain.id))
    task.touched = batch.touched
    batch.carry_out(steps, task.tell)
    task.result["snapshots"] = [step.name for step in steps]


def _revert(task: Task) -> None:
    _refuse_missing(task)
    task.driver.snapshot_revert(task.uuid, task.arguments["name"], SnapshotRevert(task.flags))


def _refuse_missing(task: Task) -> None:
    """libvirt ends a running guest before it finds that there is nothing to go back to."""
    name = task.arguments["name"]
    found = ImageEye(task.driver, str(task.lead.host)).presence(task.domain)
    check_is_there(name, found.get(name, UNVERIFIED))


def _record_revert(task: Task, domain: Domain, adoption: Adoption, seen: Observation | None) -> None:
    if seen is not None:
        adoption.reverted(domain.forest.named(task.arguments["name"]), seen)


def _delete_snapshot(task: Task) -> None:
    flags = SnapshotDelete(task.flags)
    if not task.driver.capabilities.delete_metadata_only:
        flags &= ~SnapshotDelete.METADATA_ONLY
    task.driver.snapshot_delete(task.uuid, task.arguments["name"], flags)


VERBS: dict[str, Verb] = {
    "snapshot-create": snapshot_creation.VERB,
    "snapshot-redefine": Verb(_redefine, DO_AGAIN),
    "snapshot-undelete": Verb(_undelete, DO_AGAIN),
    "snapshot-revert": Verb(
        _revert,
        Evidence("the snapshot is the current one, in another run of the guest if it was before", _was_reverted),
        _record_revert,
    ),
    "snapshot-delete": Verb(
        _delete_snapshot,
        done_if("the snapshot is not listed; of children only (done again)", _snapshots_are_gone),
    ),
}
