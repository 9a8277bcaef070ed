"""Taking a snapshot: what an agent does, and how it tells whether it happened.

libvirt keeps its metadata last. When libvirtd ends in the middle the guest may stay paused, and its images may hold a
snapshot that nobody lists and that the next one of this name would overwrite without a word. So the images are looked
into before and afterwards: the name was free in them when the operation began, and whatever bears it later is ours.
"""

import logging
from typing import Any

from domain_model import domain_xml, snapshot_xml
from domain_model.errors import HypervisorUnreachable, OperationFailed, OutcomeUnknown, Refused
from domain_model.flags import SnapshotCreate, SnapshotDelete
from domain_model.libvirt import DomainState
from domain_model.snapshot_xml import DiskSnapshot
from drivers.abilities import GuestControl
from drivers.images import ImageChain, OrphanTag
from drivers.port import DomainSighting
from workers.image_eye import ImageEye
from workers.verbs.task import Evidence, Task, Verb, Verdict

_PAUSED_BY_LIBVIRT = (0, 1, 3, 9)
"""Reasons of being paused, virDomainPausedReason: unknown, user, saving, snapshot. libvirtd that ended in the middle
knows afterwards that it was saving, or only that somebody has paused the guest."""

_log = logging.getLogger(__name__)


def _eye(task: Task) -> ImageEye:
    return ImageEye(task.driver, str(task.lead.host))


def _images(task: Task) -> list[ImageChain]:
    """The images that can hold snapshots; none if one of the domain's images cannot be seen."""
    return [chain for chain in _eye(task).chains(task.uuid) or () if chain.tags is not None]


def _look_whether_the_name_is_free(task: Task, seen: DomainSighting | None) -> dict[str, Any]:
    """Returns the images in which it is. Raises OperationFailed (9) where one holds a snapshot of this name."""
    if seen is None or _is_external(task):
        return {}
    name, images = task.arguments["name"], _images(task)
    for image in images:
        if name in (image.tags or ()):
            raise OperationFailed(
                f"image '{image.files[0]}' holds a snapshot '{name}' that is not listed, and a new one would overwrite it",
                field="name",
                value=name,
                accepted="another name; or give that one its metadata back: replay, snapshot-undelete, snapshot-create --redefine",
            )
    return {"images": sorted(image.files[0] for image in images)}


def _is_external(task: Task) -> bool:
    """Its data is in files beside the images, which tell nothing here."""
    return bool(task.flags & SnapshotCreate.DISK_ONLY) or snapshot_xml.read(task.xml).location == "external"


def _create(task: Task) -> None:
    try:
        task.driver.snapshot_create(task.uuid, task.xml, SnapshotCreate(task.flags))
    except HypervisorUnreachable:
        raise
    except Refused as refusal:
        if not _is_there_all_the_same(task, refusal):
            raise
    task.result["snapshot"] = task.arguments["name"]


def _is_there_all_the_same(task: Task, refusal: Refused) -> bool:
    """Whether its images hold the whole of a snapshot that was refused, which is listed then:
    so it is when a guest dies with all written and nothing answered. Afterwards they hold nothing of one that is not
    whole.

    Raises OutcomeUnknown when what they hold can neither be listed nor deleted.
    """
    try:
        seen = task.driver.domain(task.uuid)
        if seen is None or _still_at_it(task):
            return False
        tags = _left_of_it(task, seen)
        if tags and not task.lead.still_held():
            raise OutcomeUnknown("it was refused, and what its images hold is for the next worker to put right")
        whole = bool(tags) and _make_known(task, seen, tags)
    except Refused as trouble:
        told = f"it was refused ({refusal.message}), and what its images hold could not be put right: {trouble.message}"
        raise OutcomeUnknown(told) from refusal
    if whole:
        ids = {"operation": task.operation.id}
        _log.warning("it was refused, and its images hold all of it: it is listed", extra=ids)
    return whole


def _was_created(task: Task, seen: DomainSighting | None) -> Verdict:
    """While libvirt is at one inside the images, its answers to all questions wait; at one beside them it answers."""
    name, kept = task.arguments["name"], not task.flags & SnapshotCreate.NO_METADATA
    if seen is None:
        return Verdict.CANNOT_TELL
    if _still_at_it(task):
        return Verdict.NOT_YET
    if name in seen.snapshots:
        return Verdict.DONE
    if kept and task.driver.capabilities.whole_acts:
        return Verdict.NOT_DONE
    return _told_by_images(task, name, kept=kept)


