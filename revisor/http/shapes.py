"""What is answered over HTTP, for the OpenAPI document: keys are only ever added to.

Answers are made from the service's rows as they are; these models describe them and are not run over each row.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item", bound=BaseModel)


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Document(_Open, Generic[Item]):
    """What reads answer with. ``position`` is the place in the log, ``observed_at`` when hosts were last looked at."""

    kind: str
    position: int
    observed_at: datetime | None
    items: list[Item]


class ErrorDetail(_Open):
    """``code`` and ``name`` are libvirt's."""

    code: int
    name: str
    message: str
    field: str | None
    value: str | None
    accepted: str | None


class ErrorBody(_Open):
    error: ErrorDetail


class OperationError(_Open):
    code: int
    message: str


class Progress(_Open):
    done: int
    total: int


class OperationItem(_Open):
    """``result`` of a replay is its report."""

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


class HostItem(_Open):
    name: str
    uri: str
    driver: str | None = None
    hostname: str | None = None
    host_uuid: str | None = None


class DomainItem(_Open):
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


class DomainInformation(DomainItem):
    os_type: str | None = None
    vcpus: int | None = None
    max_memory_kib: int | None = None
    used_memory_kib: int | None = None


class SnapshotItem(_Open):
    name: str
    id: str
    parent: str | None
    children: list[str]
    state: str
    location: Literal["internal", "external", "none"]
    creation_time: int
    current: bool
    presence: str
    has_description: bool


class LogItem(_Open):
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


class AttemptItem(_Open):
    recorded_at: datetime
    actor: str
    verb: str
    target: str
    code: int
    message: str


class ProjectionItem(_Open):
    name: str
    position: int


class Health(_Open):
    status: Literal["ok"]
    position: int
