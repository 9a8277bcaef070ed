"""Healing: which operations make a domain again what it was by Revisor's word, and what no operation can.

Nothing is given up to get there: a snapshot that somebody took holds data, and so does a guest's saved memory. What has
such a price is left to a person, and said one by one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain_model import drift
from domain_model.domain import Domain
from domain_model.drift import Drift
from domain_model.libvirt import DomainState

REDEFINE = "snapshot-create"
"""The verb by which metadata is redefined."""
_METADATA_ONLY = "only metadata comes back: what was deleted of the data stays gone"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What heals one drift: a verb and its arguments, or ``why`` there is none.

    One that ``waits`` cannot be asked for before another one of the same domain has been done. ``note`` says what it
    does not bring back.
    """

    drift: Drift
    verb: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    why: str | None = None
    waits: bool = False
    note: str | None = None


def remedies(drifts: Sequence[Drift], domain: Domain, host: str, *, destroy: bool = False) -> list[Remedy]:
    """A remedy for each drift of a domain on a host, in the order in which they are to be done.

    A guest that somebody started is asked to shut down; with ``destroy`` it is stopped at once.
    """
    placement, owner = domain.placements.get(host), domain.owner
    if owner is not None and owner is not placement:
        return [Remedy(each, why=_of_a_replica(each)) for each in drifts]
    ordered = sorted(drifts, key=lambda each: _ORDER.index(each.aspect))
    return [_remedy(each, _Case(domain, ordered, is_gone=placement is None, destroy=destroy)) for each in ordered]


@dataclass(frozen=True, slots=True)
class _Case:
    domain: Domain
    drifts: Sequence[Drift]
    is_gone: bool
    destroy: bool

    def has(self, aspect: str) -> bool:
        return any(each.aspect == aspect for each in self.drifts)


def _of_a_replica(each: Drift) -> str:
    if each.aspect == drift.STATE:
        return "it is a replica, which may not run: see to it with the host's own tools"
    return "it is a replica: 'replay' makes it anew"


def _remedy(each: Drift, case: _Case) -> Remedy:
    remedy = _HEALERS[each.aspect](each, case)
    waits = remedy.verb is not None and case.is_gone and each.aspect != drift.DEFINITION
    return replace(remedy, waits=waits or remedy.waits)


def _name(each: Drift, _case: _Case) -> Remedy:
    return Remedy(each, "domrename", {"name": each.recorded})


def _definition(each: Drift, case: _Case) -> Remedy:
    if each.recorded is None:
        return Remedy(each, why="by our word it has no definition: accept the one it has, or undefine it")
    # A definition names its domain, so it is another one already when that was renamed.
    return Remedy(each, "define", {"definition": each.recorded}, waits=case.has(drift.NAME) and not case.is_gone)


def _snapshot(each: Drift, _case: _Case) -> Remedy:
    match each.observed:
        case drift.ADDED:
            return Remedy(each, why="somebody took it and it holds data: accept it, or delete it with snapshot-delete")
        case drift.GONE:
            return Remedy(each, "snapshot-undelete", {"name": each.name}, note=_METADATA_ONLY)
        case _ if each.recorded is None:
            return Remedy(each, why="what it was is not known: accept it")
        case _:
            return Remedy(each, REDEFINE, {"redefine": True, "documents": each.recorded}, note=_METADATA_ONLY)


def _current(each: Drift, case: _Case) -> Remedy:
    forest = case.domain.forest
    if each.recorded in forest.lost:
        return Remedy(each, "replay", note=_METADATA_ONLY)
    if each.recorded is None:
        return Remedy(each, why="no verb leaves a domain without a current snapshot: accept it")
    record = forest.find(each.recorded)
    if record is not None:
        return Remedy(each, "snapshot-current", {"name": record.name})
    buried = forest.grave.find(each.recorded)
    if buried is None:
        return Remedy(each, why="the snapshot that was current is gone for good: accept it")
    return Remedy(each, "snapshot-current", {"name": buried.record.name}, waits=True)


def _autostart(each: Drift, _case: _Case) -> Remedy:
    return Remedy(each, "autostart", {} if each.recorded else {"disable": True})


def _managed_save(each: Drift, case: _Case) -> Remedy:
    if each.recorded:
        return Remedy(
            each, why="what was saved of the guest is gone, and only the guest could save it again: accept it"
        )
    if case.has(drift.STATE):
        return Remedy(each, why="it goes when the domain starts")
    return Remedy(each, why="it holds the guest's memory: start the domain, or give it up with managedsave-remove")


def _state(each: Drift, case: _Case) -> Remedy:
    wanted, now = DomainState(each.recorded), DomainState(each.observed)
    if case.is_gone and not case.has(drift.DEFINITION):
        return Remedy(each, why="it was transient and has ended: create it again, or accept it")
    if wanted is DomainState.SHUTOFF:
        return _stop(each, now, case)
    verb, arguments = _STATES.get((wanted, now), (None, {}))
    if verb is None:
        return Remedy(each, why=f"no single operation makes it {wanted.words} again: accept it, or see to it")
    return Remedy(each, verb, arguments)


def _stop(each: Drift, now: DomainState, case: _Case) -> Remedy:
    """A guest that runs is asked; one that cannot hear would lose its memory, which a person has to want."""
    if case.destroy:
        return Remedy(each, "destroy")
    if now is DomainState.RUNNING:
        return Remedy(each, "shutdown")
    return Remedy(
        each, why=f"it is {now.words} and cannot shut itself down: --destroy stops it, and its memory is lost"
    )


_STATES: dict[tuple[DomainState, DomainState], tuple[str | None, dict[str, Any]]] = {
    (DomainState.RUNNING, DomainState.SHUTOFF): ("start", {}),
    (DomainState.RUNNING, DomainState.PAUSED): ("resume", {}),
    (DomainState.RUNNING, DomainState.PMSUSPENDED): ("dompmwakeup", {}),
    (DomainState.PAUSED, DomainState.SHUTOFF): ("start", {"paused": True}),
    (DomainState.PAUSED, DomainState.RUNNING): ("suspend", {}),
}
"""What leads from an observed state back to the recorded one."""

_HEALERS: dict[str, Callable[[Drift, _Case], Remedy]] = {
    drift.NAME: _name,
    drift.DEFINITION: _definition,
    drift.SNAPSHOT: _snapshot,
    drift.CURRENT: _current,
    drift.AUTOSTART: _autostart,
    drift.MANAGED_SAVE: _managed_save,
    drift.STATE: _state,
}
_ORDER = list(_HEALERS)
"""A name must be right before a definition, and a domain off to be renamed; it starts when all else is as it was."""
