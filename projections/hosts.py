"""The read model of hosts: the hypervisors under our names, what answered there, and who leads them."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from domain_model.host import OPERATIONS, AdoptionPolicy, Host
from projections.ports import RecordedEvent
from projections.projection import Need, OneRow, Rows, Table

HOSTS = Table(
    name="hosts",
    columns={
        "id": "uuid NOT NULL",
        "name": "text NOT NULL",
        "uri": "text NOT NULL",
        "driver": "text",
        "host_uuid": "text",
        "hostname": "text",
        "capabilities": "jsonb NOT NULL",
        "worker": "uuid",
        "epoch": "bigint NOT NULL",
        "disabled": "jsonb",
        "operations": "integer NOT NULL",
        "adopt": "text NOT NULL",
        "added_at": "timestamptz NOT NULL",
        "removed_at": "timestamptz",
        "position": "bigint NOT NULL",
    },
    key=("id",),
    indexes=("(name)",),
    temporal=True,
)


class Hosts:
    """Which hosts there are."""

    name = "hosts"
    version = 4
    tables = (HOSTS,)
    about = (Host.Created, Host.Event)

    def needs(self, event: RecordedEvent) -> Iterable[Need]:
        return (OneRow(HOSTS, (event.stream,)),)

    def apply(self, rows: Rows, event: RecordedEvent) -> None:
        key = (event.stream,)
        row = _added(event) if isinstance(event.event, Host.Created) else rows.get(HOSTS, key)
        if row is not None:
            rows.put(HOSTS, {**row, **_changes(event), "position": event.position})


def _added(event: RecordedEvent) -> dict[str, Any]:
    return {
        "id": event.stream,
        "name": event.event.name,
        "uri": event.event.uri,
        "driver": None,
        "host_uuid": None,
        "hostname": None,
        "capabilities": {},
        "worker": None,
        "epoch": 0,
        "disabled": None,
        "operations": OPERATIONS,
        "adopt": str(AdoptionPolicy.NONE),
        "added_at": event.occurred_at,
        "removed_at": None,
    }


def _changes(event: RecordedEvent) -> dict[str, Any]:
    said = event.event
    change = _CHANGES.get(type(said))
    return {} if change is None else change(said)


_CHANGES: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    Host.UriChanged: lambda said: {"uri": said.uri},
    Host.Identified: lambda said: {
        "driver": said.driver,
        "host_uuid": said.host_uuid,
        "hostname": said.hostname,
        "capabilities": said.capabilities,
    },
    Host.Led: lambda said: {"worker": UUID(said.worker), "epoch": said.epoch},
    Host.Disabled: lambda said: {"disabled": said.said},
    Host.Enabled: lambda _: {"disabled": None},
    Host.Limited: lambda said: {"operations": said.operations},
    Host.AdoptionSet: lambda said: {"adopt": said.adopt},
    Host.Removed: lambda said: {"removed_at": said.timestamp},
}
"""The columns that each kind of event changes."""
