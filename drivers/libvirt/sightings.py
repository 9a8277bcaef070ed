"""Seeing the domains of a libvirt host, in as few questions as their number allows.

A host with a thousand domains is looked at every few seconds. Asking each domain for each of its properties takes six
round trips a domain; libvirt can instead list the domains that have a property, one round trip for all of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from domain_model.libvirt import DomainState
from drivers.libvirt.library import library
from drivers.port import DomainSighting

T = TypeVar("T")

_NO_SUPPORT = 3
_NO_DOMAIN = 42
_NO_DOMAIN_SNAPSHOT = 72
_LOOKS = 3


def sight_all(connection: Any) -> list[DomainSighting]:
    """All domains. One that changed between the questions is looked at by itself, one that went is left out."""
    fleet = _Fleet(connection)
    looks = (_unless(_NO_DOMAIN, partial(fleet.sight, domain)) for domain in connection.listAllDomains(0))
    return [sighting for sighting in looks if sighting is not None]


def sight_one(connection: Any, uuid: str) -> DomainSighting:
    """One domain. Raises libvirtError, number 42 when it is not there."""
    domain, state, reason = _look(connection, uuid)
    for _ in range(_LOOKS):
        if state.active == _has_id(domain):
            break
        domain, state, reason = _look(connection, uuid)  # Its id was of one moment and its state of another.
    snapshots, current = _snapshots(domain)
    return DomainSighting(
        uuid=uuid,
        name=domain.name(),
        hypervisor_id=domain.ID() if _has_id(domain) else None,
        state=state,
        reason=reason,
        persistent=bool(domain.isPersistent()),
        autostart=bool(_unless(_NO_SUPPORT, domain.autostart)),
        managed_save=bool(_unless(_NO_SUPPORT, domain.hasManagedSaveImage)),
        snapshots=snapshots,
        current_snapshot=current,
    )


def snapshot_handles(domain: Any) -> list[Any]:
    """All snapshots of a domain."""
    listed = _unless(_NO_SUPPORT, domain.listAllSnapshots)
    # ESX and VirtualBox can only list names.
    return [domain.snapshotLookupByName(name) for name in domain.snapshotListNames()] if listed is None else listed


def _look(connection: Any, uuid: str) -> tuple[Any, DomainState, int]:
    domain = connection.lookupByUUIDString(uuid)
    state, reason = domain.state()
    return domain, DomainState(state), reason


class _Fleet:
    """What a handful of questions said about all domains of a host at once."""

    def __init__(self, connection: Any) -> None:
        libvirt = library()
        self._connection = connection
        self._states = self._ask_states(libvirt.VIR_DOMAIN_STATS_STATE)
        self._persistent = self._ask(libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
        self._autostart = self._ask(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
        self._managed_save = self._ask(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
        self._with_snapshots = self._ask(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)

    def sight(self, domain: Any) -> DomainSighting:
        uuid = domain.UUIDString()
        state, reason = self._states.get(uuid, (DomainState.NOSTATE, 0))
        if state is DomainState.NOSTATE or state.active != _has_id(domain):
            return sight_one(self._connection, uuid)
        snapshots, current = _snapshots(domain) if uuid in self._with_snapshots else ((), None)
        return DomainSighting(
            uuid=uuid,
            name=domain.name(),
            hypervisor_id=domain.ID() if _has_id(domain) else None,
            state=state,
            reason=reason,
            persistent=uuid in self._persistent,
            autostart=uuid in self._autostart,
            managed_save=uuid in self._managed_save,
            snapshots=snapshots,
            current_snapshot=current,
        )

    def _ask(self, property_flag: int) -> set[str]:
        return {domain.UUIDString() for domain in self._connection.listAllDomains(property_flag)}

    def _ask_states(self, kind_of_statistics: int) -> dict[str, tuple[DomainState, int]]:
        """The states by UUID; nothing where the kind of hypervisor has no such call, so each domain is asked."""
        records = _unless(_NO_SUPPORT, lambda: self._connection.getAllDomainStats(kind_of_statistics, 0)) or []
        return {
            domain.UUIDString(): (DomainState(record["state.state"]), record["state.reason"])
            for domain, record in records
            if "state.state" in record
        }


def _snapshots(domain: Any) -> tuple[tuple[str, ...], str | None]:
    """The names of a domain's snapshots, and of the current one."""
    listed = _unless(_NO_SUPPORT, domain.listAllSnapshots)
    # ESX and VirtualBox can only list names.
    names = domain.snapshotListNames() if listed is None else [snapshot.getName() for snapshot in listed]
    if not names:
        return (), None
    current = _unless(_NO_DOMAIN_SNAPSHOT, domain.snapshotCurrent)
    return tuple(names), None if current is None else current.getName()


def _has_id(domain: Any) -> bool:
    return bool(domain.ID() != -1)


def _unless(number: int, ask: Callable[[], T]) -> T | None:
    """The answer, or None if it is the error ``number``."""
    try:
        return ask()
    except library().libvirtError as error:
        if error.get_error_code() != number:
            raise
        return None
