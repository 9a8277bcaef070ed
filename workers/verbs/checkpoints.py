"""Checkpoints and backups: what an agent does, and how it tells whether it happened."""

from contextlib import suppress

from domain_model.adoption import Adoption, Observation
from domain_model.checkpoints import BackupOutcome
from domain_model.domain import Domain
from domain_model.errors import Refused
from domain_model.flags import BackupBegin, CheckpointCreate, CheckpointDelete
from drivers.abilities import Backups, Checkpoints
from drivers.port import DomainSighting
from workers.verbs.task import DO_AGAIN, Evidence, Task, Verb, Verdict, done_if


def _is_there(task: Task, seen: DomainSighting | None) -> bool:
    """It was not there before, or the rules had refused it.

    Where it is not it is made again, which overwrites nothing: libvirt refuses (1) a bitmap that is there already.
    """
    return seen is not None and task.arguments["name"] in (seen.checkpoints or ())


def _is_gone(task: Task, seen: DomainSighting | None) -> bool:
    if seen is None:
        return True
    if task.arguments["flags"] & CheckpointDelete.CHILDREN_ONLY or seen.checkpoints is None:
        return False
    return task.arguments["name"] not in seen.checkpoints


def _was_begun(task: Task, seen: DomainSighting | None) -> Verdict:
    """A checkpoint is made in the same moment as its backup begins; a backup without one leaves no trace to tell by."""
    checkpoint = task.arguments.get("checkpoint")
    begun = seen is not None and checkpoint is not None and checkpoint in (seen.checkpoints or ())
    return Verdict.DONE if begun else Verdict.CANNOT_TELL


def _create(task: Task) -> None:
    task.ability(Checkpoints).checkpoint_create(task.uuid, task.xml, CheckpointCreate(task.flags))
    task.result["checkpoint"] = task.arguments["name"]


def _delete(task: Task) -> None:
    name, flags = task.arguments["name"], CheckpointDelete(task.flags)
    task.ability(Checkpoints).checkpoint_delete(task.uuid, name, flags)


def _begin(task: Task) -> None:
    checkpoint = task.arguments.get("checkpoint_xml")
    text = None if checkpoint is None else task.document(checkpoint)
    driver = task.ability(Backups)
    driver.backup_begin(task.uuid, task.xml, text, BackupBegin(task.flags))
    if task.arguments.get("checkpoint") is not None:
        task.result["checkpoint"] = task.arguments["checkpoint"]
    # A small disk is copied before this question is asked (104). Whatever keeps it from being answered, it was begun.
    with suppress(Refused):
        shown = task.records.redact(task.domain.id, driver.backup_xml(task.uuid))
        task.result["document"] = task.drafts.add(shown)


def _record_begin(task: Task, domain: Domain, adoption: Adoption, _seen: Observation | None) -> None:
    """The job as it was asked for, or as the hypervisor shows it while it runs: with the files it chose itself."""
    before = domain.checkpoints.backup
    if before is not None:
        # Two never run at once, and what the hypervisor remembers by now is of the new one.
        adoption.record(Domain.BackupEnded, backup=before.id, outcome=str(BackupOutcome.UNKNOWN), message=None)
    adoption.record(
        Domain.BackupBegun,
        backup=task.operation.id,
        incremental=task.arguments.get("incremental"),
        checkpoint=task.arguments.get("checkpoint"),
        document=task.result.get("document", task.arguments["xml"]),
    )


VERBS: dict[str, Verb] = {
    "checkpoint-create": Verb(_create, done_if("the checkpoint is listed", _is_there)),
    "checkpoint-redefine": Verb(_create, DO_AGAIN),
    "checkpoint-delete": Verb(
        _delete, done_if("the checkpoint is not listed; of children only (done again)", _is_gone)
    ),
    "backup-begin": Verb(_begin, Evidence("the checkpoint made with it is listed", _was_begun), _record_begin),
}