def _told_by_images(task: Task, name: str, *, kept: bool) -> Verdict:
    """Of one that is not listed. What was not looked into before, or cannot be now, tells nothing."""
    before = task.evidence.get("images")
    tags = {image.files[0]: image.tags or () for image in _images(task)} if before else {}
    if not before or not {*before} <= tags.keys():
        return Verdict.CANNOT_TELL
    if any(name in tags[file] for file in before):
        return Verdict.CANNOT_TELL if kept else Verdict.DONE
    return Verdict.NOT_DONE


def _still_at_it(task: Task) -> bool:
    return isinstance(task.driver, GuestControl) and task.driver.job_is_active(task.uuid)


def _mend(task: Task, seen: DomainSighting) -> None:
    """Afterwards the snapshot is listed, or no image holds anything of it, if all are in sight;
    the guest runs if it did.
    """
    if _still_at_it(task):
        return
    tags = _left_of_it(task, seen)
    if tags:
        _make_known(task, seen, tags)
    if seen.state is DomainState.PAUSED and seen.reason in _PAUSED_BY_LIBVIRT and _should_run(task):
        _log.warning("the guest was left paused, and goes on", extra={"operation": task.operation.id})
        task.driver.resume(task.uuid)


def _left_of_it(task: Task, seen: DomainSighting) -> list[OrphanTag]:
    """What the images hold of a snapshot that should be listed and is not;
    nothing where one of them is out of sight.
    """
    name, images = task.arguments["name"], task.evidence.get("images", ())
    # With one of them out of sight a whole snapshot would be taken for a part of one, and deleted.
    in_sight = {image.files[0] for image in _images(task)} >= {*images}
    if not images or not in_sight or name in seen.snapshots or task.flags & SnapshotCreate.NO_METADATA:
        return []
    return [tag for tag in _eye(task).orphans(task.uuid) if tag.tag == name and tag.file in images]


def _should_run(task: Task) -> bool:
    """It ran before, and no ``suspend`` of ours came beside. What others did meanwhile nobody has recorded yet."""
    placement = task.records.domain(task.domain.id).placements.get(str(task.lead.host))
    recorded = None if placement is None else placement.state
    return task.evidence.get("state") == DomainState.RUNNING == recorded


def _make_known(task: Task, seen: DomainSighting, tags: list[OrphanTag]) -> bool:
    """Give the hypervisor the metadata it did not come to keep; by that, what is not whole is deleted.

    Returns whether it is whole.
    """
    files = {tag.file for tag in tags}
    held = {chain.disk for chain in _images(task) if chain.files[0] in files}
    definition = task.driver.domain_xml(task.uuid, inactive=False)
    memory = any(tag.vm_state_bytes for tag in tags)
    wanted, others = _disks_it_is_of(task, definition)
    text = snapshot_xml.rebuild(
        task.xml,
        state=_state_of(task) if memory else "shutoff",
        creation_time_s=min(tag.date_s for tag in tags),
        parent=task.evidence.get("current_snapshot"),
        memory=memory,
        # What it lacks of a disk it is said to have as well: libvirt refuses half of one, and deletes what there is.
        disks=[DiskSnapshot(disk, "internal" if disk in wanted | held else "no") for disk in wanted | held | others],
        domain=definition,
        inactive_domain=task.driver.domain_xml(task.uuid, inactive=True) if seen.active and seen.persistent else None,
    )
    task.driver.snapshot_create(task.uuid, text, SnapshotCreate.REDEFINE | SnapshotCreate.CURRENT)
    whole = held == wanted and memory == (task.evidence.get("hypervisor_id") is not None)
    if not whole:
        _log.warning("deletes what there is of a snapshot that is not whole", extra={"operation": task.operation.id})
        task.driver.snapshot_delete(task.uuid, task.arguments["name"], SnapshotDelete.NONE)
    return whole


def _state_of(task: Task) -> str:
    return "paused" if task.evidence.get("state") == DomainState.PAUSED else "running"


def _disks_it_is_of(task: Task, definition: str) -> tuple[set[str], set[str]]:
    """The disks a snapshot is to hold, which are all that are written to and were not left out; and the others."""
    asked = {disk.name: disk.snapshot for disk in snapshot_xml.read(task.xml).disks}
    wanted, others = set[str](), set[str]()
    for disk in domain_xml.read(definition).disks:
        usual = disk.snapshot or ("no" if disk.readonly else None)
        told = asked.get(disk.target) or asked.get(disk.source or "") or usual
        (others if told == "no" or disk.source is None else wanted).add(disk.target)
    return wanted, others


VERB = Verb(
    _create,
    Evidence(
        "the snapshot is listed, or its name, free before, is in the images",
        _was_created,
        before=_look_whether_the_name_is_free,
        mend=_mend,
    ),
)
