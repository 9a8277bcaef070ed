"""What is answered over HTTP, for the OpenAPI document: keys are only ever added to.

Answers are made from the service's rows as they are; these models describe them and are not run over each row.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item", bound=BaseModel)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Document(Open, Generic[Item]):
    """What reads answer with. ``position`` is the place in the log, ``observed_at`` when hosts were last looked at.

    What was read as of a position has that position, and was looked at by nobody.
    """

    kind: str
    position: int
    observed_at: datetime | None
    items: list[Item]


class ErrorDetail(Open):
    """``code`` and ``name`` are libvirt's."""

    code: int
    name: str
    message: str
    field: str | None
    value: str | None
    accepted: str | None


class ErrorBody(Open):
    error: ErrorDetail


class OperationError(Open):
    code: int
    message: str


class Progress(Open):
    done: int
    total: int


class SettledBy(Open):
    by: str
    evidence: str
    reason: str | None = None
    ticket: str | None = None


class OperationItem(Open):
    """``result`` of a replay is its report.

    ``settled`` says on which evidence an outcome was recorded that was unknown.

    ``held_up`` says what keeps it from going on, while it has not ended: its host or agent is away, the host is
    disabled or busy, another operation of its domain is first, or a restored log waits. It goes on when that is over.
    """

    id: UUID
    request_id: UUID | None
    verb: str
    domain: str
    host: str
    state: Literal["queued", "started", "succeeded", "failed", "unknown", "cancelled"]
    error: OperationError | None
    requested_at: datetime
    ended_at: datetime | None
    actor: str
    arguments: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    progress: Progress | None = None
    settled: SettledBy | None = None
    held_up: str | None = None


class Disabling(Open):
    """Since when a host is disabled, by whom and why."""

    at: datetime
    actor: str
    reason: str


class HostItem(Open):
    name: str
    uri: str
    driver: str | None = None
    hostname: str | None = None
    host_uuid: str | None = None
    disabled: Disabling | None = None
    operations: int | None = None
    """How many it carries out at once."""
    adopt: str | None = None
    """``all``: domains that nobody recorded are taken in as they are found; ``none``: they are told of."""
    added: bool | None = None
    """Only of the answer to who adds it: false where it was there already."""
    disabled_before: Disabling | None = None
    """Only of the answer to who disables it: by whom and why it was till then, if it was."""


class DomainItem(Open):
    id: int | None
    name: str
    uuid: UUID
    host: str
    role: Literal["owner", "replica", "foreign"]
    state: str
    reason: str
    persistent: bool
    autostart: bool
    managed_save: bool
    has_snapshots: bool
    has_checkpoints: bool
    title: str | None = None
    """Only where titles were asked for."""


class DomainInformation(DomainItem):
    os_type: str | None = None
    vcpus: int | None = None
    max_memory_kib: int | None = None
    used_memory_kib: int | None = None


class SnapshotItem(Open):
    name: str
    id: str
    parent: str | None
    children: list[str]
    state: str
    location: Literal["internal", "external", "none"]
    creation_time: int
    current: bool
    presence: Literal["present", "missing", "unverified"]
    """Whether its data was found in the images, by the last look at them."""
    why: str | None = None
    """Of a missing one: what is not there."""
    has_description: bool
    host: str | None = None
    """Where the domain's owner is: of a replica, too, these are the owner's."""
    held: bool = False
    held_by: str | None = None
    held_until: datetime | None = None
    """None of a held one: until it is released."""
    held_reason: str | None = None
    held_ticket: str | None = None


class CheckpointItem(Open):
    name: str
    id: str
    parent: str | None
    children: list[str]
    creation_time: int
    current: bool
    has_description: bool


class BackupItem(Open):
    domain: str
    operation: str
    host: str | None
    state: Literal["running", "completed", "cancelled", "failed", "unknown"]
    incremental: str | None
    checkpoint: str | None
    begun_at: datetime
    ended_at: datetime | None
    message: str | None


class FateItem(Open):
    name: str
    fate: str


class EndangeredItem(Open):
    file: str
    dependents: list[str]


class PlanItem(Open):
    """What a verb would touch."""

    verb: str
    domain: str
    files: list[FateItem]
    snapshots: list[FateItem]
    memory: list[str]
    reversible: bool
    way_back: str
    endangered: list[EndangeredItem]
    unknown: list[str]


class LogItem(Open):
    position: int
    recorded_at: datetime
    occurred_at: datetime
    topic: str
    origin: str | None
    actor: str
    reason: str | None
    ticket: str | None
    operation: UUID | None
    request_id: UUID | None
    summary: str
    data: dict[str, Any]


class AttemptItem(Open):
    recorded_at: datetime
    actor: str
    verb: str
    target: str
    code: int
    message: str


class ProjectionItem(Open):
    name: str
    position: int
    behind: int | None = None
    """How many events it has not seen."""
    behind_s: float | None = None
    """The age of the oldest of them."""
    state: Literal["caught up", "behind", "parked"] | None = None
    error: str | None = None
    parked_at: int | None = None
    """The position of the event it could not take."""
    parked_topic: str | None = None


class SeenDomain(Open):
    domain: UUID
    host: str
    name: str


class ChangedDomain(SeenDomain):
    what: list[str] | None = None
    """The topics of what was observed; what was acknowledged long ago does not tell."""


class LeftDomain(Open):
    host: str
    name: str
    why: str


class RestoreItem(Open):
    """What was found when a restored log was compared. ``witnessed_position`` was known outside the database."""

    why: str
    witnessed_position: int | None
    position: int
    compared: list[str]
    left_out: list[str]
    adopted: list[SeenDomain]
    changed: list[ChangedDomain]
    gone: list[SeenDomain]
    left: list[LeftDomain]
    unsettled: list[UUID]


class AcknowledgedItem(RestoreItem):
    """The same, and who acknowledged it when: ``recorded_position`` is that of this record itself."""

    recorded_at: datetime
    actor: str
    reason: str | None
    ticket: str | None
    recorded_position: int


class DriftItem(Open):
    """One aspect of a domain on a host that is not as our own last operation left it.

    ``aspect`` is state, definition, autostart, managed save, name, snapshot or current snapshot; or ``domain``, of one
    that nobody recorded there, with ``advice``. Definitions are digests, null for none. The recorded position of a
    snapshot may not be known. ``diff`` is of a definition, or of a snapshot that changed, where one domain's drift was
    asked for: unified, without secrets, and empty where only those differ.
    """

    domain: str
    uuid: UUID
    host: str
    role: Literal["owner", "replica", "foreign"] | None
    aspect: str
    snapshot: str | None
    recorded: str | bool | None
    observed: str | bool | None
    recorded_position: int | None
    recorded_at: datetime | None
    observed_position: int | None
    observed_at: datetime
    advice: str | None
    diff: str | None


class RemedyItem(DriftItem):
    """``why`` says what cannot be healed, or was refused; ``waits``, that another operation has to end first;
    ``note``, what does not come back.
    """

    verb: str | None
    arguments: dict[str, Any]
    why: str | None
    waits: bool
    note: str | None
    operation: UUID | None


class AdoptedDomain(Open):
    """``why`` says of one that was left why it was."""

    domain: str
    uuid: UUID
    host: str
    adopted: bool
    why: str | None
