"""Histories for the tests of projections: one that uses every kind of event, and random ones that respect no rules.

Events are made by the aggregates themselves, so a history is what the log could hold; a random one also has what no
decision would allow, since whatever is in the log must fold.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain_model.domain import Domain
from domain_model.host import Host
from domain_model.libvirt import DomainState
from domain_model.names import HOSTS, Name
from projections.ports import RecordedEvent
from tests.unit.checkpoint_fields import as_checkpoint
from tests.unit.drift_fields import accepted_drift
from tests.unit.operation_fields import any_of_operation
from tests.unit.people_histories import about_people
from tests.unit.schedule_histories import HOLDING, about_schedules, of_hold

_SPACE = UUID("00000000-0000-4000-8000-000000000000")
BEGINNING = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

Anything = TypeVar("Anything")
Pick = Callable[[Sequence[Any]], Any]


def named(name: str) -> UUID:
    """An id that is the same in every run."""
    return uuid5(_SPACE, name)


def digest(name: str) -> str:
    return named(name).hex * 2


ALPHA, BETA, GAMMA = (str(named(host)) for host in ("alpha", "beta", "gamma"))
PLACES = (ALPHA, BETA, GAMMA)


class History:
    """Collects the events of several aggregates in the order in which they happened, a second apart."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.domains: dict[str, Domain] = {}
        self._now = BEGINNING

    @property
    def at(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def took(self, aggregate: Aggregate) -> None:
        """Take over what an aggregate decided."""
        self.events.extend(aggregate.collect_events())

    def domain(self, name: str, host: str = ALPHA) -> Domain:
        """A new domain."""
        domain = Domain.introduce(named(name), uuid=str(named(name)), name=name, host=host, at=self.at)
        self.domains[name] = domain
        self.took(domain)
        return domain

    def record(self, domain: Domain, event: type[Domain.Event], /, **fields: Any) -> None:
        domain.record(event, self.at, **fields)
        self.took(domain)

    def fact(self, domain: Domain, event: type[Domain.Event], host: str = ALPHA, /, **fields: Any) -> None:
        """Record something that was only observed."""
        self.record(domain, event, host=host, operation=None, origin="observed", **fields)


def state(value: DomainState, reason: int = 0, *, id: int | None = None, live: str | None = None) -> dict[str, Any]:
    """The fields of an event that says which state a domain is in."""
    return {"state": int(value), "reason": reason, "hypervisor_id": id, "live": live}


def snapshot(name: str, parent: str | None = None, *, current: bool = True, text: str = "") -> dict[str, Any]:
    """The fields of an event about one snapshot."""
    return {
        "snapshot": str(named(name)),
        "name": name,
        "parent": None if parent is None else str(named(parent)),
        "state": "shutoff",
        "creation_time": 1767322000 + len(name),
        "description": f"before {name}\n\tügly \\ text",
        "location": "internal",
        "current": current,
        "header": digest(f"{name} header {parent} {text}"),
        "domain": digest("definition"),
        "inactive_domain": None,
    }


def hosts(history: History) -> None:
    """All that happens to hosts and to names."""
    for place, name in zip(PLACES, ("alpha", "beta", "gamma"), strict=True):
        host = Host.add(UUID(place), name=name, uri=f"simulator:///{name}", at=history.at)
        claim = Name.claim_first(HOSTS, name, place, history.at)
        host.identify(
            driver="simulator",
            host_uuid=str(named(f"board of {name}")),
            hostname=f"{name}.example.org",
            capabilities={"redefine": True, "unique_uuids": True, "weight": 1.5, "list": ["b", "a"]},
            at=history.at,
        )
        host.lead(worker=str(named(f"worker of {name}")), epoch=1, at=history.at)
        if name == "beta":
            host.limit(9, history.at)
            host.set_adoption("all", history.at)
            host.disable(actor="uid:0(root)", reason="new memory", at=history.at)
        if name == "gamma":
            host.disable(actor="uid:0(root)", reason="old", at=history.at)
            host.enable(history.at)
            host.set_uri("simulator:///moved", history.at)
            host.remove(history.at)
            claim.release(place, history.at)
            claim.claim(str(named("another")), history.at)
        history.took(host)
        history.took(claim)


def operation(history: History, domain: Domain, name: str, verb: str, end: type[Domain.Event], **said: Any) -> None:
    """One operation from its request to its end."""
    operation = str(named(name))
    history.record(
        domain,
        Domain.OperationRequested,
        operation=operation,
        verb=verb,
        host=ALPHA,
        arguments={"name": "s1", "flags": 3, "xml": digest(name), "more": {"deep": [1, None, 2.5]}},
    )
    worker = str(named("worker of alpha"))
    evidence = {"state": 5, "snapshots": ["s1"]}
    history.record(
        domain, Domain.OperationStarted, operation=operation, host=ALPHA, worker=worker, epoch=1, evidence=evidence
    )
    history.record(domain, end, operation=operation, host=ALPHA, **said)


def settled(history: History, domain: Domain) -> None:
    """One operation is withdrawn; of two whose outcome was unknown, somebody knows by now."""
    withdrawn = {"operation": str(named("withdraw")), "host": ALPHA}
    history.record(domain, Domain.OperationRequested, **withdrawn, verb="start", arguments={})
    history.record(domain, Domain.OperationCancelled, **withdrawn)
    for name, outcome in (("find done", "succeeded"), ("find not done", "failed")):
        lost = {"message": "the answer was lost", "evidence_lasts": True}
        operation(history, domain, name, "reboot", Domain.OperationOutcomeUnknown, **lost)
        said = {"outcome": outcome, "evidence": "its uptime"}
        history.record(domain, Domain.OperationSettled, operation=str(named(name)), host=ALPHA, **said)


def life(history: History, domain: Domain) -> None:
    """Everything that can become of a domain itself, ending shut off, persistent and with four snapshots on alpha."""
    running = state(DomainState.RUNNING, 1, id=7, live=digest("live"))
    history.fact(domain, Domain.Defined, name="vm", definition=digest("definition"))
    history.fact(domain, Domain.Started, name="vm", **running)
    history.fact(domain, Domain.Suspended, **state(DomainState.PAUSED, 1, id=7, live=digest("live")))
    history.fact(domain, Domain.Resumed, **state(DomainState.RUNNING, 5, id=7, live=digest("live")))
    history.fact(domain, Domain.PMSuspended, **state(DomainState.PMSUSPENDED, 0, id=7, live=digest("live")))
    history.fact(domain, Domain.Rebooted)
    history.fact(domain, Domain.Reset)
    history.fact(domain, Domain.LiveChanged, live=digest("live again"))
    history.fact(domain, Domain.Updated, autostart=True, managed_save=True)
    history.fact(domain, Domain.ImagesSeen, **_images(("/top", "/base")))
    history.fact(domain, Domain.Renamed, name="another", name_before="vm")
    history.fact(domain, Domain.Renamed, name="vm", name_before="another")
    history.fact(domain, Domain.ShuttingDown, **state(DomainState.SHUTDOWN, 1, id=7, live=digest("live")))
    history.fact(domain, Domain.Crashed, **state(DomainState.CRASHED, 1, id=7, live=digest("live")))
    history.fact(domain, Domain.Stopped, **state(DomainState.SHUTOFF, 2))
    for name, parent in (("s1", None), ("s2", "s1"), ("s3", "s2"), ("s4", "s2"), ("s5", "s3")):
        history.fact(domain, Domain.SnapshotCreated, **snapshot(name, parent))
    history.fact(domain, Domain.SnapshotReverted, snapshot=str(named("s2")), name="s2", **state(DomainState.SHUTOFF, 7))
    history.fact(domain, Domain.SnapshotMadeCurrent, snapshot=str(named("s3")), name="s3")
    history.fact(
        domain,
        Domain.SnapshotDeleted,
        removed=[{"snapshot": str(named("s3")), "name": "s3"}],
        reparented=[
            {
                "snapshot": str(named("s5")),
                "parent": str(named("s2")),
                "parent_before": str(named("s3")),
                "header": digest("s5 under s2"),
            }
        ],
        current_before=str(named("s3")),
        current=str(named("s2")),
        metadata_only=False,
        data_kept=True,
    )
    missing = [{"snapshot": str(named("s4")), "why": "no snapshot 's4' in /images/top.qcow2"}]
    history.fact(domain, Domain.SnapshotsVerified, present=[str(named("s1"))], missing=missing, unverified=[])
    history.fact(domain, Domain.SnapshotsVerified, present=[], missing=[], unverified=[str(named("s1"))])


def backups(history: History, domain: Domain) -> None:
    """Everything that can become of checkpoints and backups, ending with two checkpoints and a backup that runs."""
    for name, parent in (("s1", None), ("s2", "s1"), ("s3", "s2")):
        history.fact(domain, Domain.CheckpointCreated, **as_checkpoint(snapshot(name, parent)))
    history.fact(domain, Domain.CheckpointRedefined, replaced=None, **as_checkpoint(snapshot("s3", "s2", text="x")))
    history.fact(
        domain,
        Domain.CheckpointDeleted,
        removed=[{"checkpoint": str(named("s1")), "name": "s1"}],
        reparented=[{"checkpoint": str(named("s2")), "parent": None, "parent_before": None, "header": digest("root")}],
        current_before=str(named("s3")),
        current=str(named("s3")),
        metadata_only=False,
    )
    for backup in ("first", "second"):
        said = {"backup": str(named(backup)), "incremental": "s1", "checkpoint": None, "document": digest(backup)}
        history.fact(domain, Domain.BackupBegun, **said)
        history.fact(domain, Domain.BackupEnded, backup=str(named("first")), outcome="failed", message="no space")


def away(history: History, domain: Domain) -> None:
    """The domain is replayed to beta, handed over, gone from alpha, undefined where it was never more than asked."""
    history.fact(domain, Domain.Defined, BETA, name="vm", definition=digest("definition"))
    for name, parent in (("s1", None), ("s2", "s1"), ("s4", "s2"), ("s5", "s2")):
        history.fact(domain, Domain.SnapshotRedefined, BETA, **snapshot(name, parent, current=name == "s2"))
    history.fact(domain, Domain.ReplicaVerified, BETA, content=domain.content, identical=4, total=4)
    history.record(domain, Domain.HandedOver, operation=str(named("handover")), host=BETA, previous=ALPHA)
    replaced = {"header": digest("s4 under s2"), "domain": digest("definition"), "inactive_domain": None}
    moved = snapshot("s4", "s1", current=False, text="moved")
    history.fact(domain, Domain.SnapshotRedefined, BETA, replaced=replaced, **moved)
    history.fact(domain, Domain.SnapshotsVerified, BETA, present=[str(named("s5"))], missing=[], unverified=[])
    history.fact(domain, Domain.Undefined, ALPHA)


def every_topic() -> list[Any]:
    """A history that uses every kind of event, and what only some of them bring about."""
    history = History()
    hosts(history)
    domain = history.domain("vm")
    operation(history, domain, "define it", "define", Domain.OperationSucceeded, result={"position": 3, "at": 0.25})
    operation(history, domain, "fail", "start", Domain.OperationFailed, code=55, message="no", result={})
    operation(history, domain, "lose", "destroy", Domain.OperationOutcomeUnknown, message="the answer was lost")
    settled(history, domain)
    life(history, domain)
    backups(history, domain)
    away(history, domain)
    history.record(domain, Domain.DriftAccepted, **accepted_drift(BETA))
    gone = history.domain("gone", BETA)
    history.fact(gone, Domain.Started, BETA, name="gone", **state(DomainState.RUNNING, 1, id=2))
    history.fact(gone, Domain.SnapshotCreated, BETA, **snapshot("gone with it"))
    history.fact(gone, Domain.Stopped, BETA, **state(DomainState.SHUTOFF, 1))
    cleared = history.domain("cleared")
    history.fact(cleared, Domain.Defined, name="cleared", definition=digest("definition"))
    history.fact(cleared, Domain.SnapshotCreated, **snapshot("lost"))
    history.fact(cleared, Domain.Undefined)
    correlated = named(f"correlation {len(history.events) + 2}")
    history.events += about_schedules(correlated, cleared, snapshot("by the clock"), history.at)
    history.events += about_people(named("people"), domain.id, history.at)
    return history.events


_SNAPSHOTS = ("s1", "s2", "s3", "s4")
_STATES = {
    Domain.Started: DomainState.RUNNING,
    Domain.Suspended: DomainState.PAUSED,
    Domain.Resumed: DomainState.RUNNING,
    Domain.ShuttingDown: DomainState.SHUTDOWN,
    Domain.Crashed: DomainState.CRASHED,
    Domain.PMSuspended: DomainState.PMSUSPENDED,
    Domain.Stopped: DomainState.SHUTOFF,
}
_KINDS = (
    *_STATES,
    *(Domain.SnapshotCreated, Domain.SnapshotRedefined, Domain.SnapshotDeleted) * 2,
    *(Domain.Defined, Domain.Undefined, Domain.HandedOver),
    *(Domain.SnapshotReverted, Domain.SnapshotMadeCurrent, Domain.SnapshotsVerified),
    *(Domain.Renamed, Domain.ImagesSeen, *HOLDING),
    *(Domain.CheckpointCreated, Domain.CheckpointRedefined, Domain.CheckpointDeleted),
    *(Domain.BackupBegun, Domain.BackupEnded),
    *(Domain.ReplicaVerified, Domain.Updated, Domain.LiveChanged, Domain.Rebooted, Domain.Reset, Domain.DriftAccepted),
    *(Domain.OperationRequested, Domain.OperationStarted, Domain.OperationSucceeded),
    *(Domain.OperationFailed, Domain.OperationOutcomeUnknown, Domain.OperationCancelled, Domain.OperationSettled),
)


def happen(history: History, domain: Domain, pick: Pick) -> None:
    """Anything at all happens to a domain, whether or not it makes sense."""
    kind = pick(_KINDS)
    fields = {"host": pick(PLACES)} | _fields(kind, pick)
    if not kind.__name__.startswith("Operation") and kind not in (Domain.HandedOver, Domain.DriftAccepted):
        fields |= {"operation": None, "origin": "observed"}
    history.record(domain, kind, **(of_hold(kind, pick) if kind in HOLDING else fields))


def _fields(kind: type[Domain.Event], pick: Pick) -> dict[str, Any]:
    if kind.__name__.startswith("Operation"):
        return any_of_operation(kind, pick) | {"operation": str(named(pick(("first", "second", "third"))))}
    if kind in _STATES or kind is Domain.SnapshotReverted:
        fields = state(
            _STATES.get(kind, DomainState.RUNNING), pick((0, 1)), id=pick((None, 1, 2)), live=pick((None, "x"))
        )
        if kind is Domain.Started:
            fields["name"] = pick(("vm", "other"))
        return fields | _one(pick) if kind is Domain.SnapshotReverted else fields
    if kind in (Domain.SnapshotCreated, Domain.SnapshotRedefined):
        said = snapshot(pick(_SNAPSHOTS), pick((None, *_SNAPSHOTS)), current=pick((True, False)), text=pick(("", "x")))
        return said | {"name": pick((said["name"], "one name for several"))}
    if kind is Domain.SnapshotDeleted:
        return _deleted(pick)
    if kind.__name__.startswith(("Checkpoint", "Backup")):
        return _of_checkpoints(kind, pick)
    rest: dict[Any, dict[str, Any]] = {
        Domain.Defined: {"name": pick(("vm", "other")), "definition": digest(pick(("one", "two")))},
        Domain.HandedOver: {"operation": str(named("handover")), "previous": pick(PLACES)},
        Domain.SnapshotMadeCurrent: pick(({"snapshot": None, "name": None}, _one(pick))),
        Domain.ReplicaVerified: {"content": "x", "identical": 1, "total": 1},
        Domain.SnapshotsVerified: _verified(pick),
        Domain.Renamed: {"name": pick(("vm", "other")), "name_before": "vm"},
        Domain.ImagesSeen: _images(pick(((), ("/top", "/base")))),
        Domain.Updated: {"autostart": pick((True, False)), "managed_save": pick((True, False))},
        Domain.LiveChanged: {"live": digest(pick(("one", "two")))},
        Domain.DriftAccepted: accepted_drift(pick(PLACES)),
    }
    return rest.get(kind, {})


def _of_checkpoints(kind: type[Domain.Event], pick: Pick) -> dict[str, Any]:
    if kind.__name__.startswith("Checkpoint"):
        alike = Domain.SnapshotDeleted if kind is Domain.CheckpointDeleted else Domain.SnapshotCreated
        return as_checkpoint(_fields(alike, pick)) | ({"replaced": None} if kind is Domain.CheckpointRedefined else {})
    said: dict[str, Any] = {"backup": str(named(pick(("first", "second"))))}
    if kind is Domain.BackupEnded:
        return said | {"outcome": "completed", "message": pick((None, "so"))}
    return said | {"incremental": None, "checkpoint": pick((None, "s1")), "document": digest("backup")}


def _one(pick: Pick) -> dict[str, str]:
    name = pick(_SNAPSHOTS)
    return {"snapshot": str(named(name)), "name": name}


def _images(files: Sequence[str]) -> dict[str, Any]:
    return {"files": {"vda": list(files), "vdb": []}, "names": {"/link": "/base"}, "cut": {"vdb": "not here"}}


def _verified(pick: Pick) -> dict[str, Any]:
    found: dict[str, list[Any]] = {"present": [], "missing": [], "unverified": []}
    for name in dict.fromkeys((pick(_SNAPSHOTS), pick(_SNAPSHOTS))):
        kind, id = pick(tuple(found)), str(named(name))
        found[kind].append({"snapshot": id, "why": "gone"} if kind == "missing" else id)
    return found


def _deleted(pick: Pick) -> dict[str, Any]:
    removed, moved = pick(_SNAPSHOTS), pick(_SNAPSHOTS)
    parent = pick((None, *_SNAPSHOTS))
    current = pick((None, *_SNAPSHOTS))
    to = {"parent": None if parent is None else str(named(parent)), "parent_before": None, "header": digest("moved")}
    return {
        "removed": [{"snapshot": str(named(removed)), "name": removed}],
        "reparented": [{"snapshot": str(named(moved)), **to}],
        "current_before": None,
        "current": None if current is None else str(named(current)),
        "metadata_only": True,
        "data_kept": pick((True, False)),
    }


def random_events(seed: int, count: int, domains: int = 3) -> list[Any]:
    """``count`` events of a few domains, the same for the same seed."""
    rng, history = random.Random(seed), History()
    chosen = [history.domain(f"domain {number} of {seed}") for number in range(domains)]
    while len(history.events) < count:
        happen(history, rng.choice(chosen), rng.choice)
    return history.events


def recorded(events: Iterable[Any]) -> list[RecordedEvent]:
    """Events as the log would hand them over, from position 1."""
    return [
        RecordedEvent(
            position=position,
            stream=event.originator_id,
            version=event.originator_version,
            topic=event.TOPIC,
            event=event,
            recorded_at=BEGINNING + timedelta(hours=position),
            actor="uid:1000(alice)",
            reason=None,
            ticket=None,
            request_id=named(f"request {position}"),
            correlation=named(f"correlation {position}"),
            causation=None,
        )
        for position, event in enumerate(events, start=1)
    ]
